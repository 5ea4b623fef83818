/** The demo's evening, imagined: what it is worth showing does happen, whatever a guest at rest costs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ethos } from '../../engine/turn.ts'
import { none } from '../../rivals/none.ts'
import { proxmoxCrs } from '../../rivals/proxmox-crs.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { AnyBalancer } from '../backtest/balancers.ts'
import { imagineEvening, type ImaginedEvening } from './builders.ts'
import { EVENING, imaginePast, QUIET_UNTIL_MS, shareOfHost, wantAt } from './scenario.ts'

/** Evenings that are imagined under each policy: what one shows may be luck. */
const SEEDS = 20

test('whatever a guest at rest costs, two guests leave before the evening rises, and nobody lacks anything', async () => {
  for (const restShare of [0.01, 0.02, 0.03, 0.045, 0.06]) {
    const ours = await imagineEvening({ balancer: ethos, seed: 1, restShare })
    assert.equal(ours.orderedAt.length, 2, `at ${restShare}`)
    assert.ok(Math.max(...ours.orderedAt) < QUIET_UNTIL_MS, `ordered at ${ours.orderedAt.join(', ')} ms`)
    const idle = await imagineEvening({ balancer: none, seed: 1, restShare })
    assert.ok(idle.lackedSec > 300, `without moves ${idle.lackedSec} core-seconds are lacking`)
    assert.ok(ours.lackedSec < 0.05 * idle.lackedSec, `${ours.lackedSec} of ${idle.lackedSec}`)
  }
})

test('with any noise, and where guests wait for the machine too, two leave before the evening rises, where a reactive policy moves in it', async (context) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1)
  const lived = async (balancer: AnyBalancer, waitedPerRan: number): Promise<readonly ImaginedEvening[]> => {
    const evenings: ImaginedEvening[] = []
    for (const seed of seeds)
      evenings.push(await imagineEvening({ balancer, seed, restShare: 0.05, waitedPerRan, isNoisy: true }))
    const moves = evenings.map(({ orderedAt }) => orderedAt.length)
    const lackedSec = evenings.reduce((sum, evening) => sum + evening.lackedSec, 0) / SEEDS
    const waiting = `waiting ${waitedPerRan} s for each second that they run`
    context.diagnostic(`${balancer.name}, ${waiting}: moves ${moves.join(' ')}; ${lackedSec.toFixed(0)} core-s lacking`)
    return evenings
  }
  for (const waitedPerRan of [0, 0.3]) {
    const ours = await lived(ethos, waitedPerRan)
    const reactive = await lived(proxmoxCrs, waitedPerRan)
    const idle = await lived(none, waitedPerRan)
    seeds.forEach((seed, i) => {
      assert.equal(ours[i].orderedAt.length, 2, `seed ${seed}`)
      assert.ok(Math.max(...ours[i].orderedAt) < QUIET_UNTIL_MS, `seed ${seed}`)
      assert.ok(ours[i].lackedSec < 0.05 * idle[i].lackedSec, `seed ${seed}: ${ours[i].lackedSec} core-seconds`)
      assert.ok(reactive[i].orderedAt.length > 0, `seed ${seed}: the reactive policy ordered nothing`)
      assert.ok(Math.min(...reactive[i].orderedAt) > QUIET_UNTIL_MS, `seed ${seed}`)
    })
  }
})

/** Of all guests, share of one core. */
function wants(minute: number): number {
  return EVENING.guests.reduce((sum, one) => sum + wantAt(one, minute * MINUTE_MS), 0)
}

test('three guests of one host rise within ten minutes, and the evening begins quiet', () => {
  // Five at rest want 1 % each. From 20:10 on, 30 minutes into it, three want 15 %.
  assert.ok(Math.abs(wants(0) - 0.05) < 1e-9)
  assert.ok(Math.abs(wants(18) - 0.05) < 1e-9)
  assert.ok(Math.abs(wants(30) - 0.47) < 1e-9)
  assert.ok(Math.abs(wants(-24 * 60 + 30) - 0.47) < 1e-9, 'the day before was the same')
})

test('the day before is the same for the same seed, never below nothing, and has its evening within half an hour of this one', () => {
  const past = imaginePast(EVENING, { windows: 287, seed: 7, restShare: 0.05 })
  assert.deepEqual(past, imaginePast(EVENING, { windows: 287, seed: 7, restShare: 0.05 }))
  assert.notDeepEqual(past, imaginePast(EVENING, { windows: 287, seed: 8, restShare: 0.05 }))
  assert.ok(past.every((window) => window.every((value) => value >= 0)))
  // Windows end at 19:40 of this day and go back five minutes each: 20:40 the day before ends window 276 - 1 from the end.
  const at2040 = past[287 - 276]
  assert.ok(
    at2040.slice(0, 3).every((value) => value > 0.15),
    String(at2040),
  )
  assert.ok(past[286].every((value) => value < 0.1))
})

test('hosts are measured out by what a guest at rest costs, and never beyond the machine', () => {
  // 1.3 x (0.15 + 0.05 + 0.01 + 0.05) / 0.85 = 0.398; 95 % of two cores by three hosts, less 0.1 for themselves, are 0.533.
  assert.ok(Math.abs(shareOfHost(EVENING, 0.05, 2) - 0.3976) < 1e-4)
  assert.ok(Math.abs(shareOfHost(EVENING, 0.5, 2) - 0.5333) < 1e-4)
})
