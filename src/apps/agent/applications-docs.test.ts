import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fencedBlock } from '../../../tools/documents.ts'
import { REPOSITORY } from '../../../tools/repository.ts'
import { APPLICATION_KEYS, parseApplicationSettings } from '../../drivers/guest/applications/settings.ts'
import { PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import { parseConfigFile } from './config-file.ts'

const PATH = 'docs/applications.md'
const text = readFileSync(join(REPOSITORY, PATH), 'utf8')

/** A row of the settings: key, sections, default, what. */
const ROW = /^\| `([\w-]+)` \| ((?:`\[\w+\]` ?)+)\| [^|]+ \| (.+) \|$/gm

test('the table of settings has each key of each section about applications, and no other', () => {
  const told = [...text.matchAll(ROW)].flatMap(([, key, sections]) =>
    [...sections.matchAll(/\[(\w+)\]/g)].map(([, section]) => `${section} ${key}`),
  )
  const known = Object.entries(APPLICATION_KEYS).flatMap(([section, keys]) =>
    Object.keys(keys).map((key) => `${section} ${key}`),
  )
  assert.deepEqual(told.toSorted(), known.toSorted())
})

test('each dimension that applications fill is told with its unit, as the schema has it', () => {
  for (const { name, unit } of PERSONALITY_SCHEMA)
    if (name.startsWith('application')) assert.ok(text.includes(`| \`${name}\` | ${unit} |`), `${name} in ${unit}`)
})

test('the example of settings is read as it is meant', () => {
  const settings = parseApplicationSettings(parseConfigFile(fencedBlock(PATH, 'ini'), PATH))
  assert.deepEqual(
    [settings.postgresql[0]?.database, settings.redis[0]?.address, settings.redis[0]?.user],
    ['metrics', { host: '127.0.0.1', port: 6380 }, 'ethos-agent'],
  )
  const [shop, haproxy] = settings.prometheus
  assert.deepEqual(Object.keys(shop?.mapping ?? {}).toSorted(), [
    'cacheHits',
    'cacheMisses',
    'latency',
    'requests',
    'writes',
  ])
  assert.equal(shop?.mapping.requests?.length, 2)
  assert.equal(haproxy?.name, 'haproxy')
  assert.equal(settings.otlp?.port, 4318)
})

test('every remedy that the document gives for a password file is the one that holds: mode 0600', () => {
  assert.match(text, /mode 0600/)
  assert.doesNotMatch(text, /mode 06[1-7]0|mode 0644/)
})
