import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measuredCurve } from './measured-curve.ts'

test('a curve goes through what was measured, through zero, and never falls', () => {
  const curve = measuredCurve([
    { seconds: 1, bytes: 100 },
    { seconds: 4, bytes: 200 },
    { seconds: 16, bytes: 200 },
  ])
  assert.equal(curve(0), 0)
  assert.equal(curve(0.5), 50)
  assert.ok(Math.abs(curve(1) - 100) < 1e-9)
  // From 1 s to 4 s it doubles, so it goes with the square root of time: sqrt(2.25) = 1.5.
  assert.ok(Math.abs(curve(2.25) - 150) < 1e-9)
  assert.ok(Math.abs(curve(1000) - 200) < 1e-9)
})

test('one point is no curve', () => {
  assert.throws(() => measuredCurve([{ seconds: 1, bytes: 1 }]), RangeError)
})
