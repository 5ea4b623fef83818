import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Schedule } from './schedule.ts'

const aSchedule = () => new Schedule({ startMs: 1000, lookEveryMs: 5000, vectorEveryMs: 300_000 })

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
