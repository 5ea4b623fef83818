import * as fc from 'fast-check'
import type { LongTest } from '../long-test.ts'
import { RANDOM_CLUSTERS } from '../random-clusters.ts'
import { checkMemoryOfOrders, checkScreening } from '../suitability-promises.ts'

const CLUSTERS = 100_000

export const longTest: LongTest = {
  summary: `${CLUSTERS} random clusters: no order exceeds a host's memory, and screening agrees with the rules.`,
  run: (seed) => {
    let orders = 0
    let pairs = 0
    const check = fc.property(RANDOM_CLUSTERS, (cluster) => {
      orders += checkMemoryOfOrders(cluster)
      pairs += checkScreening(cluster).pairs
    })
    fc.assert(check, { seed, numRuns: CLUSTERS })
    return { clusters: CLUSTERS, orders, pairs }
  },
}
