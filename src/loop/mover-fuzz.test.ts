import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzMoves } from '../../tools/moves/fuzz.ts'
import { MUTANTS } from '../../tools/moves/mutants.ts'
import { PROPERTY_SEED } from '../../tools/property.ts'

const SEEDS = 15

test('through orders, faults, kills and people no invariant is broken', async () => {
  for (let seed = PROPERTY_SEED * 1000; seed < PROPERTY_SEED * 1000 + SEEDS; seed++)
    assert.deepEqual((await fuzzMoves(seed)).violations, [], `seed=${seed}`)
})

test('each guard that is broken on purpose is noticed', async () => {
  assert.ok(MUTANTS.length >= 30)
  for (const { name, seed, breakage } of MUTANTS) {
    const { violations } = await fuzzMoves(seed, breakage)
    assert.notDeepEqual(
      violations,
      [],
      `${name}, seed=${seed}: nobody noticed; \`npm run test:long -- moves-fuzz\` looks for a seed`,
    )
  }
})
