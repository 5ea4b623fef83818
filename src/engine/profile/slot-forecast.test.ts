import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../terms/luck.ts'
import { LeastSquares } from './least-squares.ts'
import { LogHistogram } from './log-histogram.ts'
import { HORIZON_SLOTS, medianOf, SlotForecast } from './slot-forecast.ts'

function fed(valueAt: (slot: number) => number, slots: number): SlotForecast {
  const forecast = new SlotForecast()
  for (let slot = 0; slot < slots; slot++) forecast.add(valueAt(slot))
  return forecast
}

test('nothing is foreseen of nothing, and no bound is told before nineteen errors were made', () => {
  const forecast = new SlotForecast()
  assert.ok(Number.isNaN(forecast.p50(0)))
  for (let slot = 0; slot < 19; slot++) forecast.add(0.5)
  // The first slot was foreseen by nobody: 18 errors so far. With n errors the bound is the ceil(0.95 (n + 1))-th: with 18 it would be the 19th.
  assert.ok(Number.isNaN(forecast.p95(0)))
  forecast.add(0.5)
  assert.equal(forecast.p95(0), 0.5)
})

test('what comes every hour is foreseen: a job of five minutes at the full hour', () => {
  const forecast = fed((slot) => (slot % 12 === 0 ? 0.9 : 0.1), 288)
  // The last slot was 287; one slot ahead is 288, a full hour, and so is 12 slots after 276. Three ahead is 290: no job.
  assert.ok(Math.abs(forecast.p50(0) - 0.9) < 0.02, String(forecast.p50(0)))
  assert.ok(Math.abs(forecast.p50(1) - 0.1) < 0.02, String(forecast.p50(1)))
})

test('the bound holds in 95 of 100 cases of noise that it has not seen', () => {
  const luck = new Luck(3)
  const forecast = new SlotForecast()
  const within = HORIZON_SLOTS.map(() => 0)
  const bounds: number[][] = []
  const slots = 4000
  for (let slot = 0; slot < slots; slot++) {
    const value = 0.3 + 0.1 * luck.fraction()
    HORIZON_SLOTS.forEach((ahead, h) => {
      if (slot >= 400 && value <= bounds[slot - ahead][h]) within[h]++
    })
    forecast.add(value)
    bounds.push(HORIZON_SLOTS.map((_, h) => forecast.p95(h)))
  }
  // 3600 trials of 0.95: a standard deviation of the share is 0.0036.
  for (const count of within) assert.ok(Math.abs(count / (slots - 400) - 0.95) < 0.012, String(count))
})

test('slots that nobody saw are passed over: after a gap of a day it goes on from what it knew', () => {
  const forecast = fed((slot) => (slot < 288 || slot >= 576 ? 0.4 : Number.NaN), 580)
  for (let h = 0; h < HORIZON_SLOTS.length; h++) assert.ok(Math.abs(forecast.p50(h) - 0.4) < 0.01)
})

test('what was saved goes on as if nothing had been; what is of another length is refused', () => {
  const whole = fed((slot) => 0.5 + 0.3 * Math.sin(slot / 9), 500)
  const again = new SlotForecast()
  assert.equal(again.load(whole.save()), true)
  assert.equal(again.load(new Float64Array(3)), false)
  for (const forecast of [whole, again]) for (let slot = 0; slot < 50; slot++) forecast.add(0.1 * (slot % 7))
  for (let h = 0; h < HORIZON_SLOTS.length; h++) {
    assert.equal(again.p50(h), whole.p50(h))
    assert.equal(again.p95(h), whole.p95(h))
  }
  assert.deepEqual(again.pastErrors(3), whole.pastErrors(3))
})

test('least squares finds the rule that made the pairs, and forgets one that no longer holds', () => {
  const luck = new Luck(5)
  const rule = new LeastSquares(2)
  const teach = (a: number, b: number): void => {
    for (let k = 0; k < 3000; k++) {
      const features = Float64Array.of(luck.fraction(), luck.fraction())
      rule.learn(features, a * features[0] + b * features[1])
    }
  }
  teach(2, -1)
  // 2 x 0.5 - 1 x 0.25 = 0.75
  assert.ok(Math.abs(rule.predict(Float64Array.of(0.5, 0.25)) - 0.75) < 0.01)
  teach(0, 3)
  assert.ok(Math.abs(rule.predict(Float64Array.of(0.5, 0.25)) - 0.75) < 0.05)
  assert.ok(Math.abs(rule.predict(Float64Array.of(1, 0))) < 0.05)
})

test('least squares stays finite where nothing ever changes', () => {
  const rule = new LeastSquares(3)
  for (let k = 0; k < 20_000; k++) rule.learn(Float64Array.of(0.1, 0, 0), 0)
  assert.equal(rule.predict(Float64Array.of(1, 1, 1)), 0)
  assert.ok(rule.state.every((number) => Number.isFinite(number)))
})

test('the middle of an even count lies between two, and of none there is none', () => {
  assert.equal(medianOf(Float64Array.of(4, 1, 3, 2)), 2.5)
  assert.equal(medianOf(Float64Array.of(9, 1, 3)), 3)
  assert.ok(Number.isNaN(medianOf(new Float64Array(0))))
})

test('a quantile by buckets is within two per cent of the true one, from a thousandth to a thousand', () => {
  for (const scale of [0.01, 1, 300]) {
    const histogram = new LogHistogram()
    for (let k = 1; k <= 1000; k++) histogram.add((scale * k) / 1000, 1)
    for (const share of [0.5, 0.9, 0.95, 0.99])
      assert.ok(Math.abs(histogram.quantile(share) / (scale * share) - 1) < 0.021, `${scale} ${share}`)
  }
})
