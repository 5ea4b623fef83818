import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY } from '../../tools/repository.ts'
import { parsePolicy, PRODUCTION_POLICY } from './policy.ts'

/** A row of the table: field, unit, default, effect. */
const ROW = /^\| `(?<field>\w+\.\w+)` \| (?<unit>[^|]+) \| `(?<value>[^`]+)` \| (?<effect>.+) \|$/

test('docs/policy.md has a row for each field of the policy, in its order, with the default of the code', () => {
  assert.deepEqual(
    documented().map(({ field, value }) => [field, value]),
    Object.entries(PRODUCTION_POLICY).flatMap(([section, fields]) =>
      typeof fields === 'string'
        ? []
        : Object.entries(fields).map(([name, value]) => [`${section}.${name}`, JSON.stringify(value)]),
    ),
  )
})

test('each field says its unit and its effect', () => {
  for (const { field, unit, effect } of documented()) {
    assert.ok(unit.trim().length > 3, field)
    assert.ok(effect.trim().length > 20, field)
  }
})

test('scenarios/policies/production.json is the production policy, every field written out', () => {
  const text = read('scenarios/policies/production.json')
  const { comment, ...written } = JSON.parse(text)
  assert.equal(typeof comment, 'string')
  assert.deepEqual(written, PRODUCTION_POLICY)
  assert.deepEqual(parsePolicy(JSON.parse(text)), PRODUCTION_POLICY)
})

function documented() {
  return read('docs/policy.md')
    .split('\n')
    .flatMap((line) => {
      const { field = '', unit = '', value = '', effect = '' } = ROW.exec(line)?.groups ?? {}
      return field === '' ? [] : [{ field, unit, value, effect }]
    })
}

function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8')
}
