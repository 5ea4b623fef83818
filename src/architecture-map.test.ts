/** ARCHITECTURE.md says where things are. Maps that nobody checks lead astray. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { REPOSITORY } from '../tools/repository.ts'
import { LAYERS } from '../tools/tidy.ts'

const PAGE = readFileSync(join(REPOSITORY, 'ARCHITECTURE.md'), 'utf8')
const EXPORT_ROW = /^\| (?<seed>[^|]+) \| (?<isType>type )?`(?<name>\w+)` \| `(?<file>src\/[^`]+\.ts)` \|$/
const LAYER_ROW = /^\| `(?<layer>\w+)` \| (?<imports>nothing|`[^|]+`) \|/

const SEED_NAMES = [
  'getPersonalityVector',
  'getSuitableHosts',
  'calculateMigrationScore',
  'selectBestHost',
  'predictContention',
  'migrationThreshold',
  'initiateMigration',
]

const MAP = rows(EXPORT_ROW)

test("each of the seed's names is on the map once", () => {
  const names = MAP.map(({ name }) => name)
  for (const name of [...SEED_NAMES, 'remediate', 'PersonalityVector', 'HostCharacteristics', 'MigrationScore'])
    assert.equal(names.filter((other) => other === name).length, 1, name)
  for (const { seed = '', name = '' } of MAP.filter((row) => SEED_NAMES.includes(row['name'] ?? '')))
    assert.equal(seed.toLowerCase(), name.toLowerCase())
})

for (const { name = '', file = '', isType } of MAP) {
  test(`${file} exports ${name}`, async () => {
    const path = join(REPOSITORY, file)
    if (isType === undefined) assert.equal(typeof (await import(pathToFileURL(path).href))[name], 'function')
    else assert.match(readFileSync(path, 'utf8'), new RegExp(`^export (?:interface|type) ${name}\\b`, 'm'))
  })
}

test('the table of layers is the one that is enforced, and each layer exists', () => {
  const told = rows(LAYER_ROW).map(({ layer = '', imports = '' }) => [
    layer,
    [...imports.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  ])
  assert.deepEqual(Object.fromEntries(told), LAYERS)
  for (const [layer] of told) assert.ok(statSync(join(REPOSITORY, 'src', String(layer))).isDirectory(), String(layer))
})

test('every path that ARCHITECTURE.md and docs/engine.md name exists', () => {
  const pages = PAGE + readFileSync(join(REPOSITORY, 'docs', 'engine.md'), 'utf8')
  const paths = [...pages.matchAll(/`((?:src|tools|scenarios|docs|decisions)\/[\w./-]*)`/g)].map(([, path]) => path)
  assert.ok(paths.length > 40)
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(REPOSITORY, path))),
    [],
  )
})

function rows(pattern: RegExp): readonly Readonly<Record<string, string | undefined>>[] {
  return PAGE.split('\n').flatMap((line) => {
    const groups = pattern.exec(line)?.groups
    return groups === undefined ? [] : [groups]
  })
}
