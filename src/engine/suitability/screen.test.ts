import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { GiB } from '../../terms/units.ts'
import { aContext, aHost, aVm } from '../builders.ts'
import { aLargeContext } from '../../../tools/large-cluster.ts'
import { RANDOM_CLUSTERS } from '../../../tools/random-clusters.ts'
import { checkScreening } from '../../../tools/suitability-promises.ts'
import { getSuitableHosts } from './rank.ts'
import { rankMany } from './rank-many.ts'
import { HOST_RULES } from './rules.ts'
import { screenAll } from './screen.ts'

test('what screening refuses the rules refuse for the same lack, and what it passes fails only by what it leaves open', () => {
  const refusedBy = new Set<string>()
  checkProperty(
    fc.property(RANDOM_CLUSTERS, (cluster) => {
      for (const name of checkScreening(cluster).refusedBy) refusedBy.add(name)
    }),
  )
  // The clusters drawn must have put every rule to the test.
  assert.deepEqual([...refusedBy].toSorted(), HOST_RULES.map(({ name }) => name).toSorted())
})

test('of a real-sized cluster, screening decides nearly all pairs that the demand rule refuses', () => {
  const context = aLargeContext(50)
  const vms = Array.from({ length: 100 }, (_, i) => i)
  const { masks } = screenAll(context, vms)
  const demand = HOST_RULES.findIndex(({ name }) => name === 'demand')
  let refused = 0
  let screened = 0
  for (const vm of vms) {
    for (let host = 0; host < 50; host++) {
      if (HOST_RULES[demand].shortBy(context, vm, host) <= 0) continue
      refused++
      screened += (masks[vm * 50 + host] >> demand) & 1
    }
  }
  assert.ok(refused > 200 && screened > 0.9 * refused, `${screened} of ${refused}`)
})

test('headroom is the free share of the tightest resource', () => {
  // 16 GiB less 4 there less 8 that come: a quarter is free. CPU: 1 of the 3.4 cores it may be filled to; sizes: 4 of 16.
  const vms = [aVm(0, { memoryBytes: 8 * GiB }), aVm(1, { memoryBytes: 4 * GiB })]
  const context = aContext({ hosts: [aHost(0), aHost(1)], vms, hostOf: [0, 1], demand: [0.5, 0.5], bandSd: 0 })
  const { scores, masks } = screenAll(context, [0])
  assert.deepEqual([scores[1], masks[1]], [0.25, 0])
})

test('the best few of many are the heads of their rankings', () => {
  checkProperty(
    fc.property(RANDOM_CLUSTERS, fc.integer({ min: 1, max: 4 }), (cluster, count) => {
      const context = aContext(cluster)
      const vms = Array.from(context.hostOf, (_, v) => v)
      const best = rankMany(context, vms, count)
      for (const vm of vms) assert.deepEqual(best[vm], getSuitableHosts(context, vm).ranked.slice(0, count))
    }),
  )
})
