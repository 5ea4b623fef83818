import assert from 'node:assert/strict'
import { test } from 'node:test'
import { growthOf, isGrowing } from './server/growth.ts'
import { SMALL } from './server/restart.ts'
import { hoursAtScale, minuteAtScale } from './server/site-at-scale.ts'

const say = (): void => undefined

test('two hours of a small site are lived through: every turn is taken, answered from, and weighed', async () => {
  const seen = await hoursAtScale(SMALL, 2, say)
  assert.equal(seen['turns'], 24)
  assert.ok((seen['storeMiB'] ?? 0) > 0)
  for (const [name, value] of Object.entries(seen)) assert.ok(Number.isFinite(value), `${name}: ${value}`)
})

test('a small site is served at its pace and in a burst, and every request is answered', async () => {
  const seen = await minuteAtScale(SMALL, { calmSec: 2, burstSec: 2, say })
  assert.ok((seen['calmVectors'] ?? 0) > 0)
  assert.ok((seen['burstVectors'] ?? 0) > (seen['calmVectors'] ?? NaN))
  assert.ok((seen['serverTurns'] ?? 0) > 0)
  for (const [name, value] of Object.entries(seen)) assert.ok(Number.isFinite(value), `${name}: ${value}`)
})

test('growth is the slope of the line through the values, and its error is what chance would make of it', () => {
  // 10, 12, 14, 16: two each time, exactly.
  assert.deepEqual(growthOf([10, 12, 14, 16]), { mean: 13, slope: 2, error: 0 })
  // 10, 11, 10, 11: slope (−1.5·10 − 0.5·11 + 0.5·10 + 1.5·11) / 5 = 0.2, rest 1 − 0.2² · 5 = 0.8, error √(0.8 / 2 / 5) = 0.2828.
  assert.deepEqual(growthOf([10, 11, 10, 11]), { mean: 10.5, slope: 0.2, error: 0.2828 })
})

test('what rises by chance alone, or by little, does not grow', () => {
  assert.equal(isGrowing(growthOf([10, 12, 14, 16]), 4), true)
  assert.equal(isGrowing(growthOf([10, 11, 10, 11]), 24), false)
  assert.equal(isGrowing(growthOf([1000, 1000.1, 1000.2, 1000.3]), 24), false)
})
