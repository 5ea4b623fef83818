import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../../terms/luck.ts'
import { DAY_SLOTS, DemandMemory, HORIZONS, MEAN_SPANS, SD_SPANS, WEEK_SLOTS } from './demand-memory.ts'
import { FEATURE_NAMES, FEATURES, writeFeatures } from './features.ts'
import { fitAutoregression } from './levinson.ts'
import { RecursiveLeastSquares } from './recursive-least-squares.ts'

function remembered(values: readonly number[]): DemandMemory {
  const memory = new DemandMemory()
  for (const value of values) memory.add(value)
  return memory
}

function isSdSpan(span: number): span is (typeof SD_SPANS)[number] {
  return (SD_SPANS as readonly number[]).includes(span)
}

function noise(length: number, seed = 1): number[] {
  const luck = new Luck(seed)
  return Array.from({ length }, () => 10 * luck.fraction())
}

test('sums over spans are those of the values, also when a week has gone round', () => {
  const values = noise(WEEK_SLOTS + 700)
  const memory = remembered(values)
  for (const span of MEAN_SPANS) {
    const last = values.slice(-span)
    const mean = last.reduce((sum, value) => sum + value, 0) / span
    assert.ok(Math.abs(memory.mean(span) - mean) < 1e-3, `mean of ${span}`)
    if (!isSdSpan(span)) continue
    const sd = Math.sqrt(last.reduce((sum, value) => sum + (value - mean) ** 2, 0) / span)
    assert.ok(Math.abs(memory.sd(span) - sd) < 1e-3, `sd of ${span}`)
  }
  const change = values.slice(-12).reduce((sum, value, i, all) => {
    const before = i === 0 ? (values.at(-13) ?? Number.NaN) : all[i - 1]
    return sum + Math.abs(value - before) / 12
  }, 0)
  assert.ok(Math.abs(memory.change('hour') - change) < 1e-3)
  assert.equal(memory.at(WEEK_SLOTS - 1), Math.fround(values[values.length - WEEK_SLOTS]))
  assert.ok(Number.isNaN(memory.at(WEEK_SLOTS)))
})

test('the same slot and the same minute are found again', () => {
  const memory = remembered(Array.from({ length: 5 * DAY_SLOTS }, (_, t) => t))
  const last = 5 * DAY_SLOTS - 1
  assert.deepEqual(memory.sameSlot(6).slice(0, 2), [last + 6 - DAY_SLOTS, last + 6 - 2 * DAY_SLOTS])
  assert.equal(memory.sameSlot(6).length, 5)
  assert.deepEqual(memory.sameMinute(3, 2), [last + 3 - 12, last + 3 - 24])
})

test('whatever comes, forecasts are finite, not below zero, and no more than half again the most of a week', () => {
  const spikes = noise(900).map((value, t) => (t % 97 === 0 ? 1e6 : value))
  const gaps = noise(900).map((value, t) => (t % 50 > 30 ? Number.NaN : value))
  const hostile = [...noise(300), Infinity, -Infinity, -5, Number.NaN, ...noise(600)]
  const cases = [
    [],
    [3],
    Array.from({ length: 900 }, () => 0),
    Array.from({ length: 900 }, () => 4),
    spikes,
    gaps,
    hostile,
  ]
  for (const [i, values] of cases.entries()) {
    const memory = remembered(values)
    if (values.length === 0) continue
    for (const horizon of HORIZONS) {
      for (const told of [memory.autoregression(horizon), memory.leastSquares(horizon), memory.smoothed(2)])
        assert.ok(told >= 0 && told <= 1.5 * memory.most + 1e-9, `case ${i}, ${horizon} ahead: ${told}`)
      const features = new Float32Array(FEATURES)
      writeFeatures(memory, horizon, features, 0)
      features.forEach((value, f) => assert.ok(Math.abs(value) !== Infinity, `case ${i}: ${FEATURE_NAMES[f]}`))
    }
  }
})

test('features have no unit: a VM ten times as large has the same, but for the logs of its size', () => {
  const values = noise(1000)
  const [one, ten] = [remembered(values), remembered(values.map((value) => 10 * value))].map((memory) => {
    const features = new Float32Array(FEATURES)
    writeFeatures(memory, 6, features, 0)
    return features
  })
  FEATURE_NAMES.forEach((name, f) => {
    if (name.startsWith('log of scale') || name === 'log of level') return
    assert.ok(Math.abs(one[f] - ten[f]) < 1e-2 || (Number.isNaN(one[f]) && Number.isNaN(ten[f])), name)
  })
})

test('an autoregression is found by its equations, and one that does not vary has none', () => {
  const luck = new Luck(4)
  const values = new Float32Array(20_000)
  for (let t = 2; t < values.length; t++) values[t] = 0.6 * values[t - 1] + 0.3 * values[t - 2] + luck.fraction() - 0.5
  const { lags } = fitAutoregression(values, 4)
  ;[0.6, 0.3, 0, 0].forEach((lag, k) => assert.ok(Math.abs(lags[k] - lag) < 0.03, lags.join()))
  assert.deepEqual([...fitAutoregression(new Float32Array(100).fill(3), 2).lags], [0, 0])
})

test('least squares find a line, follow it where it changes, and stay bounded without news', () => {
  const rls = new RecursiveLeastSquares(2, 0.99)
  const luck = new Luck(2)
  const teach = (slope: number, times: number): void => {
    for (let t = 0; t < times; t++) {
      const x = luck.fraction()
      rls.learn(Float64Array.of(1, x), 0, 2 + slope * x)
    }
  }
  teach(3, 500)
  assert.ok(Math.abs(rls.predict(Float64Array.of(1, 0.5)) - 3.5) < 0.01)
  teach(-1, 1500)
  assert.ok(Math.abs(rls.predict(Float64Array.of(1, 0.5)) - 1.5) < 0.01)
  for (let t = 0; t < 50_000; t++) rls.learn(Float64Array.of(1, 0), 0, 2)
  assert.ok(Number.isFinite(rls.predict(Float64Array.of(1, 1))))
})
