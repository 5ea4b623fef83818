import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../terms/luck.ts'
import { autocorrelation, centre, findRhythm, type Rhythm } from './rhythm.ts'

/** Six hours of five-minute windows. */
const WINDOWS = 72

function rhythmOf(demand: (window: number) => number, windows = WINDOWS): Rhythm | undefined {
  return findRhythm(centre(Float64Array.from({ length: windows }, (_, k) => demand(k))))
}

test('a series less its mean adds up to nothing', () => {
  const { values, power } = centre(Float64Array.of(1, 2, 6))
  assert.deepEqual([...values], [-2, -1, 3])
  assert.equal(power, 4 + 1 + 9)
})

test('the room that is handed in may be longer than the series', () => {
  assert.equal(centre(Float64Array.of(1, 3), new Float64Array(9)).values.length, 2)
})

test('a series that alternates is the opposite of itself one window later', () => {
  const series = centre(Float64Array.of(1, 0, 1, 0))
  // Centred: 0.5, -0.5, 0.5, -0.5. Shared at lag 1: 3 x -0.25; own: 4 x 0.25.
  assert.equal(autocorrelation(series, 1), -0.75)
  assert.equal(autocorrelation(series, 2), 0.5)
  assert.equal(autocorrelation(series, 0), 1)
  assert.equal(autocorrelation(series, 9), 0)
})

test('what never changes repeats nothing', () => {
  assert.equal(autocorrelation(centre(Float64Array.of(2, 2, 2)), 1), 0)
  assert.deepEqual(
    rhythmOf(() => 1),
    { strength: 0 },
  )
})

test('the period of a sine is found', () => {
  for (const period of [6, 12, 18]) {
    const rhythm = rhythmOf((k) => 1 + Math.sin((2 * Math.PI * k) / period))
    assert.equal(rhythm?.period, period)
    assert.ok(rhythm.strength > 0.6, `${rhythm.strength}`)
  }
})

test('a spike that comes every hour is found, with noise around it', () => {
  const luck = new Luck(1)
  const rhythm = rhythmOf((k) => (k % 12 === 0 ? 2 : 0.2) + 0.1 * luck.fraction())
  assert.equal(rhythm?.period, 12)
})

test('in noise there is no period, but for one draw in many', () => {
  let found = 0
  for (let seed = 1; seed <= 100; seed++) {
    const luck = new Luck(seed)
    if (rhythmOf(() => luck.fraction())?.period !== undefined) found++
  }
  // 24 lags are looked at, each passed by chance in 2.3 % at twice the standard error: a few in ten, never most.
  assert.ok(found <= 40, `${found} of 100`)
})

test('two hours are too short to tell', () => {
  assert.equal(
    rhythmOf((k) => k % 3, 23),
    undefined,
  )
  assert.notEqual(
    rhythmOf((k) => k % 3, 24),
    undefined,
  )
})

test('a rhythm slower than a third of the past is not believed', () => {
  assert.equal(rhythmOf((k) => Math.sin((2 * Math.PI * k) / 36))?.period, undefined)
})
