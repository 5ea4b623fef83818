/** Reliability test 43: random configurations against an oracle that says which orders nobody may give, whatever they would be good for. */
import assert from 'node:assert/strict'
import { anObservation, type SmallCluster } from '../src/engine/builders.ts'
import { initialState, takeTurn } from '../src/engine/turn.ts'
import type { HostState } from '../src/terms/cluster.ts'
import { Luck } from '../src/terms/luck.ts'
import { parsePolicy } from '../src/terms/policy.ts'
import { MINUTE_MS } from '../src/terms/units.ts'
import { aContext } from '../src/engine/builders.ts'

const STATES: readonly HostState[] = ['on', 'on', 'on', 'on', 'maintenance', 'unreachable', 'off']

/** Three turns on the cluster, some of its VMs pinned, some of its hosts out of service, parts of the policy switched off by luck. Throws on a forbidden
 *  order; returns how many there were. */
export function checkForbidden(cluster: SmallCluster, seed: number): number {
  const luck = new Luck(seed)
  const hosts = cluster.hosts ?? []
  const vms = (cluster.vms ?? []).map((vm) => (luck.below(5) === 0 ? { ...vm, isPinned: true } : vm))
  const hostStates = hosts.map(() => STATES[luck.below(STATES.length)])
  const base = aContext(cluster).policy
  const policy = parsePolicy(
    {
      contention: { triggerProbability: 0.01, holdTurns: 1 },
      consolidation: { isEnabled: luck.below(2) === 0, hostOnMsMin: 0 },
      gates: { movesPerTurnMax: [0, 1, 3, 48][luck.below(4)], confidenceMin: 0, cooldownMs: 0 },
      prices: { perMigration: 0 },
    },
    'policy',
    base,
  )
  let state = initialState()
  let given = 0
  const first = anObservation({ ...cluster, vms, hostStates })
  for (let k = 0; k < 3; k++) {
    const at = first.at + k * 5 * MINUTE_MS
    const inventory = { ...first.inventory, at }
    const {
      orders,
      adviceOnly,
      state: next,
    } = takeTurn(state, { ...first, at, inventory, samples: { ...first.samples, at } }, policy)
    state = next
    assert.equal(adviceOnly, undefined)
    given += orders.length
    assert.ok(orders.length <= (policy.gates.movesPerTurnMax ?? Infinity), 'more than a turn may have')
    for (const { vmId, from, to, class: moveClass } of orders) {
      const v = vms.findIndex(({ id }) => id === vmId)
      const source = hosts.findIndex(({ id }) => id === from)
      const target = hosts.findIndex(({ id }) => id === to)
      assert.ok(vms[v].isPinned !== true, `${vmId} is pinned`)
      assert.equal(cluster.hostOf[v], source, `${vmId} is not on ${from}`)
      assert.ok(hostStates[target] === 'on' || hostStates[target] === 'off', `${to} is ${hostStates[target]}`)
      assert.notEqual(hostStates[source], 'unreachable', `${from} does not answer`)
      assert.ok(!(cluster.migrations ?? []).some((flight) => flight.vmId === vmId), `${vmId} is on its way`)
      const barriers = cluster.barriers?.vms.get(vmId) ?? []
      assert.ok(!barriers.some(({ hosts: barred }) => barred?.has(to) ?? true), `the platform bars ${vmId} from ${to}`)
      assert.equal(cluster.barriers?.pairs.get(from)?.get(to), undefined, `the platform bars ${from} from ${to}`)
      assert.ok(moveClass === 'contention' || policy.consolidation.isEnabled, 'nothing is to be emptied')
    }
  }
  return given
}
