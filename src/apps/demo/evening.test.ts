/** The demo's evening, imagined: what it is worth showing does happen, whatever a guest at rest costs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alignRosters } from '../../engine/roster.ts'
import { ethos, initialState } from '../../engine/turn.ts'
import { runLoop } from '../../loop/run-loop.ts'
import { none } from '../../rivals/none.ts'
import { HONEST_RULES } from '../../simulator/rules.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { AnyBalancer } from '../backtest/balancers.ts'
import {
  DEMO_POLICY,
  EVENING,
  hostsOf,
  imaginePast,
  LASTS_MS,
  meanWant,
  QUIET_UNTIL_MS,
  shareOfHost,
  SLOT_MS,
  vmsOf,
  wantAt,
} from './scenario.ts'

/** One evening in the simulator: core-seconds that guests lacked, and when moves were ordered. */
async function imagine(balancer: AnyBalancer, restShare: number): Promise<{ lackedSec: number; orderedAt: number[] }> {
  const steps = LASTS_MS / SLOT_MS + 1
  const share = shareOfHost(EVENING, restShare, 2)
  const [vms, hosts] = [vmsOf(EVENING, share), hostsOf(EVENING, share)]
  const cpu = new Float32Array(steps * vms.length)
  for (let s = 0; s < steps; s++)
    EVENING.guests.forEach((guest, v) => (cpu[s * vms.length + v] = meanWant(guest, s * SLOT_MS, SLOT_MS) + restShare))
  const demand = {
    vms,
    stepMs: SLOT_MS,
    steps,
    columns: { cpu },
    firstStep: new Int32Array(vms.length),
    lastStep: new Int32Array(vms.length).fill(steps - 1),
  }
  let lackedSec = 0
  const simulation = new Simulation({
    demand,
    hosts,
    rules: HONEST_RULES,
    seed: 1,
    policy: DEMO_POLICY,
    isPowerAware: false,
    placeNew: ({ newVms }) => Int32Array.from(newVms, (v) => EVENING.guests[v].home),
    onStep: ({ hostDemand }) => {
      for (const wanted of hostDemand) lackedSec += (Math.max(0, wanted - share) * SLOT_MS) / SECOND_MS
    },
  })
  const windows = DAY_MS / SLOT_MS - 1
  const past = imaginePast(EVENING, { windows, seed: 1, restShare })
  const state = { ...alignRosters(initialState(), await simulation.inventory()), cpuHistory: past }
  const orderedAt: number[] = []
  await runLoop({
    balancer: balancer.name === 'ethos' ? { ...balancer, start: () => state } : balancer,
    world: { clock: simulation, telemetry: simulation, hypervisor: simulation },
    policy: DEMO_POLICY,
    seed: 1,
    until: LASTS_MS,
    onTurn: ({ orders }, { at }) => orderedAt.push(...orders.map(() => at)),
  })
  return { lackedSec, orderedAt }
}

test('whatever a guest at rest costs, two guests leave before the evening rises, and nobody lacks anything', async () => {
  for (const restShare of [0.02, 0.03, 0.045, 0.06]) {
    const ours = await imagine(ethos, restShare)
    assert.equal(ours.orderedAt.length, 2, `at ${restShare}`)
    assert.ok(Math.max(...ours.orderedAt) < QUIET_UNTIL_MS, `ordered at ${ours.orderedAt.join(', ')} ms`)
    const idle = await imagine(none, restShare)
    assert.ok(idle.lackedSec > 300, `without moves ${idle.lackedSec} core-seconds are lacking`)
    assert.ok(ours.lackedSec < 0.05 * idle.lackedSec, `${ours.lackedSec} of ${idle.lackedSec}`)
  }
})

/** Of all guests, share of one core. */
function wants(minute: number): number {
  return EVENING.guests.reduce((sum, one) => sum + wantAt(one, minute * MINUTE_MS), 0)
}

test('three guests of one host rise within ten minutes, and the evening begins quiet', () => {
  // Five at rest want 2 % each. From 20:10 on, 30 minutes into it, three want 18 %.
  assert.ok(Math.abs(wants(0) - 0.1) < 1e-9)
  assert.ok(Math.abs(wants(18) - 0.1) < 1e-9)
  assert.ok(Math.abs(wants(30) - 0.58) < 1e-9)
  assert.ok(Math.abs(wants(-24 * 60 + 30) - 0.58) < 1e-9, 'the day before was the same')
})

test('the day before is the same for the same seed, never below nothing, and has its evening within half an hour of this one', () => {
  const past = imaginePast(EVENING, { windows: 287, seed: 7, restShare: 0.05 })
  assert.deepEqual(past, imaginePast(EVENING, { windows: 287, seed: 7, restShare: 0.05 }))
  assert.notDeepEqual(past, imaginePast(EVENING, { windows: 287, seed: 8, restShare: 0.05 }))
  assert.ok(past.every((window) => window.every((value) => value >= 0)))
  // Windows end at 19:40 of this day and go back five minutes each: 20:40 the day before ends window 276 - 1 from the end.
  const at2040 = past[287 - 276]
  assert.ok(
    at2040.slice(0, 3).every((value) => value > 0.18),
    String(at2040),
  )
  assert.ok(past[286].every((value) => value < 0.1))
})

test('hosts are measured out by what a guest at rest costs, and never beyond the machine', () => {
  // 1.3 x (0.18 + 0.05 + 0.02 + 0.05) / 0.85 = 0.459; 95 % of two cores by three hosts, less 0.15 for themselves, are 0.483.
  assert.ok(Math.abs(shareOfHost(EVENING, 0.05, 2) - 0.4588) < 1e-4)
  assert.ok(Math.abs(shareOfHost(EVENING, 0.5, 2) - 0.4833) < 1e-4)
})
