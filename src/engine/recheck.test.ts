import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MigrationInFlight } from '../terms/cluster.ts'
import type { MigrationOrder } from '../terms/move.ts'
import { type Policy, SITE_SAFETY } from '../terms/policy.ts'
import type { Verdict } from '../terms/ranking.ts'
import type { Observation } from '../terms/turn.ts'
import { GiB, HOUR_MS, MINUTE_MS, SECOND_MS } from '../terms/units.ts'
import { aFlight, aHost, anObservation, aPolicy, aVm, type SmallCluster, STEP_MS } from './builders.ts'
import { rememberOrder } from './learn/ends.ts'
import { recheckOrder } from './recheck.ts'
import type { EngineState } from './state.ts'
import { initialState, takeTurn } from './turn.ts'

/** Host 0 is asked for 4.5 of its 4 cores. */
const CROWDED: SmallCluster = {
  hosts: [aHost(0), aHost(1)],
  hostOf: [0, 0, 0, 0, 1],
  demand: [0.6, 1.2, 1.3, 1.4, 0.2],
  at: 30 * HOUR_MS,
}
const SITE = aPolicy({ consolidation: { isEnabled: false }, safety: SITE_SAFETY })

/** The order that a turn gives, and the state after it. */
function ordered(policy: Policy = SITE): { readonly order: MigrationOrder; readonly state: EngineState } {
  let state = initialState()
  const last = anObservation(CROWDED)
  for (let k = 11; k >= 0; k--) {
    const at = last.at - k * STEP_MS
    const observation = { ...last, at, samples: { ...last.samples, at } }
    const watching = k === 0 ? policy : { ...policy, gates: { ...policy.gates, movesPerTurnMax: 0 } }
    const turn = takeTurn(state, observation, watching)
    if (k === 0) return { order: turn.orders[0], state: turn.state }
    state = turn.state
  }
  throw new Error('There is a last turn.')
}

interface Change {
  readonly cluster?: Partial<SmallCluster>
  readonly laterMs?: number
  readonly inFlight?: readonly MigrationInFlight[]
  readonly order?: Partial<MigrationOrder>
  readonly policy?: Policy
  readonly observation?: (seen: Observation) => Observation
}

/** The verdict some seconds later, when something has changed. */
function recheck({ cluster, laterMs = 5 * SECOND_MS, inFlight = [], policy = SITE, ...rest }: Change): Verdict {
  const { order, state } = ordered(policy)
  const seen = anObservation({ ...CROWDED, ...cluster })
  const fresh = { ...seen, at: seen.at + laterMs, samples: { ...seen.samples, at: CROWDED.at ?? 0 } }
  const observation = rest.observation?.(fresh) ?? fresh
  return recheckOrder(observation, state, policy, { ...order, ...rest.order }, inFlight)
}

function lacking(change: Change): string {
  const verdict = recheck(change)
  return verdict.kind === 'refused' ? `${verdict.lacking}: ${verdict.reason}` : 'fits'
}

test('an order fits as long as nothing has changed', () => {
  assert.deepEqual(recheck({}), { kind: 'fits' })
  assert.deepEqual(recheck({ policy: aPolicy({ consolidation: { isEnabled: false } }) }), { kind: 'fits' })
})

function withOldSamples(seen: Observation): Observation {
  return { ...seen, samples: { ...seen.samples, at: seen.at - 4 * STEP_MS } }
}

test('an order of long ago is not begun, nor one on samples of long ago', () => {
  assert.match(lacking({ laterMs: 61 * SECOND_MS }), /^stale: The order is 61 s old, and may be 60 s/)
  assert.match(lacking({ laterMs: -SECOND_MS }), /^stale/)
  assert.match(lacking({ observation: withOldSamples }), /^stale: The newest samples are 20\.0 min old/)
})

test('a VM that came to the target meanwhile is counted', () => {
  const vms = [...CROWDED.hostOf.map((_, v) => aVm(v)), aVm(5, { memoryBytes: 14.5 * GiB })]
  const cluster = { vms, hostOf: [...CROWDED.hostOf, 1], demand: [...CROWDED.demand, 0.1] }
  assert.match(lacking({ cluster }), /^memory: host-1 lacks 0\.50 GiB/)
})

test('a move on record that the platform does not show yet is counted, and once', () => {
  const vms = [...CROWDED.hostOf.map((_, v) => aVm(v)), aVm(5, { memoryBytes: 14.5 * GiB })]
  const hosts = [aHost(0), aHost(1), aHost(2)]
  const cluster = { hosts, vms, hostOf: [...CROWDED.hostOf, 2], demand: [...CROWDED.demand, 0.1] }
  assert.equal(lacking({ cluster }), 'fits')
  const flight = aFlight(5, 2, 1)
  assert.match(lacking({ cluster, inFlight: [flight] }), /^memory/)
  assert.match(lacking({ cluster: { ...cluster, migrations: [flight] }, inFlight: [flight] }), /^memory/)
})

