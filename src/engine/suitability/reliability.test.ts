/** What suitability promises of every cluster, checked on random ones: finite numbers, one order, and no host filled beyond what it has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { RANDOM_CLUSTERS } from '../../../tools/random-clusters.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Ranking } from '../../terms/ranking.ts'
import { encodeRanking, parseRanking } from '../../terms/ranking-codec.ts'
import { HOUR_MS } from '../../terms/units.ts'
import { aContext, anObservation } from '../builders.ts'
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

/** Acts at the first sign, and empties every host that it can. */
function eager(policy: Policy): Policy {
  return {
    ...policy,
    contention: { ...policy.contention, triggerProbability: 0.01, holdTurns: 1 },
    consolidation: {
      ...policy.consolidation,
      isEnabled: true,
      hostOnMsMin: 0,
      expectedOffMs: 24 * HOUR_MS,
      hostsPerTurnMax: 100,
    },
    gates: { ...policy.gates, cooldownMs: 0, confidenceMin: 0 },
  }
}

function sum(list: readonly { readonly memoryBytes: number }[]): number {
  return list.reduce((total, vm) => total + vm.memoryBytes, 0)
}

test('a turn never orders a VM to a host that lacks the memory, by configuration or as measured, its other orders counted', () => {
  let ordered = 0
  checkProperty(
    fc.property(RANDOM_CLUSTERS, (cluster) => {
      const first = anObservation({ ...cluster, hostStates: (cluster.hosts ?? []).map(() => 'on') })
      const policy = eager(aContext(cluster).policy)
      const share = policy.limits.memoryAllocationMax
      const { state } = takeTurn(initialState(), first, policy)
      const at = first.at + 300_000
      const { orders } = takeTurn(state, { ...first, at, inventory: { ...first.inventory, at } }, policy)
      const { hosts, vms, hostOf, migrations } = first.inventory
      hosts.forEach(({ id, memoryBytes }, h) => {
        const arriving = vms.filter(({ id: vmId }) => orders.some((order) => order.to === id && order.vmId === vmId))
        if (arriving.length === 0 || share === undefined) return
        ordered += arriving.length
        const isThere = (v: number): boolean =>
          hostOf[v] === h || migrations.some(({ vmId, from, to }) => vmId === vms[v].id && (from === id || to === id))
        assert.ok(sum(vms.filter((_, v) => isThere(v))) + sum(arriving) <= memoryBytes * share)
        const used = first.hostSamples?.memoryUsedBytes?.[h] ?? NaN
        assert.ok(!(used + sum(arriving) > memoryBytes))
      })
    }),
    { runs: 800 },
  )
  assert.ok(ordered > 60, `${ordered} orders were looked at`)
})
