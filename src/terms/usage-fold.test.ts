import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS, MINUTE_MS } from './units.ts'
import { SLOT_MS } from './usage.ts'
import { foldMax, foldMean, slotOfReport, slotOfVector, slotOfWindow, slotsWithin } from './usage-fold.ts'

const NOON = 20_000 * DAY_MS + DAY_MS / 2
const RIGHT = { arrivedAt: NOON, isClockOff: false }

test('a window that ends with a slot is of that slot, and one that ends a moment later of the next', () => {
  assert.equal(slotOfWindow(NOON), NOON - SLOT_MS)
  assert.equal(slotOfWindow(NOON + 1), NOON)
})

test('a guest tells of the last two days and not of the future; with a wrong clock, of the instant at which it is heard', () => {
  assert.equal(slotOfVector(NOON - 2 * DAY_MS, RIGHT), NOON - 2 * DAY_MS - SLOT_MS)
  assert.equal(slotOfVector(NOON - 2 * DAY_MS - 1, RIGHT), undefined)
  assert.equal(slotOfVector(NOON + SLOT_MS, RIGHT), NOON)
  assert.equal(slotOfVector(NOON + SLOT_MS + 1, RIGHT), undefined)
  assert.equal(slotOfVector(NOON + DAY_MS, { arrivedAt: NOON, isClockOff: true }), NOON - SLOT_MS)
})

test('a host’s clock is believed within five minutes', () => {
  assert.equal(slotOfReport(NOON - 5 * MINUTE_MS, NOON), NOON - 2 * SLOT_MS)
  assert.equal(slotOfReport(NOON - 5 * MINUTE_MS - 1, NOON), NOON - SLOT_MS)
})

test('means are weighted by time, and what is absent weighs nothing', () => {
  // (60 s of 1 + 180 s of 5) / 240 s = 4.
  assert.equal(foldMean(1, 60_000, 5, 180_000), 4)
  assert.equal(foldMean(Number.NaN, 60_000, 5, 180_000), 5)
  assert.equal(foldMean(1, 60_000, Number.NaN, 180_000), 1)
  assert.deepEqual([foldMax(1, 2), foldMax(2, 1), foldMax(Number.NaN, 1), foldMax(1, Number.NaN)], [2, 2, 1, 1])
})

test('a span holds the slots that begin within it', () => {
  assert.deepEqual(slotsWithin({ from: NOON, to: NOON + SLOT_MS }), { firstSlotAt: NOON, slots: 1 })
  assert.deepEqual(slotsWithin({ from: NOON + 1, to: NOON + SLOT_MS }), { firstSlotAt: NOON + SLOT_MS, slots: 0 })
  assert.deepEqual(slotsWithin({ from: NOON, to: NOON - DAY_MS }).slots, 0)
})
