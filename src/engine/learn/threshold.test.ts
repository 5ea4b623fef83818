import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aContext, aPolicy } from '../builders.ts'
import type { EngineState, ThresholdState } from '../state.ts'
import { initialThreshold, learnBand, learnMargin, migrationThreshold, rememberBounds } from './threshold.ts'

const POLICY = aPolicy()

test('the band starts at the quantile of a normal with heavier tails', () => {
  // 2.326 standard deviations at .99, times 1.4.
  assert.ok(Math.abs(migrationThreshold(initialThreshold(), POLICY).bandSd - 1.4 * 2.3263) < 1e-3)
})

test('the margin starts at what the policy asks', () => {
  assert.ok(Math.abs(migrationThreshold(initialThreshold(), POLICY).marginFraction - 0.1) < 1e-12)
  // Twice the gain: 2 x 1.1 of the cost, which is 120 % more than it.
  const doubled = migrationThreshold({ ...initialThreshold(), marginFactor: 2 }, POLICY)
  assert.ok(Math.abs(doubled.marginFraction - 1.2) < 1e-12)
})

/** One VM on each of 100 hosts; so many of them come out above the bound that was drawn a turn ago. */
function afterSurprises(count: number, changes: Partial<ThresholdState> = {}): ThresholdState {
  const hosts = 100
  const context = aContext({
    hostOf: Array.from({ length: hosts }, (_, h) => h),
    demand: Array.from({ length: hosts }, () => 1),
  })
  const drawn = rememberBounds(context, { ...initialThreshold(), bandSd: 3, ...changes })
  const newest = Float32Array.from({ length: hosts }, (_, h) => (h < count ? 2 : 0.5))
  const state: EngineState = { ...context.state, threshold: drawn, cpuHistory: [newest] }
  return learnBand(state, context.hostOf, POLICY)
}

test('one surprise in a hundred is what a quantile of .99 promises: the band stays', () => {
  const { bandSd, checked, exceeded } = afterSurprises(1)
  assert.ok(Math.abs(bandSd - 3) < 1e-9)
  assert.deepEqual([checked, exceeded], [100, 1])
})

test('each surprise beyond that widens the band by a fiftieth of a standard deviation', () => {
  assert.ok(Math.abs(afterSurprises(6).bandSd - (3 + 5 * 0.02)) < 1e-9)
})

test('a turn without surprises narrows it a little', () => {
  assert.ok(Math.abs(afterSurprises(0).bandSd - (3 - 0.02)) < 1e-9)
})

test('the band keeps within two and six standard deviations', () => {
  assert.equal(afterSurprises(0, { bandSd: 2 }).bandSd, 2)
  assert.equal(afterSurprises(100, { bandSd: 5.9 }).bandSd, 6)
})

test('bounds are checked only on hosts that still have the same VMs', () => {
  const context = aContext({ hostOf: [0, 1, 2], demand: [1, 1, 1] })
  const threshold = rememberBounds(context, { ...initialThreshold(), bandSd: 3 })
  const state = { ...context.state, threshold, cpuHistory: [Float32Array.of(2, 2, 2)] }
  // VM 2 has moved to host 0: only host 1 is as it was.
  assert.equal(learnBand(state, Int32Array.of(0, 1, 0), POLICY).checked, 1)
})

test('before the first bounds, and where nobody measured, nothing is learnt', () => {
  const context = aContext({ hostOf: [0], demand: [1] })
  const fresh = { ...context.state, threshold: initialThreshold() }
  assert.equal(learnBand(fresh, context.hostOf, POLICY).checked, 0)
  const threshold = rememberBounds(context, initialThreshold())
  assert.equal(learnBand({ ...context.state, threshold, cpuHistory: [] }, context.hostOf, POLICY).checked, 0)
})

function repeat(net: number, count: number): readonly number[] {
  return Array.from({ length: count }, () => net)
}

test('nineteen moves that do not pay prove nothing; the twentieth doubles the margin', () => {
  const almost = learnMargin(initialThreshold(), repeat(-1, 19))
  assert.deepEqual([almost.threshold.marginFactor, almost.events], [1, []])
  const { threshold, events } = learnMargin(almost.threshold, [-1])
  assert.equal(threshold.marginFactor, 2)
  const reason = 'The last 20 settled moves earned -1.0000 each, net of cost.'
  assert.deepEqual(events, [{ kind: 'threshold-adjusted', from: 1, to: 2, reason }])
})

test('after that, twenty new ones are counted', () => {
  const { threshold } = learnMargin(initialThreshold(), repeat(-1, 20))
  assert.deepEqual([threshold.outcomes, threshold.netGain], [0, 0])
})

test('the margin doubles up to four, and comes back when moves pay again', () => {
  let threshold = initialThreshold()
  const factors: number[] = []
  for (const net of [-1, -1, -1, 1, 1, 1]) {
    ;({ threshold } = learnMargin(threshold, repeat(net, 100)))
    factors.push(threshold.marginFactor)
  }
  // The third hundred changes nothing, and its memory takes a while to fade: the fourth is still outweighed by it.
  assert.deepEqual(factors.slice(0, 3), [2, 4, 4])
  assert.equal(factors.at(-1), 1)
})

test('moves that pay leave the margin alone', () => {
  assert.deepEqual(learnMargin(initialThreshold(), repeat(0.01, 50)).events, [])
})

test('where nothing settled, nothing is concluded', () => {
  const was = { ...initialThreshold(), outcomes: 50, netGain: -1 }
  assert.deepEqual(learnMargin(was, []), { threshold: was, events: [] })
})
