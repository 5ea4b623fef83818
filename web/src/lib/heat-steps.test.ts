import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstPlace, placeAfter, stepAt } from './heat-steps.ts'

const size = { past: 3, ahead: 2 }

test('places run through the past and on into what is ahead', () => {
  assert.deepEqual(
    [0, 2, 3, 4].map((place) => stepAt(place, size)),
    [
      { isAhead: false, index: 0 },
      { isAhead: false, index: 2 },
      { isAhead: true, index: 0 },
      { isAhead: true, index: 1 },
    ],
  )
  assert.deepEqual([stepAt(-1, size), stepAt(5, size), stepAt(0, { past: 0, ahead: 0 })], Array(3).fill(undefined))
})

test('keys begin at the last that was measured, and stay on the strip', () => {
  assert.equal(firstPlace(size), 2)
  assert.equal(firstPlace({ past: 0, ahead: 2 }), 0)
  assert.equal(placeAfter('ArrowRight', 2, size), 3)
  assert.equal(placeAfter('ArrowRight', 4, size), 4)
  assert.equal(placeAfter('ArrowLeft', 0, size), 0)
  assert.equal(placeAfter('End', 0, size), 4)
  assert.equal(placeAfter('Home', 4, size), 0)
  assert.equal(placeAfter('PageUp', 0, { past: 20, ahead: 0 }), 12)
})

test('other keys are not taken, and a strip without steps takes none', () => {
  assert.equal(placeAfter('Tab', 2, size), undefined)
  assert.equal(placeAfter('End', 0, { past: 0, ahead: 0 }), undefined)
})
