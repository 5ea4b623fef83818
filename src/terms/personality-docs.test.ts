import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY } from '../../tools/repository.ts'
import { DIMENSIONS, PERSONALITY_SCHEMA, readDimension } from './personality.ts'
import { encodePersonality, parsePersonality, WIRE_BYTES_MAX } from './personality-codec.ts'

const PAGE = readFileSync(join(REPOSITORY, 'docs', 'personality.md'), 'utf8')
const LINES = PAGE.split('\n')

test('the table in docs/personality.md is the schema: order, name, unit, source, what absence means', () => {
  const rows = LINES.slice(LINES.indexOf('## Schema 1') + 3).filter((line) => line.startsWith('|'))
  assert.deepEqual(
    rows,
    PERSONALITY_SCHEMA.map(
      ({ name, unit, source, absentMeans }, place) =>
        `| ${place} | \`${name}\` | ${unit} | ${source} | ${absentMeans} |`,
    ),
  )
  assert.equal(rows.length, DIMENSIONS)
})

test('the example line is a vector, and its fields are those that are explained', () => {
  const line = LINES.find((candidate) => candidate.startsWith('{"schema":')) ?? ''
  const vector = parsePersonality(line)
  assert.equal(encodePersonality(vector), line)
  const level = readDimension(vector, 'cpuRefCoresMean') ?? 0
  assert.ok(level > 0)
  for (const field of Object.keys(JSON.parse(line)))
    assert.match(PAGE, new RegExp(`^\\|.*\`${field}\`.* \\|$`, 'm'), field)
  assert.ok(PAGE.includes(`at most ${WIRE_BYTES_MAX} bytes`))
})
