/** Promises of ranking, screening and planning, each checked on one cluster: for the tests, and for their long form. */
import assert from 'node:assert/strict'
import { aContext, anObservation, type SmallCluster } from '../src/engine/builders.ts'
import { HOST_RULES } from '../src/engine/suitability/rules.ts'
import { rulesOfMask, SCREEN_LEAVES_OPEN, screenAll } from '../src/engine/suitability/screen.ts'
import { initialState, takeTurn } from '../src/engine/turn.ts'
import type { Policy } from '../src/terms/policy.ts'
import { HOUR_MS, MINUTE_MS } from '../src/terms/units.ts'

/** No order brings a VM to a host that lacks the memory for it, with all that is there, on its way and ordered. Returns how many orders were given. */
export function checkMemoryOfOrders(cluster: SmallCluster): number {
  const first = anObservation({ ...cluster, hostStates: (cluster.hosts ?? []).map(() => 'on') })
  const policy = eager(aContext(cluster).policy)
  const share = policy.limits.memoryAllocationMax
  const { state } = takeTurn(initialState(), first, policy)
  const at = first.at + 5 * MINUTE_MS
  const { orders } = takeTurn(state, { ...first, at, inventory: { ...first.inventory, at } }, policy)
  const { hosts, vms, hostOf, migrations } = first.inventory
  if (share === undefined) return 0
  hosts.forEach(({ id, memoryBytes }, h) => {
    const arriving = vms.filter(({ id: vmId }) => orders.some((order) => order.to === id && order.vmId === vmId))
    if (arriving.length === 0) return
    const isThere = (v: number): boolean =>
      hostOf[v] === h || migrations.some(({ vmId, from, to }) => vmId === vms[v].id && (from === id || to === id))
    const there = vms.filter((_, v) => isThere(v))
    assert.ok(sum(there) + sum(arriving) <= memoryBytes * share, `${id} is given more memory than it may`)
    const used = first.hostSamples?.memoryUsedBytes?.[h] ?? NaN
    assert.ok(!(used + sum(arriving) > memoryBytes), `${id} is given more memory than is free`)
  })
  return orders.length
}

/** What screening refuses the rules refuse for the same lack; what it passes fails only by what it leaves open. Returns how many pairs were
 *  looked at, and the rules that refused some. */
export function checkScreening(cluster: SmallCluster): {
  readonly pairs: number
  readonly refusedBy: readonly string[]
} {
  const context = aContext(cluster)
  const hosts = context.fleet.capacity.length
  const vms = Array.from(context.hostOf, (_, v) => v)
  const { masks, scores } = screenAll(context, vms)
  assert.ok(scores.every((score) => Number.isFinite(score)))
  const refusedBy = new Set<string>()
  for (const vm of vms) {
    for (let host = 0; host < hosts; host++) {
      const screened = rulesOfMask(masks[vm * hosts + host]).map(({ name }) => name)
      const broken = HOST_RULES.filter((rule) => rule.shortBy(context, vm, host) > 0).map(({ name }) => name)
      assert.deepEqual(screened.filter(isClosed), broken.filter(isClosed), `vm-${vm} on host-${host}`)
      for (const name of screened) {
        assert.ok(broken.includes(name), `${name}: vm-${vm} on host-${host}`)
        refusedBy.add(name)
      }
    }
  }
  return { pairs: masks.length, refusedBy: [...refusedBy] }
}

function isClosed(rule: string): boolean {
  return !SCREEN_LEAVES_OPEN.includes(rule)
}

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
