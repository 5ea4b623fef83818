import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estimateRate, RECENT_MAX, spreadOf } from './estimate.ts'

test('a count is scaled by the time it took, and its error is its root', () => {
  // 2500 calls in 5 s are 500/s; the root of 2500 is 50, so 10/s. Rounds and seconds were all alike.
  const steady = { slicesPerSec: [500, 500, 500], before: [500, 500] }
  const rate = estimateRate({ windows: [{ calls: 2500, countedMs: 5000 }], ...steady, costNs: 350 })
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
  const rate = estimateRate({ windows, before: [3000, 3000], costNs: 0 })
  assert.equal(rate?.perSec, 3000)
  assert.ok(Math.abs(rate.errorPerSec - Math.sqrt(20_000)) < 1e-9)
})

test('the spread between attachments is part of the error, widened where there were few, and a steady rise is not spread', () => {
  // Differences 200, 200: the root of their mean square, over the root of two, is 141.4. Freedom 2 x 4 / 5 = 1.6: widened by
  // 1 + 0.5 / 1.6 + 0.3 / 2.56 = 1.4297.
  const spread = 141.4214 * 1.4297
  assert.ok(Math.abs((spreadOf([900, 1100, 900]) ?? 0) - spread) < 0.01)
  // One difference of 200, freedom 2 x 1 / 2 = 1: 141.4 x 1.8.
  assert.ok(Math.abs((spreadOf([900, 1100]) ?? 0) - 254.56) < 0.01)
  assert.ok((spreadOf([1000, 1001, 1002, 1003]) ?? 9) < 1)
  assert.equal(spreadOf([1000]), undefined)
  // 900/s now, 1100/s and 900/s before: that spread, and the root of 900 of chance.
  const rate = estimateRate({ windows: [{ calls: 900, countedMs: 1000 }], before: [1100, 900], costNs: 0 })
  assert.ok(Math.abs((rate?.errorPerSec ?? 0) - Math.sqrt(900 + spread ** 2)) < 0.01)
})

test('with too few attachments the seconds of this one tell the spread, if they tell more', () => {
  const windows = [{ calls: 3000, countedMs: 3000 }]
  const rate = estimateRate({ windows, slicesPerSec: [900, 1100, 900], before: [1000], costNs: 0 })
  assert.ok((rate?.errorPerSec ?? 0) > 141)
  const jump = estimateRate({ windows, slicesPerSec: [1000, 1000, 1000], before: [5000], costNs: 0 })
  assert.ok((jump?.errorPerSec ?? 0) > 2000)
})

test('one short attachment tells no spread: the rate may be wrong by all of itself', () => {
  // 2000 calls in 10 ms are 200 000/s, of a second that nobody saw the rest of.
  const rate = estimateRate({ windows: [{ calls: 2000, countedMs: 10 }], costNs: 0 })
  assert.ok((rate?.errorPerSec ?? 0) >= 200_000)
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
