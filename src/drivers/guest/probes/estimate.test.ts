import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estimateRate, RECENT_MAX, spreadOf } from './estimate.ts'

test('a count is scaled by the time it took, and its error is its root', () => {
  // 2500 calls in 5 s are 500/s; the root of 2500 is 50, so 10/s.
  const rate = estimateRate({ windows: [{ calls: 2500, countedMs: 5000 }], costNs: 350 })
  assert.deepEqual([rate?.perSec, rate?.errorPerSec], [500, 10])
  // 500 calls of 350 ns are 175 us of a second.
  assert.ok(Math.abs((rate?.lowByMax ?? 0) - 0.000175) < 1e-12)
})

test('functions counted one after the other add up, each by its own time', () => {
  // 100 in 0.1 s and 400 in 0.2 s: 1000/s + 2000/s. Errors: 10 / 0.1 = 100 and 20 / 0.2 = 100, together the root of 20 000.
  const windows = [
    { calls: 100, countedMs: 100 },
    { calls: 400, countedMs: 200 },
  ]
  const rate = estimateRate({ windows, costNs: 0 })
  assert.equal(rate?.perSec, 3000)
  assert.ok(Math.abs(rate.errorPerSec - Math.sqrt(20_000)) < 1e-9)
})

test('the spread between attachments is part of the error, and a steady rise is not spread', () => {
  // Differences 200, 200: the root of their mean square, over the root of two, is 141.4.
  assert.ok(Math.abs(spreadOf([900, 1100, 900]) - 141.42) < 0.01)
  assert.ok(spreadOf([1000, 1001, 1002, 1003]) < 1)
  assert.equal(spreadOf([1, 1000]), 0, 'two tell no spread')
  // 900/s now, 1100/s and 900/s before: 141.4/s of spread and the root of 900 of chance.
  const rate = estimateRate({ windows: [{ calls: 900, countedMs: 1000 }], before: [1100, 900], costNs: 0 })
  assert.ok(Math.abs((rate?.errorPerSec ?? 0) - Math.sqrt(900 + 20_000)) < 1e-6)
})

test('with too few attachments the seconds of this one tell the spread', () => {
  const windows = [{ calls: 3000, countedMs: 3000 }]
  const rate = estimateRate({ windows, slicesPerSec: [900, 1100, 900], before: [1000], costNs: 0 })
  assert.ok((rate?.errorPerSec ?? 0) > 140)
})

test('nothing counted is zero give or take one call; no time counted is no rate', () => {
  assert.deepEqual(estimateRate({ windows: [{ calls: 0, countedMs: 5000 }], costNs: 5600 }), {
    calls: 0,
    countedMs: 5000,
    perSec: 0,
    errorPerSec: 0.2,
    lowByMax: 0,
    recent: [0],
  })
  assert.equal(estimateRate({ windows: [{ calls: 5, countedMs: 0 }], costNs: 1 }), undefined)
  assert.equal(estimateRate({ windows: [], costNs: 1 }), undefined)
})

test('a caller that did little else than being watched is told as such, and no more than twelve rates are kept', () => {
  const before = Array.from({ length: 30 }, () => 180_000)
  const rate = estimateRate({ windows: [{ calls: 1800, countedMs: 10 }], before, costNs: 5600 })
  assert.equal(rate?.lowByMax, 0.95)
  assert.equal(rate.recent.length, RECENT_MAX)
})
