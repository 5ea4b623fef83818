import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { batchOf, isRenewalDue, waitAfter } from './pace.ts'

test('waits double from five seconds to five minutes, and each is drawn from all of it', () => {
  const waits = [1, 2, 3, 10, 1000].map((failures) =>
    [0, 0.5].map((luck) => waitAfter({ kind: 'later' }, failures, luck)),
  )
  // Ceilings 5, 10, 20 s, then 5 min: half of what is above 5 s.
  assert.deepEqual(waits, [
    [5000, 5000],
    [5000, 7500],
    [5000, 12_500],
    [5000, 152_500],
    [5000, 152_500],
  ])
})

test('what a server asks for is obeyed, up to an hour', () => {
  assert.equal(waitAfter({ kind: 'later', afterMs: 42_000 }, 1, 0), 42_000)
  assert.equal(waitAfter({ kind: 'later', afterMs: 10 * HOUR_MS }, 1, 0), HOUR_MS)
  assert.equal(waitAfter({ kind: 'later', afterMs: 1 }, 1, 0), 5000)
})

test('whoever was shut out asks again hourly, and after what was taken there is no wait', () => {
  assert.equal(waitAfter({ kind: 'shut out' }, 1, 0.4), 1.1 * HOUR_MS)
  assert.equal(waitAfter({ kind: 'acknowledged' }, 0, 0.4), 0)
})

test('a certificate of a day is renewed after sixteen hours', () => {
  const life = { notBefore: 0, notAfter: DAY_MS }
  assert.deepEqual(
    [16 * HOUR_MS - 1, 16 * HOUR_MS, DAY_MS + 1, -MINUTE_MS].map((now) => isRenewalDue(life, now)),
    [false, true, true, false],
  )
})

test('a batch keeps within lines and bytes, and is never empty', () => {
  const bounds = { lines: 3, bytes: 10 }
  assert.deepEqual(batchOf(['aaaa', 'bbbb', 'cccc'], bounds), ['aaaa', 'bbbb'])
  assert.deepEqual(batchOf(['a', 'b', 'c', 'd'], bounds), ['a', 'b', 'c'])
  assert.deepEqual(batchOf(['a'.repeat(99)], bounds), ['a'.repeat(99)])
})
