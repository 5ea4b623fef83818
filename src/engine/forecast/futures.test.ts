import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureLevels } from '../profile/levels.ts'
import { aVm } from '../builders.ts'
import { HostLoads } from './host-loads.ts'
import { calmShareAtLeast, demandAhead, harmAtMost, reliefAtLeast } from './futures.ts'

/** VM 0 on host 0 beside one who wants what the row says; VM 0 wants one core at all times. Host 1 has a VM of its own. */
function loadsOf(row: readonly number[], other: readonly number[] = row.map(() => 0)): HostLoads {
  const vms = [aVm(0), aVm(1, { vcpus: 8 }), aVm(2, { vcpus: 8 })]
  const history = row.map((beside, k) => Float32Array.of(1, beside, other[k]))
  const loads = new HostLoads(2, history, measureLevels(vms, history), 3)
  loads.add(0, 0)
  loads.add(1, 0)
  loads.add(2, 1)
  return loads
}

const LIMIT = 3.5
/** The limit is a sum of floats. */
function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}, not ${expected}`)
}

/** 24 windows, of which `isHigh` want three cores and the others one: with VM 0 four of 3.5, or two. */
function windows(isHigh: (k: number) => boolean): readonly number[] {
  return Array.from({ length: 24 }, (_, k) => (isHigh(k) ? 3 : 1))
}

test('what is short at all times is relieved for sure: half a core of four, of 3.5', () => {
  const loads = loadsOf(windows(() => true))
  // The VM's going takes one core, of which half was short.
  near(reliefAtLeast(loads, { vm: 0, host: 0, limit: LIMIT, steps: 12, nowWindows: 2 }), 0.5)
})

test('what came once in the look-back is expected, and not sure', () => {
  const loads = loadsOf(windows((k) => k === 5))
  // Half of the stretches of twelve windows of 24 do not hold it.
  near(reliefAtLeast(loads, { vm: 0, host: 0, limit: LIMIT, steps: 12, nowWindows: 2 }), 0)
})

test('what comes again and again is sure though it is calm now', () => {
  // Every sixth window; each stretch of 24 holds four of them, and those that began a peak ago see the later ones nearly in full.
  const loads = loadsOf(windows((k) => k % 6 === 2))
  const relief = reliefAtLeast(loads, { vm: 0, host: 0, limit: LIMIT, steps: 24, nowWindows: 2 })
  assert.ok(relief > 0 && relief < 0.5 * (4 / 24), `${relief}`)
})

test('a future sets out from what is now: what was short in the last two windows is relieved, though it was calm before', () => {
  const loads = loadsOf(windows((k) => k >= 22))
  // From a calm start two cores more than then, of which 2 x 0.917 are left a window later: 3.83 of 3.5 are short by 0.33, then 0.18, then 0.04.
  // The future that begins in the last but one is high in one window, and then calm: of 23 it is the one that is left out.
  const fade = 0.5 ** (1 / 8)
  const short = [1, 2, 3].reduce((sum, step) => sum + Math.max(0, 2 + 2 * fade ** step - LIMIT), 0)
  near(reliefAtLeast(loads, { vm: 0, host: 0, limit: LIMIT, steps: 12, nowWindows: 2 }), short / 12)
})

test('one high window proves no need, and one low window no room', () => {
  const spike = loadsOf(windows((k) => k === 23))
  near(reliefAtLeast(spike, { vm: 0, host: 0, limit: LIMIT, steps: 4, nowWindows: 2 }), 0)
  // Where contention is acted on when it is first seen, one is enough.
  assert.ok(reliefAtLeast(spike, { vm: 0, host: 0, limit: LIMIT, steps: 4, nowWindows: 1 }) > 0.05)
  // Host 1 wanted three cores until a window ago: with one more, four of 3.5 for as long as that fades.
  const dip = loadsOf(
    windows(() => false),
    windows((k) => k === 22),
  )
  assert.ok(harmAtMost(dip, { vm: 0, host: 1, limit: LIMIT, steps: 4, nowWindows: 2 }) > 0.05)
})

test('harm is what comes in all but one of twenty futures', () => {
  const loads = loadsOf(
    windows(() => false),
    windows((k) => k === 5),
  )
  // Half a core short in one window of twelve: half of the futures hold it, so it counts in full.
  near(harmAtMost(loads, { vm: 0, host: 1, limit: LIMIT, steps: 12, nowWindows: 2 }), 0.5 / 12)
  near(harmAtMost(loads, { vm: 0, host: 1, limit: 10, steps: 12, nowWindows: 2 }), 0)
})

test('a time off is sure until the first contention of a target', () => {
  // Windows 4, 8, 12, ... are high. Futures that begin in them run into another after three calm ones, those before at once.
  const loads = loadsOf(windows((k) => k % 4 === 0))
  assert.equal(calmShareAtLeast(loads, [0], [10], 12), 1)
  assert.equal(calmShareAtLeast(loads, [0], [LIMIT], 12), 0)
  assert.equal(calmShareAtLeast(loads, [1, 0], [10, LIMIT], 12), 0)
  // Window 5 alone is high. The future that begins just before it is the one of 23 that is left out; the next begins one calm window earlier.
  const once = loadsOf(windows((k) => k === 5))
  near(calmShareAtLeast(once, [0], [LIMIT], 12), 1 / 12)
  near(calmShareAtLeast(once, [1, 0], [10, LIMIT], 12), 1 / 12)
  // With three of 3.5 in window 4, a future that begins there sets out a core lower: 4 - 0.917 are not short. Those before it have one calm window, and two.
  const rising = loadsOf(windows((k) => k === 5).map((beside, k) => (k === 4 ? 2 : beside)))
  near(calmShareAtLeast(rising, [0], [LIMIT], 12), 2 / 12)
})

test('of no past nothing is sure', () => {
  const loads = new HostLoads(1, [], measureLevels([aVm(0)], []), 3)
  loads.add(0, 0)
  assert.equal(reliefAtLeast(loads, { vm: 0, host: 0, limit: 0, steps: 12, nowWindows: 2 }), 0)
  assert.equal(calmShareAtLeast(loads, [0], [0], 12), 0)
})

const TEN_FIFTY_NINETY = [0.1, 0.5, 0.9] as const

test('demand ahead of a host that never changes is what it is, with no band', () => {
  const ahead = demandAhead(loadsOf(windows(() => false)), 0, {
    steps: 3,
    windowsPerStep: 1,
    quantiles: TEN_FIFTY_NINETY,
  })
  // One core of VM 0 and one beside it.
  assert.deepEqual(
    ahead,
    TEN_FIFTY_NINETY.map(() => Float64Array.of(2, 2, 2)),
  )
})

test('demand ahead sets out from now and fades into the stretches of the past, whose spread is its band', () => {
  // Four cores in the newest window and in every fourth before it, two in between.
  const loads = loadsOf(windows((k) => k % 4 === 3))
  const [p10, p50, p90] = demandAhead(loads, 0, { steps: 8, windowsPerStep: 1, quantiles: TEN_FIFTY_NINETY }) ?? []
  const fade = 0.5 ** (1 / 8)
  // 23 futures. One step ahead: 5 that began high go on with two; of 18 that began low, all two cores too low, 6 go on with four and 12 with two, and
  // 0.917 of the two cores are added. Sorted: 5 of 2, 12 of 3.83, 6 of 5.83. Places 2, 11 and 20.
  near(p10[0], 2)
  near(p50[0], 2 + 2 * fade)
  near(p90[0], 4 + 2 * fade)
  for (let step = 0; step < 8; step++) assert.ok(p10[step] <= p50[step] && p50[step] <= p90[step])
  // Eight windows on those that began high are high again, those that began low are low, and half of the two cores is added: 18 of 3, 5 of 4.
  near(p50[7], 2 + 2 * 0.5)
  near(p90[7], 4)
})

test('steps of several windows are those windows, every so many; where nobody measured, nothing is told', () => {
  const loads = loadsOf(windows((k) => k % 4 === 3))
  const of = (steps: number, windowsPerStep: number) =>
    demandAhead(loads, 0, { steps, windowsPerStep, quantiles: [0.5] })?.[0] ?? new Float64Array(0)
  const [fine, coarse] = [of(8, 1), of(4, 2)]
  assert.deepEqual([...coarse], [fine[1], fine[3], fine[5], fine[7]])
  assert.equal(demandAhead(loadsOf([]), 0, { steps: 4, windowsPerStep: 1, quantiles: [0.5] }), undefined)
})
