import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR_MS, MINUTE_MS } from '../../../src/terms/units.ts'
import { loadToken, rowsInSight, timeTicks } from './scales.ts'

test('a load is told by one of seven steps up to where contention begins, and by another colour above', () => {
  // Steps of 0.9 / 7 = 0.129: 0.64 is in the fifth, from 0.514 to 0.643.
  assert.equal(loadToken(0, 0.9), '--load-0')
  assert.equal(loadToken(0.64, 0.9), '--load-4')
  assert.equal(loadToken(0.9, 0.9), '--load-6')
  assert.equal(loadToken(0.91, 0.9), '--load-over')
  assert.equal(loadToken(3, 0.9), '--load-over')
})

test('what nobody measured has a colour of its own, and is not idle', () => {
  for (const absent of [null, undefined, Number.NaN]) assert.equal(loadToken(absent, 0.9), '--load-none')
})

test('of ten thousand rows those in sight are drawn, and four on either side', () => {
  const rows = { rows: 10_000, rowHeight: 30 }
  // 3,000 px down is row 100; 600 px show 20 of them.
  assert.deepEqual(rowsInSight(rows, { scrollTop: 3000, height: 600 }), { from: 96, to: 124 })
  assert.deepEqual(rowsInSight(rows, { scrollTop: 0, height: 600 }), { from: 0, to: 24 })
  assert.deepEqual(rowsInSight(rows, { scrollTop: 300_000, height: 600 }), { from: 9996, to: 10_000 })
})

test('a list that became short while it was scrolled far down is drawn from its rows', () => {
  assert.deepEqual(rowsInSight({ rows: 3, rowHeight: 30 }, { scrollTop: 9000, height: 600 }), { from: 3, to: 3 })
  assert.deepEqual(rowsInSight({ rows: 0, rowHeight: 30 }, { scrollTop: 0, height: 600 }), { from: 0, to: 0 })
})

test('an axis is marked at whole steps of a clock', () => {
  // Seven hours and a half from 07:10: seven marks at most asks for two hours.
  const from = 7 * HOUR_MS + 10 * MINUTE_MS
  assert.deepEqual(
    timeTicks(from, from + 7.5 * HOUR_MS, 7).map((at) => at / HOUR_MS),
    [8, 10, 12, 14],
  )
})
