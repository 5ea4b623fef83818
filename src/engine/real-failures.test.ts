/** Failures of real balancers, as their users told them, played to our engine: reliability tests 37, 38, 41 and 43. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkForbidden } from '../../tools/forbidden-moves.ts'
import { checkProperty } from '../../tools/property.ts'
import { RANDOM_CLUSTERS } from '../../tools/random-clusters.ts'
import { type Policy, SITE_SAFETY } from '../terms/policy.ts'
import type { Turn } from '../terms/turn.ts'
import { GiB } from '../terms/units.ts'
import { aHost, anObservation, aPolicy, aVm, type SmallCluster, STEP_MS } from './builders.ts'
import type { EngineState } from './state.ts'
import { initialState, takeTurn } from './turn.ts'

const NO_PACKING = { consolidation: { isEnabled: false } }
const SITE = aPolicy({ ...NO_PACKING, safety: { ...SITE_SAFETY, movesShareHourMax: 1 } })
const UNLIMITED = aPolicy({ ...NO_PACKING, limits: { migrationsPerHostMax: null }, gates: { movesPerTurnMax: null } })

/** Turns on a world that stays as it is, whatever is ordered; all orders that any of them gave, and the last turn. */
function watch(
  cluster: SmallCluster,
  policy: Policy,
  turns = 12,
): { readonly orders: Turn<EngineState>['orders']; readonly last: Turn<EngineState> } {
  let state = initialState()
  const orders: Turn<EngineState>['orders'][number][] = []
  let last: Turn<EngineState> | undefined
  for (let k = 0; k < turns; k++) {
    const seen = anObservation({ ...cluster, at: k * STEP_MS })
    last = takeTurn(state, seen, policy)
    ;({ state } = last)
    orders.push(...last.orders)
  }
  if (last === undefined) throw new Error('No turns were asked for.')
  return { orders, last }
}

test('two of three nodes full, the third in maintenance: nobody moves, and it is said what lacks (credativ/ProxLB#23)', () => {
  for (const share of [0.97, 1.1]) {
    const cluster: SmallCluster = {
      hosts: [aHost(0), aHost(1), aHost(2)],
      hostStates: ['on', 'on', 'maintenance'],
      hostOf: [0, 0, 0, 0, 1, 1, 1, 1],
      demand: Array.from({ length: 8 }, () => share),
    }
    for (const policy of [SITE, aPolicy(NO_PACKING)]) {
      const { orders, last } = watch(cluster, policy)
      assert.deepEqual(orders, [])
      const said = last.events.find((event) => event.kind === 'no-suitable-host')
      assert.ok(said !== undefined && said.refusals['host-state'] === 1, JSON.stringify(last.events))
      assert.equal(said.remediation.at(-1)?.remedy, 'ask-operator')
    }
  }
})

/** Ten VMs of 7 GiB on a crowded node; 58.75 GiB are free on the other, by what was configured. */
const SEVENTY: SmallCluster = {
  hosts: [aHost(0, { memoryBytes: 128 * GiB }), aHost(1, { memoryBytes: 64 * GiB, cores: 32 })],
  hostOf: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  vms: Array.from({ length: 11 }, (_, v) => aVm(v, { memoryBytes: v === 10 ? 5.25 * GiB : 7 * GiB })),
  demand: Array.from({ length: 11 }, () => 1.9),
}

test('70 GiB of VMs do not go where 58.75 GiB are free, however crowded it is at home (gyptazy/ProxLB#378)', () => {
  for (const policy of [SITE, UNLIMITED]) {
    const { last } = watch(SEVENTY, policy, 3)
    const { orders } = watch(SEVENTY, policy, 2)
    const most = Math.max(last.orders.length, orders.length)
    assert.ok(most > 0 && most <= 8, `${most} x 7 GiB in one turn`)
  }
})

test('what the host measures refuses too: ballooned guests leave room on paper only', () => {
  const hostSamples = { memoryUsedBytes: Float64Array.of(80 * GiB, 60 * GiB) }
  assert.deepEqual(watch({ ...SEVENTY, hostSamples }, UNLIMITED).orders, [])
})

/** Host 0 is crowded, 1 and 2 are nearly empty. */
const CROWDED: SmallCluster = {
  hosts: [aHost(0), aHost(1), aHost(2)],
  hostOf: [0, 0, 0, 0, 1, 2],
  demand: [0.6, 1.2, 1.3, 1.4, 0.5, 0.5],
}

test('a host whose metrics stand at 0, above what it has, or far from its VMs is neither target nor reason; nothing else stops', () => {
  for (const lie of [0, 9, -1]) {
    const target = watch({ ...CROWDED, hostSamples: { cpuRefCores: Float32Array.of(4, lie, 0.5) } }, SITE)
    assert.ok(target.orders.length > 0)
    assert.ok(
      target.orders.every(({ to }) => to === 'host-2'),
      `target says ${lie}`,
    )
    const reason = watch({ ...CROWDED, hostSamples: { cpuRefCores: Float32Array.of(lie, 0.5, 0.5) } }, SITE)
    assert.deepEqual(reason.orders, [], `source says ${lie}`)
  }
})

test('samples of long ago move nobody', () => {
  let state = initialState()
  for (let k = 0; k < 12; k++)
    state = takeTurn(state, anObservation({ ...CROWDED, at: k * STEP_MS }), {
      ...SITE,
      gates: { ...SITE.gates, movesPerTurnMax: 0 },
    }).state
  const seen = anObservation({ ...CROWDED, at: 16 * STEP_MS })
  const turn = takeTurn(state, { ...seen, samples: { ...seen.samples, at: 11 * STEP_MS } }, SITE)
  assert.ok(turn.orders.length === 0 || turn.adviceOnly !== undefined)
})

test('whatever the configuration, no order is given that an oracle forbids', () => {
  let orders = 0
  checkProperty(
    fc.property(RANDOM_CLUSTERS, fc.nat(), (cluster, seed) => {
      orders += checkForbidden(cluster, seed)
    }),
    { runs: 400 },
  )
  assert.ok(orders > 40, `${orders} orders`)
})
