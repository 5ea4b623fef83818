import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../terms/luck.ts'
import { HOUR_MS, SECOND_MS } from '../../terms/units.ts'
import { type Outcome, Pace } from './pace.ts'

/** How long a pace waits after each of some outcomes that came at once, one after the other. */
function waitsAfter(outcomes: readonly Outcome[], luck: number): readonly number[] {
  const pace = new Pace(0, () => luck)
  return outcomes.map((outcome) => {
    pace.ended(outcome, 0)
    return pace.dueMs
  })
}

const asked = (afterMs: number): Outcome => ({ kind: 'asked to wait', afterMs })
const FAILED: Outcome = { kind: 'failed' }

test('waits double from a second to eighteen, and each is drawn from the upper half of that', () => {
  const failures = Array.from({ length: 7 }, () => FAILED)
  assert.deepEqual(waitsAfter(failures, 0), [500, 1000, 2000, 4000, 8000, 9000, 9000])
  assert.deepEqual(waitsAfter(failures, 0.5), [750, 1500, 3000, 6000, 12_000, 13_500, 13_500])
  const many = Array.from({ length: 5000 }, () => FAILED)
  assert.equal(waitsAfter(many, 0.999).at(-1), 17_991)
})

test('what a server asks for is obeyed, from a second to an hour, and a tenth more is drawn', () => {
  assert.deepEqual(waitsAfter([asked(42_000), asked(10 * HOUR_MS), asked(1), asked(-5)], 0), [
    42_000,
    HOUR_MS,
    1000,
    1000,
  ])
  assert.deepEqual(waitsAfter([asked(42_000)], 0.5), [44_100])
})

test('whoever was shut out asks again hourly; a server that can not be trusted is tried every five minutes at last', () => {
  assert.deepEqual(waitsAfter([{ kind: 'shut out' }], 0.5), [1.05 * HOUR_MS])
  const wrong = Array.from({ length: 12 }, (): Outcome => ({ kind: 'wrong server' }))
  assert.deepEqual([waitsAfter(wrong, 0).at(-1), waitsAfter(wrong, 0.999).at(-1)], [150_000, 299_850])
})

test('a queue of three batches or of thirty is through within 36 s of its first', () => {
  for (const batches of [2, 3, 6, 15, 30]) {
    for (const luck of [0, 0.5, 0.999]) {
      const pace = new Pace(0, () => luck)
      let nowMs = 0
      for (let left = batches - 1; left > 0; left--) {
        pace.ended({ kind: 'taken', batchesLeft: left }, nowMs)
        nowMs = pace.dueMs
      }
      assert.ok(nowMs <= 36 * SECOND_MS, `${batches} batches took ${nowMs}`)
    }
  }
})

test('after all was sent, a new line is sent within twenty seconds, and those that follow do not put it off', () => {
  const pace = new Pace(0, () => 0.5)
  pace.ended({ kind: 'taken', batchesLeft: 0 }, 1000)
  pace.offered(300_000, 1)
  assert.equal(pace.dueMs, 310_000)
  pace.offered(305_000, 2)
  assert.equal(pace.dueMs, 310_000)
})

test('while the server is away, new lines do not change when it is tried', () => {
  const pace = new Pace(0, () => 0.5)
  for (let i = 0; i < 10; i++) pace.ended(FAILED, 1000)
  pace.offered(2000, 1)
  assert.equal(pace.dueMs, 14_500)
})

test('those who wait keep one pace: at a return nobody rushes, and each is found within eighteen seconds', () => {
  const luck = new Luck(7)
  const perSecond = Array.from({ length: 60 }, () => 0)
  let latestMs = 0
  for (let agent = 0; agent < 2000; agent++) {
    // Away for ten minutes: then the tries have long forgotten when the first was.
    const pace = new Pace(0, () => luck.fraction())
    let nowMs = 0
    while (nowMs < 600_000) {
      pace.ended(FAILED, nowMs)
      nowMs = pace.dueMs
    }
    for (let left = 2; left >= 0; left--) {
      perSecond[Math.floor((nowMs - 600_000) / 1000)]++
      pace.ended({ kind: 'taken', batchesLeft: left }, nowMs)
      if (left > 0) nowMs = pace.dueMs
    }
    latestMs = Math.max(latestMs, nowMs - 600_000)
  }
  assert.ok(latestMs <= 54 * SECOND_MS, String(latestMs))
  // 6 000 requests in 60 s are 100 a second; as long as nobody is through it is 2000 / 13.5 s = 148.
  assert.ok(Math.max(...perSecond) <= 200, String(Math.max(...perSecond)))
})
