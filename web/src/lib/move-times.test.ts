import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WEEKDAYS } from '../../../src/apps/server/move-times.ts'
import { DAYS, daysText, fieldOf, instantOf, stretchesOf, timesProblems, windowText } from './move-times.ts'

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

test('instants of blackouts are of UTC and read back as they were', () => {
  // 1_798_675_200 s are 20,818 days: 2026-12-31.
  assert.equal(fieldOf(1_798_675_200_000), '2026-12-31T00:00')
  assert.equal(instantOf('2026-12-31T00:00'), 1_798_675_200_000)
  assert.equal(instantOf('soon'), undefined)
})

test('what can not be sent is told with its place', () => {
  const times = {
    timeZone: ' ',
    windows: [{ days: [], from: '22:00', to: '5:00' }],
    blackouts: [{ from: 5, to: 5 }],
  }
  assert.deepEqual(timesProblems(times), [
    'A time zone is needed, such as Europe/Berlin or UTC.',
    'Window 1 has no day.',
    'Window 1 needs hours such as 22:00.',
    'Blackout 1 ends before it begins, or lasts no time.',
  ])
})
