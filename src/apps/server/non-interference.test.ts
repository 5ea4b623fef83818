import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRuns } from '../../../tools/server/non-interference.ts'
import { PROPERTY_SEED } from '../../../tools/property.ts'

const SEEDS = 200

test('what a hostile guest says of itself moves no other VM: 200 sites, each with its vectors and without', async () => {
  let orders = 0
  for (let i = 0; i < SEEDS; i++) {
    const seed = PROPERTY_SEED * SEEDS + i
    const { withVectors, without } = await compareRuns(seed)
    assert.deepEqual(withVectors, without, `seed ${seed}`)
    orders += without.length
  }
  // Equal because nothing ever moves would prove nothing.
  assert.ok(orders > SEEDS)
})