test('the order itself, already on record, does not stand in its way', () => {
  const { order } = ordered()
  const own = { orderId: order.id, vmId: order.vmId, from: order.from, to: order.to, startedAt: order.decidedAt }
  assert.equal(lacking({ inFlight: [own] }), 'fits')
})

test('a target that was taken for maintenance meanwhile, or does not answer, receives nothing', () => {
  assert.match(lacking({ cluster: { hostStates: ['on', 'maintenance'] } }), /^host-state: host-1 is maintenance/)
  assert.match(lacking({ cluster: { hostStates: ['on', 'unreachable'] } }), /^host-state/)
  assert.match(lacking({ cluster: { hostStates: ['unreachable', 'on'] } }), /^location-unknown/)
})

test('a VM that an operator moved, lost or pinned meanwhile is left alone', () => {
  assert.match(
    lacking({ cluster: { hostOf: [0, 1, 0, 0, 1] } }),
    /^location-unknown: vm-1 was to leave host-0 and runs on host-1/,
  )
  assert.match(lacking({ cluster: { hostOf: [0, -1, 0, 0, 1] } }), /runs nobody knows where/)
  const vms = CROWDED.hostOf.map((_, v) => aVm(v, v === 1 ? { isPinned: true } : {}))
  assert.match(lacking({ cluster: { vms } }), /^pinned/)
  assert.match(lacking({ inFlight: [aFlight(1, 0, 1)] }), /^in-flight/)
})

test('a rule that changed meanwhile holds', () => {
  const vms = CROWDED.hostOf.map((_, v) => aVm(v, v === 1 || v === 4 ? { antiAffinityGroup: 'a' } : {}))
  assert.match(lacking({ cluster: { vms } }), /^anti-affinity/)
})

test('a target whose measurements contradict its VMs receives nothing', () => {
  assert.match(lacking({ cluster: { hostSamples: { cpuRefCores: Float32Array.of(4, 3.9) } } }), /^measured-load/)
  const memoryUsedBytes = Float64Array.of(4 * GiB, 15.5 * GiB)
  assert.match(
    lacking({ cluster: { hostSamples: { memoryUsedBytes } } }),
    /^memory: host-1 has 15\.50 of 16\.00 GiB in use/,
  )
})

test('as many as may be at a time are not exceeded', () => {
  const flights = [2, 3].map((v) => aFlight(v, 0, 1))
  assert.match(lacking({ inFlight: flights }), /^move-budget: Its host has as many moves under way/)
})

test('what a person orders passes rest and budgets of its own accord, but neither room nor a pin', () => {
  const { order, state } = ordered()
  const person = { ...order, class: 'operator' as const, decidedAt: order.decidedAt + MINUTE_MS }
  const seen = anObservation(CROWDED)
  const at = person.decidedAt + SECOND_MS
  const observation = { ...seen, at }
  const other: MigrationOrder = { ...person, vmId: aVm(0).id }
  assert.deepEqual(recheckOrder(observation, rememberOrder(state, person), SITE, person, []), { kind: 'fits' })
  assert.deepEqual(recheckOrder(observation, state, SITE, other, []), { kind: 'fits' })
  const voluntary = recheckOrder(observation, state, SITE, { ...other, class: 'contention' }, [])
  assert.equal(voluntary.kind === 'refused' && voluntary.lacking, 'move-budget')
  const vms = CROWDED.hostOf.map((_, v) => aVm(v, { memoryBytes: v === 4 ? 15.5 * GiB : GiB }))
  const full = recheckOrder({ ...observation, inventory: { ...seen.inventory, vms } }, state, SITE, other, [])
  assert.equal(full.kind === 'refused' && full.lacking, 'memory')
})

test('what is asked for has a budget too', () => {
  const policy = { ...SITE, safety: { ...SITE_SAFETY, evacuationsPerHostHourMax: 1 } }
  const { order, state } = ordered(policy)
  const first = { ...order, class: 'evacuation' as const, vmId: aVm(2).id }
  const second = { ...order, class: 'evacuation' as const }
  const observation = anObservation(CROWDED)
  assert.deepEqual(recheckOrder(observation, state, policy, second, []), { kind: 'fits' })
  const verdict = recheckOrder(observation, rememberOrder(state, first), policy, second, [])
  assert.equal(verdict.kind === 'refused' && verdict.lacking, 'move-budget')
})
