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

test('seeds that once broke an invariant break none', async () => {
  // The last: three hosts out of reach in turn for longer than ten minutes.
  for (const seed of [100_491, 100_611, 100_776, 101_895, 100_861])
    assert.deepEqual(await runApart('fuzz', seed, 1), [])
})

test('each guard that is broken on purpose is noticed', async () => {
  assert.ok(MUTANTS.length >= 30, `${MUTANTS.length} mutants`)
  assert.deepEqual(await runApart('mutants', 1, 12), [])
})
