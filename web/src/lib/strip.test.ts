import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepUnder, stripBackground } from './strip.ts'

test('each run of steps of one colour is one piece, of the width of its steps', () => {
  // Steps of 0.9 / 7 = 0.129: 0 and 0.1 are in the first, 0.5 in the fourth.
  assert.equal(
    stripBackground([0, 0.1, 0.5, null, 0.95, 0.95, 0.95, 0.95], 0.9),
    'linear-gradient(to right, var(--load-0) 0% 25%, var(--load-3) 25% 37.5%, var(--load-none) 37.5% 50%, var(--load-over) 50% 100%)',
  )
  assert.equal(stripBackground([0.5], 0.9), 'linear-gradient(to right, var(--load-3) 0% 100%)')
})

test('where there are no steps nothing is drawn', () => {
  assert.equal(stripBackground([], 0.9), 'none')
})

test('the pointer is on the step below it, and beyond the ends on the outermost', () => {
  assert.deepEqual(
    [0, 0.24, 0.25, 0.99, 1, -0.1].map((share) => stepUnder(share, 4)),
    [0, 0, 1, 3, 3, 0],
  )
})
