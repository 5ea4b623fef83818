import assert from 'node:assert/strict'
import { compareRuns } from '../server/non-interference.ts'
import type { LongTest } from '../long-test.ts'

const SITES = 10_000

/** Test 25 of the threat model. */
export const longTest: LongTest = {
  summary:
    `${SITES} imagined sites, each once with hostile vectors from one VM and once with none: the moves ` +
    `of all other VMs are the same.`,
  run: async (seed) => {
    let orders = 0
    let sitesWithOrders = 0
    for (let site = 0; site < SITES; site++) {
      const { withVectors, without } = await compareRuns(seed * SITES + site)
      assert.deepEqual(withVectors, without, `seed ${seed * SITES + site}`)
      orders += without.length
      if (without.length > 0) sitesWithOrders++
    }
    return { sites: SITES, sitesWithOrders, orders }
  },
}
