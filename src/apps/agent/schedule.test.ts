import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ON_DEMAND_MS, Schedule, type ScheduleOptions } from './schedule.ts'

const aSchedule = (given: Partial<ScheduleOptions> = {}) =>
  new Schedule({ startMs: 1000, lookEveryMs: 5000, vectorEveryMs: 300_000, ...given })

/** Looks from the start until then, each a moment after it was due: `12a` is one at all, 11 s after the start. */
function looksUntil(schedule: Schedule, fromMs: number, untilMs: number): readonly string[] {
  const looks: string[] = []
  for (let nowMs = fromMs; ; ) {
    nowMs += schedule.waitMs(nowMs) + 3
    if (nowMs >= untilMs) return looks
    const kind = schedule.kindOfNext()
    looks.push(`${Math.floor(nowMs / 1000)}${kind[0]}`)
    schedule.looked(nowMs, kind)
  }
}

test('the first look is due at once, the next five seconds after it was due, however long it took', () => {
  const schedule = aSchedule()
  assert.equal(schedule.waitMs(1000), 0)
  schedule.looked(1040)
  // Due at 1000 + 5000 = 6000; it is 1040.
  assert.equal(schedule.waitMs(1040), 4960)
})

test('looks missed while the guest stood still are not made up for', () => {
  const schedule = aSchedule()
  schedule.looked(100_000)
  assert.equal(schedule.waitMs(100_000), 5000)
})

test('a vector is due after its interval, and the one after that an interval later', () => {
  const schedule = aSchedule()
  assert.equal(schedule.isVectorDue(300_999, false), false)
  assert.equal(schedule.isVectorDue(301_002, false), true)
  schedule.made(301_002)
  // Due at 301 000 + 300 000.
  assert.equal(schedule.isVectorDue(600_999, false), false)
  assert.equal(schedule.isVectorDue(601_000, false), true)
})

test('a change of phase brings a vector sooner, but not within a minute of the last', () => {
  const schedule = aSchedule()
  assert.equal(schedule.isVectorDue(60_999, true), false)
  assert.equal(schedule.isVectorDue(61_000, true), true)
  schedule.made(61_000)
  assert.equal(schedule.isVectorDue(120_999, true), false)
  assert.equal(schedule.isVectorDue(121_000, true), true)
  // The one that is due anyway stays due at 301 000.
  assert.equal(schedule.isVectorDue(301_000, false), true)
})

test('what is cheap is looked at between the looks at all, which come no more often for it', () => {
  const schedule = aSchedule({ cheapEveryMs: 1000 })
  assert.deepEqual(looksUntil(schedule, 1000, 12_000), '1a 2c 3c 4c 5c 6a 7c 8c 9c 10c 11a'.split(' '))
})

test('a cheap look that would come just before one at all is left out', () => {
  // Every 2 s, at all every 5 s: the cheap one at 4 s would be followed after 1 s, which is half of 2 s.
  assert.deepEqual(looksUntil(aSchedule({ cheapEveryMs: 2000 }), 1000, 12_000), '1a 3c 5c 6a 8c 10c 11a'.split(' '))
  assert.deepEqual(looksUntil(aSchedule({ cheapEveryMs: 3000 }), 1000, 12_000), '1a 4c 6a 9c 11a'.split(' '))
  assert.deepEqual(looksUntil(aSchedule({ cheapEveryMs: 4000 }), 1000, 12_000), '1a 6a 11a'.split(' '))
  assert.deepEqual(looksUntil(aSchedule({ cheapEveryMs: 5000 }), 1000, 12_000), '1a 6a 11a'.split(' '))
})

test('on demand what is cheap is looked at each second from the next look on, and then no more', () => {
  const schedule = aSchedule()
  schedule.looked(1000)
  schedule.demandUntil(3000 + ON_DEMAND_MS)
  assert.deepEqual(looksUntil(schedule, 3000, 13_000), '6a 7c 8c 9c 10c 11a 12c'.split(' '))
  assert.equal(schedule.isOnDemand(302_999), true)
  assert.equal(schedule.isOnDemand(303_000), false)
  // The last cheap look on demand at 302 s plans one for 303 s, which is the last.
  const looks = looksUntil(schedule, 13_000, 320_000)
  assert.deepEqual(looks.slice(-4), '303c 306a 311a 316a'.split(' '))
})
