import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { Buckets } from './buckets.ts'
import { refusalAt, REFUSAL_WORDS } from './refusals.ts'
import { isSkewed } from './skew.ts'

test('a burst is granted, then one token each so often, and the wait is told', () => {
  const buckets = new Buckets({ everyMs: 1000, burst: 3 })
  const taken = Array.from({ length: 4 }, () => buckets.take('a', 0))
  assert.deepEqual(taken, [0, 0, 0, 1000])
  // A quarter of a token is back after 250 ms: 750 ms are missing.
  assert.equal(buckets.take('a', 250), 750)
  assert.equal(buckets.take('a', 1000), 0)
  assert.equal(buckets.take('b', 1000), 0)
})

test('what is more than a burst is granted from a full bucket, and owed', () => {
  const buckets = new Buckets({ everyMs: 1000, burst: 10 })
  assert.equal(buckets.take('a', 0, 12), 0)
  // Two owed and one wanted: three seconds.
  assert.equal(buckets.take('a', 0), 3000)
  assert.equal(buckets.take('a', 3000), 0)
})

test('a clock that goes back gives nothing, and takes nothing', () => {
  const buckets = new Buckets({ everyMs: 1000, burst: 2 })
  assert.deepEqual([buckets.take('a', 9000), buckets.take('a', 9000)], [0, 0])
  assert.equal(buckets.take('a', 0), 1000)
  assert.equal(buckets.take('a', 1000), 0)
})

test('over any span no more than the burst and what came back is granted', () => {
  const asks = fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 4 })), { maxLength: 100 })
  checkProperty(
    fc.property(asks, (steps) => {
      const buckets = new Buckets({ everyMs: 1000, burst: 5 })
      let now = 0
      let granted = 0
      for (const [waitMs, count] of steps) {
        now += waitMs
        if (buckets.take('a', now, count) === 0) granted += count
        assert.ok(granted <= 5 + now / 1000 + 1e-9)
      }
    }),
  )
})

test('however many names there are, few are remembered, and the one that speaks is', () => {
  const buckets = new Buckets({ everyMs: 1e9, burst: 1 })
  assert.equal(buckets.take('loud', 0), 0)
  for (let name = 0; name < 50_000; name++) {
    buckets.take(String(name), 0)
    if (name % 1000 === 0) assert.ok(buckets.take('loud', 0) > 0)
  }
})

test('a clock is off where the guest says so by 300 s, or where a window ends in our future', () => {
  const at = 1_000_000_000
  assert.equal(isSkewed({ guestClock: at - 300_000, windowEnd: at }, at), false)
  assert.equal(isSkewed({ guestClock: at - 300_001, windowEnd: at }, at), true)
  assert.equal(isSkewed({ guestClock: at + 300_001, windowEnd: at }, at), true)
  // A day in the spool is no skew.
  assert.equal(isSkewed({ windowEnd: at - 86_400_000 }, at), false)
  assert.equal(isSkewed({ windowEnd: at + 300_001 }, at), true)
})

test('refusals are counted by few words, whatever a guest calls its fields', () => {
  const words = new Set<string>(REFUSAL_WORDS)
  for (const place of [
    'vector',
    'vector.seq',
    'vector.data[3]',
    'vector.__proto__',
    'vector.a.b',
    'vector.toString',
    '',
  ])
    assert.ok(words.has(refusalAt(place)), place)
  assert.equal(refusalAt('vector.data[3]'), 'bad data')
  assert.equal(refusalAt('vector.constructor'), 'unknown field')
})
