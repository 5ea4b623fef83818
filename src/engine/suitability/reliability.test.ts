/** What suitability promises of every cluster, checked on random ones: finite numbers, one order, and no host filled beyond what it has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { RANDOM_CLUSTERS } from '../../../tools/random-clusters.ts'
import { checkMemoryOfOrders } from '../../../tools/suitability-promises.ts'
import type { Ranking } from '../../terms/ranking.ts'
import { encodeRanking, parseRanking } from '../../terms/ranking-codec.ts'
import { aContext, aHost, anObservation, aPolicy, type SmallCluster } from '../builders.ts'
import type { TurnContext } from '../context.ts'
import { initialState, takeTurn } from '../turn.ts'
import { explainPair } from './pair.ts'
import { getSuitableHosts } from './rank.ts'
import { fillLimit } from './rules/demand.ts'

function rankAll(context: TurnContext): readonly Ranking[] {
  return Array.from(context.hostOf, (_, vm) => getSuitableHosts(context, vm))
}

/** Every number anywhere in the value. */
function assertFinite(value: unknown, place: string): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value), `${place} is ${value}`)
  else if (typeof value === 'object' && value !== null)
    for (const [name, entry] of Object.entries(value)) assertFinite(entry, `${place}.${name}`)
}

test('every number of a ranking and of a pair is finite, and a ranking reads back as it was written', () => {
  checkProperty(
    fc.property(RANDOM_CLUSTERS, (cluster) => {
      const context = aContext(cluster)
      for (const ranking of rankAll(context)) {
        assertFinite(ranking, ranking.vmId)
        assert.deepEqual(parseRanking(JSON.parse(encodeRanking(ranking))), ranking)
      }
      assertFinite(explainPair(context, 0, 0), 'pair')
      assertFinite(explainPair(context, 0, context.fleet.capacity.length - 1), 'pair')
    }),
    { runs: 100 },
  )
})

test('scores are a total order, and the same cluster is ranked the same again', () => {
  checkProperty(
    fc.property(RANDOM_CLUSTERS, (cluster) => {
      const rankings = rankAll(aContext(cluster))
      assert.deepEqual(rankAll(aContext(cluster)), rankings)
      for (const { ranked } of rankings) {
        for (let i = 1; i < ranked.length; i++) {
          const [before, after] = [ranked[i - 1], ranked[i]]
          const isTie = before.score.total === after.score.total
          assert.ok(isTie ? before.hostId < after.hostId : before.score.total > after.score.total)
        }
      }
    }),
    { runs: 100 },
  )
})

test('a suitable host keeps within what it may be filled to with the VM there, all that is on its way counted', () => {
  checkProperty(
    fc.property(RANDOM_CLUSTERS, (cluster) => {
      const context = aContext(cluster)
      const { hosts } = context.observation.inventory
      rankAll(context).forEach(({ ranked }, vm) => {
        for (const { hostId } of ranked) {
          const host = context.state.hostIndex.get(hostId) ?? -1
          assert.ok(context.loads.boundWith(host, vm) <= fillLimit(context, host))
          const committed = context.memoryBytes[host] + context.observation.inventory.vms[vm].memoryBytes
          const share = context.policy.limits.memoryAllocationMax
          assert.ok(share === undefined || committed <= hosts[host].memoryBytes * share)
        }
      })
    }),
  )
})

test('a turn never orders a VM to a host that lacks the memory, by configuration or as measured, its other orders counted', () => {
  let ordered = 0
  checkProperty(
    fc.property(RANDOM_CLUSTERS, (cluster) => {
      ordered += checkMemoryOfOrders(cluster)
    }),
    { runs: 800 },
  )
  assert.ok(ordered > 60, `${ordered} orders were looked at`)
})

test('two full hosts and one at rest: nobody moves to make another host full, and the operator is told what would help', () => {
  // 3.8 of 4 cores each: whoever left one would fill the other. As credativ/ProxLB#23 has it.
  const cluster: SmallCluster = {
    hosts: [aHost(0), aHost(1), aHost(2)],
    hostStates: ['on', 'on', 'maintenance'],
    hostOf: [0, 0, 1, 1],
    demand: [1.9, 1.9, 1.9, 1.9],
  }
  const first = anObservation(cluster)
  const { state } = takeTurn(initialState(), first, aPolicy())
  const at = 300_000
  const { orders, events } = takeTurn(state, { ...first, at, inventory: { ...first.inventory, at } }, aPolicy())
  assert.deepEqual(orders, [])
  const told = events.find((event) => event.kind === 'no-suitable-host')
  assert.ok(told?.kind === 'no-suitable-host')
  assert.deepEqual([told.remediation[0].remedy, told.remediation[0].hostId], ['power-host-on', 'host-2'])
})
