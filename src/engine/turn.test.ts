import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId } from '../terms/ids.ts'
import { Luck } from '../terms/luck.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import { STAY_REASONS, type Turn } from '../terms/turn.ts'
import { DAY_MS, GiB, HOUR_MS } from '../terms/units.ts'
import { vmSizeRefCores } from '../terms/vm.ts'
import { aFlight, aHost, anObservation, aPolicy, aVm, type SmallCluster, STEP_MS } from './builders.ts'
import type { EngineState } from './state.ts'
import { ethos, initialState, takeTurn } from './turn.ts'

/** Sees all of the demand, a window a turn, without moving anybody; then takes the last turn by the policy. */
function takeLastTurn(cluster: SmallCluster, policy: Policy): Turn<EngineState> {
  const windows = Math.max(1, ...cluster.demand.map((row) => (typeof row === 'number' ? 1 : row.length)))
  const { inventory } = anObservation(cluster)
  const watching = { ...policy, gates: { ...policy.gates, movesPerTurnMax: 0 } }
  let state = initialState()
  for (let k = 0; ; k++) {
    const at = k * STEP_MS
    const cpu = Float32Array.from(cluster.demand, (row) => (typeof row === 'number' ? row : row[k]))
    const samples = { at, windowMs: STEP_MS, columns: { cpu } }
    const observation = { at, inventory: { ...inventory, at }, samples, personalities: [] }
    if (k === windows - 1) return takeTurn(state, observation, policy)
    state = takeTurn(state, observation, watching).state
  }
}

function routes(orders: readonly MigrationOrder[]): readonly string[] {
  return orders.map(({ vmId, from, to }) => `${vmId}: ${from} -> ${to}`)
}

/** Three VMs that rest for 25 minutes of each half hour, and all want 1.8 cores in the same five. */
const PEAKY = Array.from({ length: 36 }, (_, k) => (k % 6 === 2 ? 1.8 : 0.3))
const PEAKS: SmallCluster = { hosts: [aHost(0), aHost(1)], hostOf: [0, 0, 0], demand: [PEAKY, PEAKY, PEAKY] }
const NO_PACKING = { consolidation: { isEnabled: false } }

test('peaks that coincide are seen coming: a VM leaves while the host is still calm', () => {
  const { orders, hostForecast } = takeLastTurn(PEAKS, aPolicy(NO_PACKING))
  // Wanted now: 0.9 of 4 cores. In a quarter of an hour: 5.4.
  assert.equal(PEAKY.at(-1), 0.3)
  assert.equal(orders.length, 1)
  assert.equal(orders[0].class, 'contention')
  assert.ok((hostForecast?.contention[0] ?? 0) > 0.9)
})

test('one who looks back a single window does not see them', () => {
  const policy = aPolicy({ ...NO_PACKING, forecast: { lookBackMs: STEP_MS } })
  assert.deepEqual(takeLastTurn(PEAKS, policy).orders, [])
})

test('peaks that do not coincide may stay together', () => {
  const apart = [0, 2, 4].map((shift) => PEAKY.map((_, k) => PEAKY[(k + shift) % 6]))
  assert.deepEqual(takeLastTurn({ ...PEAKS, demand: apart }, aPolicy(NO_PACKING)).orders, [])
})

test('before anything was measured, nobody moves', () => {
  const { orders, stayed } = takeLastTurn({ hostOf: [0, 1], demand: [NaN, NaN] }, aPolicy(NO_PACKING))
  assert.deepEqual(orders, [])
  assert.deepEqual([...(stayed ?? [])], Array(2).fill(STAY_REASONS.indexOf('no-sample')))
})

test('a cluster without VMs, or without hosts, is no mistake', () => {
  assert.deepEqual(takeLastTurn({ hosts: [aHost(0)], hostOf: [], demand: [], vms: [] }, aPolicy()).orders, [])
})

test('a VM on its way, and one that nobody can find, are said to be so', () => {
  const cluster = { hosts: [aHost(0), aHost(1)], hostOf: [0, -1], demand: [0.5, 0.5], migrations: [aFlight(0, 0, 1)] }
  const { stayed } = takeLastTurn(cluster, aPolicy())
  assert.deepEqual(
    [...(stayed ?? [])].map((code) => STAY_REASONS[code]),
    ['in-flight', 'location-unknown'],
  )
})

