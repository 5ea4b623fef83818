import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runApart } from '../../tools/moves/apart.ts'
import { MUTANTS } from '../../tools/moves/mutants.ts'
import { PROPERTY_SEED } from '../../tools/property.ts'

test('a process killed at every line of the journal, before it is durable and just after, loses, doubles and repeats nothing', async () => {
  assert.deepEqual(await runApart('lines', 0, 0), [])
})

test('a process killed at 200 instants of a move loses, doubles and repeats nothing', async () => {
  assert.deepEqual(await runApart('instants', PROPERTY_SEED, 200), [])
})

test('with replies lost before or after the platform heard, a migration begins once at most, and its end is found out', async () => {
  assert.deepEqual(await runApart('replies', PROPERTY_SEED, 50), [])
})

test('through orders, faults, kills and people no invariant is broken', async () => {
  assert.deepEqual(await runApart('fuzz', PROPERTY_SEED * 1000, 15), [])
})

test('each guard that is broken on purpose is noticed', async () => {
  assert.ok(MUTANTS.length >= 30, `${MUTANTS.length} mutants`)
  assert.deepEqual(await runApart('mutants', 1, 12), [])
})
