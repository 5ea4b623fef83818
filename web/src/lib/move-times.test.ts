import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WEEKDAYS } from '../../../src/apps/server/move-times.ts'
import { DAYS, daysText, draftOfTimes, readTimes, stretchesOf, timesProblems, windowText } from './move-times.ts'

test('the page knows the days of the server, in its order', () => {
  assert.deepEqual(DAYS, WEEKDAYS)
})

test('a window that ends before it begins goes on into the next day, Sunday into Monday', () => {
  assert.deepEqual(stretchesOf([{ days: ['sun'], from: '18:00', to: '06:00' }]), [
    { day: 'sun', from: 0.75, to: 1 },
    { day: 'mon', from: 0, to: 0.25 },
  ])
  assert.deepEqual(stretchesOf([{ days: ['wed'], from: '06:00', to: '12:00' }]), [{ day: 'wed', from: 0.25, to: 0.5 }])
  // Midnight is the end of the day that it began on.
  assert.deepEqual(stretchesOf([{ days: ['fri'], from: '18:00', to: '00:00' }]), [{ day: 'fri', from: 0.75, to: 1 }])
})

test('without windows the policy may act at any time', () => {
  assert.deepEqual(
    stretchesOf([]).map(({ from, to }) => [from, to]),
    DAYS.map(() => [0, 1]),
  )
})

test('days are told in runs', () => {
  assert.equal(daysText(['fri', 'mon', 'tue', 'wed', 'thu']), 'Mon–Fri')
  assert.equal(daysText(['sat', 'sun']), 'Sat, Sun')
  assert.equal(daysText(['mon', 'wed', 'thu', 'fri']), 'Mon, Wed–Fri')
  assert.equal(daysText([...DAYS]), 'every day')
  assert.equal(windowText({ days: ['mon'], from: '22:00', to: '05:00' }), 'Mon 22:00 to 05:00')
})

test('what can not be sent is told with its place', () => {
  const times = {
    timeZone: ' ',
    windows: [{ days: [], from: '22:00', to: '5:00' }],
    blackouts: [
      { from: '2026-12-31T00:00', to: '2026-12-31T00:00', reason: '' },
      { from: '', to: '2026-12-31T00:00', reason: '' },
    ],
  }
  assert.deepEqual(timesProblems(times), [
    'A time zone is needed, such as Europe/Berlin or UTC.',
    'Window 1 has no day.',
    'Window 1 needs hours such as 22:00.',
    'Blackout 1 ends before it begins, or lasts no time.',
    'Blackout 2 needs a beginning and an end.',
  ])
})

test('times that nobody edited are sent as they stand, without what an answer adds', () => {
  const blackouts = [
    { from: 1_798_675_200_000, to: 1_798_678_800_000, reason: 'year end' },
    { from: 1, to: 60_001 },
  ]
  const times = { timeZone: 'UTC', windows: [], blackouts }
  const view = { ...times, version: 3, who: 'ops' }
  const draft = draftOfTimes(view)
  assert.deepEqual(readTimes(draft), times)
  // A field shows minutes: the second blackout keeps its milliseconds until somebody changes it.
  assert.deepEqual(
    readTimes({ ...draft, blackouts: [{ ...draft.blackouts[1], from: '1970-01-01T00:01' }] }).blackouts,
    [{ from: 60_000, to: 60_001 }],
  )
})
