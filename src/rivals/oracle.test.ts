import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, constantFrom, double, property } from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { HOST_UNKNOWN } from '../terms/cluster.ts'
import { hostCapacityRefCores } from '../terms/host.ts'
import type { Policy } from '../terms/policy.ts'
import type { DemandSeries } from '../terms/trace.ts'
import { DAY_MS, GiB, HOUR_MS } from '../terms/units.ts'
import { aFuture, aHost, anObservation, aVm, movesOf, NO_LIMITS, STEP_MS } from './builders.ts'
import { oracle } from './oracle.ts'
import { proxmoxCrs } from './proxmox-crs.ts'

const hosts = [aHost(0), aHost(1)]

test('peaks that do not coincide share a host', () => {
  // 6 + 3, then 3 + 6: each sum is 9 of 10, though the peaks add up to 12.
  const future = aFuture(
    [aVm(0), aVm(1)],
    [
      [0, 6, 3, 6, 3],
      [0, 3, 6, 3, 6],
    ],
  )
  const vms = [{ on: 0 }, { on: 1 }]
  assert.deepEqual(movesOf(oracle(future, HOUR_MS), { hosts, vms }), ['vm-1: host-1 > host-0'])
})

test('peaks that coincide do not', () => {
  const future = aFuture(
    [aVm(0), aVm(1)],
    [
      [0, 6, 3, 6, 3],
      [0, 6, 3, 6, 3],
    ],
  )
  assert.deepEqual(movesOf(oracle(future, HOUR_MS), { hosts, vms: [{ on: 0 }, { on: 1 }] }), [])
})

test('an oracle leaves a host before demand that only it can see; others stay', () => {
  // VM 0 wants 8 from sample 1 on, beside VM 1's steady 3: 11 of 10. What is measured now is 1 + 3.
  const future = aFuture(
    [aVm(0), aVm(1)],
    [
      [1, 8, 8, 8],
      [3, 3, 3, 3],
    ],
  )
  const vms = [
    { on: 0, cpu: 1 },
    { on: 0, cpu: 3 },
  ]
  assert.deepEqual(movesOf(oracle(future, HOUR_MS), { hosts, vms }), ['vm-1: host-0 > host-1'])
  assert.deepEqual(
    movesOf(proxmoxCrs, { hosts: [...hosts, aHost(2)], vms: [...vms, { on: 1, cpu: 3 }, { on: 2, cpu: 3 }] }),
    [],
  )
})

test('overflow that is further off waits, and beyond the horizon it is not seen', () => {
  const rows = [
    [1, 1, 1, 8, 8],
    [3, 3, 3, 3, 3],
  ]
  const future = aFuture([aVm(0), aVm(1)], rows)
  const vms = [{ on: 0 }, { on: 0 }]
  const planner = oracle(future, 2 * STEP_MS)
  const state = planner.start({ seed: 1 })
  const ordersAt = (step: number) =>
    planner.takeTurn(state, anObservation({ hosts, vms, at: step * STEP_MS }), NO_LIMITS).orders.length
  // Turns at samples 0, 1 and 2 see samples 1-2, 2-3 and 3-4; sample 3 is the next one only for the last.
  assert.deepEqual([ordersAt(0), ordersAt(1), ordersAt(2)], [0, 0, 1])
})

test('a host is filled to its best load on average, and to the brim only in peaks', () => {
  // Best at a half: 125 W / 5 cores = 25 W a core, against 260 / 6 = 43 and 420 / 10 = 42.
  const powerWatts = [100, 105, 110, 115, 120, 125, 260, 300, 340, 380, 420]
  const bent = [aHost(0, { powerWatts }), aHost(1, { powerWatts })]
  const movesWith = (rows: readonly (readonly number[])[]) =>
    movesOf(oracle(aFuture([aVm(0), aVm(1)], rows), HOUR_MS), { hosts: bent, vms: [{ on: 0 }, { on: 1 }] }).length
  // 3 + 3 of 10 all the time: 260 W on one host, 115 + 115 = 230 W on two.
  const steady = [3, 3, 3, 3, 3]
  assert.equal(movesWith([steady, steady]), 0)
  // 9, 3, 3, 3, so 4.5 on average: 380 + 3 x 115 = 725 W on one; 300 + 3 x 105 and 4 x 110, 1055 W, on two.
  const peaked = [0, 7, 1, 1, 1]
  assert.equal(movesWith([peaked, [0, 2, 2, 2, 2]]), 1)
})

test('a host goes past its best load where two below it would draw more', () => {
  // Best at a half: 25 W a core. 3 + 3: 200 W on one host at 60 %, 230 W on two at 30 %.
  const powerWatts = [100, 105, 110, 115, 120, 125, 200, 280, 360, 440, 520]
  const bent = [aHost(0, { powerWatts }), aHost(1, { powerWatts })]
  const steady = [3, 3, 3, 3, 3]
  const future = aFuture([aVm(0), aVm(1)], [steady, steady])
  assert.equal(movesOf(oracle(future, HOUR_MS), { hosts: bent, vms: [{ on: 0 }, { on: 1 }] }).length, 1)
})

