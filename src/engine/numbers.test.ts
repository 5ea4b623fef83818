import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../tools/property.ts'
import { expectedExcess, normalCdf, normalDensity, normalQuantile } from './numbers.ts'

/** Tables of the standard normal give five digits or more. */
function assertNear(actual: number, expected: number, within = 1e-6): void {
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not within ${within} of ${expected}`)
}

test('the normal distribution has the values of the tables', () => {
  assertNear(normalCdf(0), 0.5)
  assertNear(normalCdf(1), 0.841344746)
  assertNear(normalCdf(-1.959963985), 0.025)
  assertNear(normalCdf(3), 0.998650102)
  assertNear(normalDensity(0), 0.39894228)
  assertNear(normalDensity(-1), 0.241970725)
})

test('the quantile is the inverse of the distribution, on both sides and in the tails', () => {
  assertNear(normalQuantile(0.975), 1.959963985)
  assertNear(normalQuantile(0.01), -2.326347874)
  assert.equal(normalQuantile(0.5), 0)
  checkProperty(
    fc.property(finiteNumber({ min: 0.0005, max: 0.9995 }), (p) => assertNear(normalCdf(normalQuantile(p)), p)),
  )
})

test('what is expected above a limit: nothing far away, all that is above where nothing varies', () => {
  assert.equal(expectedExcess(3, 0, 2), 1)
  assert.equal(expectedExcess(2, 0, 3), 0)
  assert.equal(expectedExcess(1, 0.1, 2), 0)
  // At the limit itself half of the normal lies above it, by 0.3989 standard deviations in the mean over both halves.
  assertNear(expectedExcess(2, 0.5, 2), 0.5 * 0.39894228)
})

test('excess above a limit less what is missing below it is the distance of the mean', () => {
  const near = finiteNumber({ min: -3, max: 3 })
  checkProperty(
    fc.property(near, finiteNumber({ min: 0.01, max: 2 }), near, (mean, sd, limit) => {
      const above = expectedExcess(mean, sd, limit)
      const below = expectedExcess(-mean, sd, -limit)
      assertNear(above - below, mean - limit)
      assert.ok(above >= -1e-9)
    }),
  )
})