test('an order carries its move, and is remembered by what it promised', () => {
  const { orders, state, events } = takeLastTurn(PEAKS, aPolicy(NO_PACKING))
  const [order] = orders
  assert.equal(order.id, 'ethos-36-0')
  assert.equal(order.move?.vmId, order.vmId)
  assert.deepEqual(
    events.filter((event) => event.kind === 'move-ordered').map((event) => event.order),
    orders,
  )
  assert.deepEqual(
    state.promises.map(({ order: { id }, gain, settleAt }) => [id, gain, settleAt]),
    [[order.id, order.move?.gain, order.decidedAt + HOUR_MS]],
  )
  const { vmId, from, to, decidedAt } = order
  assert.deepEqual(state.moveLog, [{ vmId, from, to, class: 'contention', at: decidedAt }])
})

test('moves are remembered for a day', () => {
  const { inventory, samples } = anObservation({ hostOf: [0], demand: [1], at: 2 * DAY_MS })
  const moved = [DAY_MS, DAY_MS + 1].map((at) => ({ vmId: aVm(0).id, from: parseHostId('host-9'), at }))
  const observation = { at: 2 * DAY_MS, inventory, samples, personalities: [] }
  assert.deepEqual(takeTurn({ ...initialState(), moveLog: moved }, observation, aPolicy()).state.moveLog, [moved[1]])
})

test('demand ahead is told per host, and is absent where there are no VMs', () => {
  const { hostForecast } = takeLastTurn({ hosts: [aHost(0), aHost(1)], hostOf: [0], demand: [PEAKY] }, aPolicy())
  const { p50, p95, contention } = hostForecast ?? { p50: [], p95: [], contention: [] }
  assert.ok(p50[0] > 0 && p95[0] > p50[0] && contention[0] >= 0)
  assert.ok([p50[1], p95[1], contention[1]].every(Number.isNaN))
})

/** Ten hosts, half of them crowded and half nearly empty, with demand drawn by the seed. */
function aMixedCluster(seed: number): SmallCluster {
  const luck = new Luck(seed)
  const vms = Array.from({ length: 36 }, (_, v) =>
    aVm(v, { vcpus: 1 + luck.below(2), memoryBytes: (1 + luck.below(3)) * GiB }),
  )
  const hostOf = vms.map((_, v) => (v < 26 ? v % 5 : 5 + (v % 5)))
  const demand = vms.map((vm) => {
    const level = vmSizeRefCores(vm) * luck.fraction()
    return Array.from({ length: 24 }, () => level * (0.7 + 0.3 * luck.fraction()))
  })
  return { hosts: Array.from({ length: 10 }, (_, h) => aHost(h)), vms, hostOf, demand }
}

/** Limits on how much is done at once or how surely. Limits of room and worth are not among them: where a host is not
 *  emptied, another may be, and with other VMs. */
const TIGHTER: readonly Readonly<Record<string, object>>[] = [
  { gates: { movesPerTurnMax: 3 } },
  { gates: { movesPerTurnMax: 0 } },
  { gates: { confidenceMin: 0.999 } },
  { limits: { migrationsPerHostMax: 0 } },
  { consolidation: { hostsPerTurnMax: 1 } },
]

test('tightening what may be done at once never moves a VM that would have stayed', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const cluster = aMixedCluster(seed)
    const loose = takeLastTurn(cluster, aPolicy()).orders.map(({ vmId }) => vmId)
    for (const tighter of TIGHTER) {
      const strict = takeLastTurn(cluster, aPolicy(tighter)).orders.map(({ vmId }) => vmId)
      assert.ok(
        strict.every((vmId) => loose.includes(vmId)),
        `${JSON.stringify(tighter)}, seed ${seed}: ${strict.join(' ')} of ${loose.join(' ')}`,
      )
    }
  }
})

test('the order in which VMs are listed makes no difference', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const cluster = aMixedCluster(seed)
    const luck = new Luck(seed)
    const order = cluster.hostOf.map((_, v) => ({ v, key: luck.fraction() })).toSorted((a, b) => a.key - b.key)
    const shuffled = {
      ...cluster,
      vms: order.map(({ v }) => (cluster.vms ?? [])[v]),
      hostOf: order.map(({ v }) => cluster.hostOf[v]),
      demand: order.map(({ v }) => cluster.demand[v]),
    }
    const one = takeLastTurn(cluster, aPolicy()).orders
    const other = takeLastTurn(shuffled, aPolicy()).orders
    assert.ok(one.length > 0)
    assert.deepEqual(routes(other).toSorted(), routes(one).toSorted())
  }
})

test('as one who balances, it has a name, a cadence and a beginning', () => {
  assert.equal(ethos.name, 'ethos')
  assert.deepEqual(ethos.cadence, { firstMs: 0, everyMs: STEP_MS })
  assert.deepEqual(ethos.start({ seed: 7 }), initialState())
})
