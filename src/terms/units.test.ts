import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clampFraction, DAY_MS, GiB, HOUR_MS, JOULES_PER_KWH, KiB, MiB, MINUTE_MS } from './units.ts'

test('units are what they are everywhere else', () => {
  assert.equal(KiB, 2 ** 10)
  assert.equal(MiB, 2 ** 20)
  assert.equal(GiB, 2 ** 30)
  assert.equal(MINUTE_MS, 60_000)
  assert.equal(HOUR_MS, 3_600_000)
  assert.equal(DAY_MS, 86_400_000)
  // 1000 W for 3600 s.
  assert.equal(JOULES_PER_KWH, 1000 * 3600)
})

test('a fraction is kept within 0 and 1, and what is not a number is not hidden', () => {
  const cases = [
    [-0.5, 0],
    [0, 0],
    [0.25, 0.25],
    [1, 1],
    [7, 1],
    [Infinity, 1],
    [-Infinity, 0],
    [Number.NaN, Number.NaN],
  ] as const
  for (const [value, expected] of cases) assert.equal(clampFraction(value), expected)
})
