import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bandBackground, stepUnder, stripBackground } from './strip.ts'

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

test('a forecast is drawn with its band: 9 of 10 above its median above 1 of 10, a third of the height each', () => {
  // Steps of 0.9 / 7 = 0.129: 0.2 is in the second, 0.5 in the fourth, 0.8 in the seventh.
  assert.equal(
    bandBackground({ p10: [0.2, 0.2], p50: [0.5, 0.8], p90: [0.8, 0.95] }, 0.9),
    [
      'linear-gradient(to right, var(--load-6) 0% 50%, var(--load-over) 50% 100%) 0 0% / 100% 33.333% no-repeat',
      'linear-gradient(to right, var(--load-3) 0% 50%, var(--load-6) 50% 100%) 0 50% / 100% 33.333% no-repeat',
      'linear-gradient(to right, var(--load-1) 0% 100%) 0 100% / 100% 33.333% no-repeat',
    ].join(', '),
  )
})

test('contention that only the upper end of the band comes to is seen, and where nothing is ahead nothing is drawn', () => {
  const band = { p10: [0.3], p50: [0.6], p90: [0.97] }
  assert.doesNotMatch(stripBackground(band.p50, 0.9), /--load-over/)
  assert.match(bandBackground(band, 0.9), /--load-over/)
  assert.equal(bandBackground(undefined, 0.9), 'none')
  assert.equal(bandBackground({ p10: [], p50: [], p90: [] }, 0.9), 'none')
})

test('the pointer is on the step below it, and beyond the ends on the outermost', () => {
  assert.deepEqual(
    [0, 0.24, 0.25, 0.99, 1, -0.1].map((share) => stepUnder(share, 4)),
    [0, 0, 1, 3, 3, 0],
  )
})