test('no more migrations start on a host than the operator allows; the rest follow', () => {
  const limited = { ...NO_LIMITS, limits: { migrationsPerHostMax: 1 } }
  const future = aFuture(
    [aVm(0), aVm(1), aVm(2), aVm(3), aVm(4)],
    Array.from({ length: 5 }, () => [1, 1, 1, 1, 1, 1]),
  )
  const planner = oracle(future, DAY_MS)
  const vms = [{ on: 0 }, { on: 0 }, { on: 0 }, { on: 1 }, { on: 1 }]
  const first = planner.takeTurn(planner.start({ seed: 1 }), anObservation({ hosts, vms }), limited)
  assert.deepEqual(
    first.orders.map(({ vmId }) => vmId),
    ['vm-3'],
  )
  const next = anObservation({ hosts, vms: vms.map((vm, i) => (i === 3 ? { on: 0 } : vm)), at: STEP_MS })
  const second = planner.takeTurn(first.state, next, limited)
  assert.deepEqual(
    second.orders.map(({ id, vmId }) => `${id} ${vmId}`),
    ['oracle-2 vm-4'],
  )
})

/** Lives through `future` under CloudSim's rules and says by how much demand or memory ever exceeded a host from sample
 *  1 on. */
function liveThrough(
  future: DemandSeries,
  horizonMs: number,
  policy: Policy,
): { overload: number; overMemory: number } {
  const planner = oracle(future, horizonMs)
  const fleet = future.vms.map((_, i) => aHost(i, i % 2 === 0 ? {} : { cores: 6, memoryBytes: 50 * GiB }))
  const { vms } = future
  const observe = (at: number, hostOf: Int32Array) => {
    const observation = anObservation({ hosts: fleet, vms: vms.map((_, i) => ({ on: hostOf[i] })), at })
    return { ...observation, inventory: { ...observation.inventory, vms } }
  }
  const nowhere = new Int32Array(vms.length).fill(HOST_UNKNOWN)
  const newVms = Int32Array.from(vms, (_, i) => i)
  const hostOf = planner.placeNew({ inventory: observe(0, nowhere).inventory, newVms, policy })
  let state = planner.start({ seed: 1 })
  let [overload, overMemory] = [0, 0]
  for (let step = 0; step < future.steps; step++) {
    const demand = new Float64Array(fleet.length)
    const memory = new Float64Array(fleet.length)
    for (let vm = 0; vm < vms.length; vm++) {
      demand[hostOf[vm]] += future.columns.cpu[step * vms.length + vm]
      memory[hostOf[vm]] += vms[vm].memoryBytes
    }
    const turn = planner.takeTurn(state, observe(step * STEP_MS, hostOf), policy)
    state = turn.state
    for (const { vmId, to } of turn.orders) {
      const vm = vms.findIndex(({ id }) => id === vmId)
      const target = fleet.findIndex(({ id }) => id === to)
      hostOf[vm] = target
      memory[target] += vms[vm].memoryBytes
    }
    for (let host = 0; host < fleet.length; host++) {
      if (step > 0) overload = Math.max(overload, demand[host] - hostCapacityRefCores(fleet[host]))
      overMemory = Math.max(overMemory, memory[host] - fleet[host].memoryBytes)
    }
  }
  return { overload, overMemory }
}

test('where samples come faster than turns, it looks ahead to the turn after next', () => {
  // Samples a minute, turns every five, and 10 GiB at 62.5 MB/s take 172 s to copy: moves of the turn at minute 5 would
  // help from minute 8 on. 11 of 10 by minute 7 must be met now; at minute 8 it can wait.
  assert.deepEqual([ordersForRiseAt(5), ordersForRiseAt(7), ordersForRiseAt(8)], [1, 1, 0])
})

/** Moves at once, with samples a minute, when VM 0 goes from 1 to 8 at `minute` beside VM 1's 3. */
function ordersForRiseAt(minute: number): number {
  const future = aFuture(
    [aVm(0), aVm(1)],
    [Array.from({ length: 12 }, (_, step) => (step >= minute ? 8 : 1)), Array.from({ length: 12 }, () => 3)],
  )
  return movesOf(oracle({ ...future, stepMs: STEP_MS / 5 }, HOUR_MS), { hosts, vms: [{ on: 0 }, { on: 0 }] }).length
}

/** VMs of 4 reference cores that want any share of them, over two hours. */
const futures = array(array(double({ min: 0, max: 4, noNaN: true }), { minLength: 24, maxLength: 24 }), {
  minLength: 1,
  maxLength: 12,
}).map((rows) =>
  aFuture(
    rows.map((_, i) => aVm(i, { memoryBytes: (5 + 10 * (i % 3)) * GiB })),
    rows,
  ),
)

test('whatever the future, an oracle overloads no host, and memory holds with moves in flight counted on both', () => {
  const limited = { ...NO_LIMITS, limits: { memoryAllocationMax: 1 } }
  const holds = property(futures, constantFrom(HOUR_MS / 2, HOUR_MS, DAY_MS), (future, horizonMs) => {
    const free = liveThrough(future, horizonMs, NO_LIMITS)
    assert.ok(free.overload <= 0, `overload of ${free.overload} reference cores`)
    const bound = liveThrough(future, horizonMs, limited)
    assert.ok(bound.overload <= 0 && bound.overMemory <= 0, JSON.stringify(bound))
  })
  checkProperty(holds, { runs: 100 })
})
