import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import { STEP_MS } from '../builders.ts'
import type { Levels } from '../profile/levels.ts'
import { contentionWithin, predictContention, probabilityWithin } from './contention.ts'
import { HostLoads } from './host-loads.ts'

/** One VM on the only host, with the past, mean and variance given. */
function loadsOf(past: readonly number[], mean: number, variance: number): HostLoads {
  const levels: Levels = {
    size: Float64Array.of(10),
    mean: Float64Array.of(mean),
    variance: Float64Array.of(variance),
    samples: Uint16Array.of(past.length),
    last: Float64Array.of(mean),
  }
  const history = past.map((demand) => Float32Array.of(demand))
  const loads = new HostLoads(1, history, levels, 3)
  loads.add(0, 0)
  return loads
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-4, `${actual} is not ${expected}`)
}

/** Demand 10 in one window of four. Mean 2.5, variance 25 - 6.25 = 18.75. */
const ONE_IN_FOUR = (): HostLoads => loadsOf([0, 0, 0, 10], 2.5, 18.75)
// The kernel is 0.45 x sqrt(18.75) = 1.9486 wide; the limit of 5 lies 2.566 of it from both 0 and 10.
const RARE = 0.005145

test('what came once in four windows comes with a chance of one in four', () => {
  const { cumulative, medianMs } = predictContention(ONE_IN_FOUR(), 0, 5, { steps: 1, stepMs: STEP_MS })
  assertNear(cumulative[0], (3 * RARE + (1 - RARE)) / 4)
  assert.equal(medianMs, undefined)
})

test('two windows ahead, half of all starts meet it: that is the median time', () => {
  const { cumulative, medianMs } = predictContention(ONE_IN_FOUR(), 0, 5, { steps: 2, stepMs: STEP_MS })
  // Starts 2 and 3 (which wraps) meet the peak; 0 and 1 see two calm windows.
  const meets = 1 - (1 - RARE) * RARE
  const misses = 1 - (1 - RARE) ** 2
  assertNear(cumulative[1], (2 * meets + 2 * misses) / 4)
  assert.equal(medianMs, 2 * STEP_MS)
})

test('a past shorter than the horizon comes again from its beginning', () => {
  const { cumulative } = predictContention(ONE_IN_FOUR(), 0, 5, { steps: 8, stepMs: STEP_MS })
  // Four windows hold one peak wherever one starts; eight hold two.
  assertNear(cumulative[3], 1 - (1 - RARE) ** 3 * RARE)
  assertNear(cumulative[7], 1 - ((1 - RARE) ** 3 * RARE) ** 2)
})

test('a limit out of reach is never passed, and one far below demand at once', () => {
  const never = predictContention(ONE_IN_FOUR(), 0, 100, { steps: 3, stepMs: STEP_MS })
  assert.deepEqual(never, { stepMs: STEP_MS, cumulative: [0, 0, 0] })
  const always = predictContention(loadsOf([10, 10, 10], 10, 0.01), 0, 5, { steps: 2, stepMs: STEP_MS })
  assertNear(always.cumulative[0], 1)
  assert.equal(always.medianMs, STEP_MS)
})

test('what is expected to rise as a whole shifts the past with it', () => {
  const past = [1, 1, 1, 1]
  assert.equal(contentionWithin(loadsOf(past, 1, 0.01), 0, 2, 1), 0)
  assertNear(contentionWithin(loadsOf(past, 3, 0.01), 0, 2, 1), 1)
})

test('a host without VMs or without past is not expected to be short', () => {
  const loads = loadsOf([1, 2], 1.5, 0.5)
  loads.remove(0, 0)
  assert.equal(contentionWithin(loads, 0, 0, 3), 0)
  assert.deepEqual(predictContention(loads, 0, 0, { steps: 2, stepMs: 1 }).cumulative, [0, 0])
  assert.equal(contentionWithin(loadsOf([], 9, 1), 0, 1, 3), 0)
})

test('the chance never falls as time goes on, and stays between 0 and 1', () => {
  const past = fc.array(finiteNumber({ min: 0, max: 10 }), { minLength: 1, maxLength: 12 })
  checkProperty(
    fc.property(past, finiteNumber({ min: 0, max: 12 }), fc.integer({ min: 1, max: 20 }), (windows, limit, steps) => {
      const loads = loadsOf(windows, 3, 1)
      const { cumulative } = predictContention(loads, 0, limit, { steps, stepMs: 1 })
      cumulative.forEach((probability, i) => {
        assert.ok(probability >= 0 && probability <= 1 + 1e-9)
        assert.ok(i === 0 || probability >= cumulative[i - 1])
      })
      assert.equal(contentionWithin(loads, 0, limit, steps), cumulative[steps - 1])
    }),
  )
})

test('between the steps the probability rises straight, from nothing at once; beyond the last it is the last', () => {
  const timeUntil = { stepMs: 300_000, cumulative: [0.1, 0.5, 0.6] }
  for (const [minutes, probability] of [
    [0, 0],
    [2.5, 0.05],
    [5, 0.1],
    [7.5, 0.3],
    [10, 0.5],
    [15, 0.6],
    [60, 0.6],
  ] as const)
    assertNear(probabilityWithin(timeUntil, minutes * 60_000), probability)
  assert.equal(probabilityWithin({ stepMs: 300_000, cumulative: [] }, 300_000), 0)
})
