import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeOn, scaleOf, stretchOn } from './bars.ts'

test('a scale begins at nothing, and has room for what was lost', () => {
  assert.deepEqual(scaleOf([3, 8]), { from: 0, to: 8 })
  assert.deepEqual(scaleOf([-2, 6]), { from: -2, to: 6 })
})

test('what is absent or no number makes no scale longer', () => {
  assert.deepEqual(scaleOf([undefined, null, Number.NaN, Number.POSITIVE_INFINITY, 4]), { from: 0, to: 4 })
  assert.deepEqual(scaleOf([]), { from: 0, to: 1 })
  assert.deepEqual(scaleOf([0, 0]), { from: 0, to: 1 })
})

test('a loss is drawn from zero to the left', () => {
  // From -2 to 6 are 8: zero stands at 2/8, and -1 at 1/8.
  assert.deepEqual(stretchOn({ from: -2, to: 6 }, 0, -1), { left: '12.5%', width: '12.5%' })
})

test('what lies beyond a scale stands at its end', () => {
  assert.equal(placeOn({ from: 0, to: 4 }, 9), 1)
  assert.equal(placeOn({ from: 0, to: 4 }, -1), 0)
})

test('a scale of two hundred thousand rows is made', () => {
  assert.deepEqual(scaleOf(Array.from({ length: 200_000 }, (_, i) => i)), { from: 0, to: 199_999 })
})
