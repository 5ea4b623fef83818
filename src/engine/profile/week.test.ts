import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVmId } from '../../terms/ids.ts'
import { DAY_MS, HOUR_MS } from '../../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../../terms/usage.ts'
import { busyHours, oddities, weekGrid, weekRhythm } from './week.ts'

/** Monday, the 5th of January 2026, at midnight UTC. */
const MONDAY = Date.UTC(2026, 0, 5)
const SLOTS = (7 * DAY_MS) / SLOT_MS

/** A week of which a function tells each slot by weekday (0: Monday) and hour. */
function aWeek(of: (day: number, hour: number) => number): Float32Array {
  return Float32Array.from({ length: SLOTS }, (_, slot) => {
    const at = slot * SLOT_MS
    return of(Math.floor(at / DAY_MS), Math.floor((at % DAY_MS) / HOUR_MS))
  })
}

function isOffice(day: number, hour: number): boolean {
  return day < 5 && hour >= 8 && hour < 18
}

test('a week is a grid of weekdays and hours of UTC, whichever day it begins on, and empty where nobody measured', () => {
  const grid = weekGrid(
    aWeek((day, hour) => (day === 2 ? NaN : day * 100 + hour)),
    MONDAY,
  )
  assert.deepEqual([grid.days[0][7], grid.days[6][23]], [7, 623])
  assert.ok(Number.isNaN(grid.days[2][12]))
  assert.equal(grid.measured, 6 / 7)
  // The same numbers from a Thursday on: its first slot is Thursday's.
  assert.equal(
    weekGrid(
      aWeek((day, hour) => day * 100 + hour),
      MONDAY + 3 * DAY_MS,
    ).days[3][7],
    7,
  )
  assert.equal(weekGrid(undefined, MONDAY).measured, 0)
})

test('who is busy on weekdays from 8 to 18 is told so, with what it wants then and otherwise', () => {
  const found = busyHours(
    weekGrid(
      aWeek((day, hour) => (isOffice(day, hour) ? 2 : 0.1)),
      MONDAY,
    ),
  )
  assert.deepEqual([found?.days, found?.from, found?.to], ['weekdays', 8, 18])
  assert.ok(Math.abs((found?.inside ?? 0) - 2) < 1e-6 && Math.abs((found?.outside ?? 0) - 0.1) < 1e-6)
})

test('a job of every night passes midnight, and one of the weekend is of the weekend', () => {
  const nightly = busyHours(
    weekGrid(
      aWeek((_, hour) => (hour >= 22 || hour < 4 ? 1 : 0)),
      MONDAY,
    ),
  )
  assert.deepEqual([nightly?.days, nightly?.from, nightly?.to], ['every day', 22, 4])
  const weekend = busyHours(
    weekGrid(
      aWeek((day, hour) => (day >= 5 && hour >= 2 && hour < 12 ? 1 : 0.2)),
      MONDAY,
    ),
  )
  assert.deepEqual([weekend?.days, weekend?.from, weekend?.to], ['weekend', 2, 12])
})

test('even days, no days and half a day have no busy hours', () => {
  for (const wanted of [
    () => 1,
    () => 0,
    () => NaN,
    (day: number, hour: number) => (day === 0 && hour < 12 ? hour : NaN),
  ])
    assert.equal(busyHours(weekGrid(aWeek(wanted), MONDAY)), undefined)
})

test('what comes every day is a rhythm of a day, and three days are needed to tell', () => {
  const daily = aWeek((_, hour) => (hour >= 8 && hour < 18 ? 2 : 0.1))
  assert.equal(weekRhythm(daily)?.periodMs, DAY_MS)
  assert.ok((weekRhythm(daily)?.strength ?? 0) > 0.6)
  assert.equal(weekRhythm(daily.map((cores, slot) => (slot < (2 * DAY_MS) / SLOT_MS ? cores : NaN))), undefined)
  assert.equal(weekRhythm(undefined), undefined)
  assert.equal(weekRhythm(aWeek(() => 1))?.periodMs, undefined)
})

function aSeries(cpu: Float32Array): UsageSeries {
  return { vmId: parseVmId('web'), firstSlotAt: MONDAY, slots: cpu.length, mean: { cpu }, max: {} }
}

test('a stretch far from its usual is told once, with its begin, its end and how far it went', () => {
  // Half a core for a week, but for four slots on Tuesday at 3 o'clock of which one in the middle was not measured.
  const begin = (DAY_MS + 3 * HOUR_MS) / SLOT_MS
  const cpu = aWeek(() => 0.5)
  cpu.set([3, 4, NaN, 2], begin)
  const [found, ...others] = oddities(aSeries(cpu), 5)
  assert.deepEqual(others, [])
  assert.deepEqual(
    [found.resource, found.from, found.to],
    ['cpu', MONDAY + begin * SLOT_MS, MONDAY + (begin + 4) * SLOT_MS],
  )
  assert.equal(found.value, 4)
  assert.ok(Math.abs(found.usual - 0.5) < 1e-6)
  // log(1 + 4 / 0.01) = 5.994 and log(1 + 0.5 / 0.01) = 3.932: 2.062 apart, over a quarter.
  assert.ok(Math.abs(found.multiple - 2.062 / 0.25) < 0.01)
})

test('what happens two times in a hundred is usual, and so is a past of three hours', () => {
  const often = aWeek((_, hour) => (hour === 3 ? 4 : 0.5))
  assert.deepEqual(oddities(aSeries(often), 5), [])
  const young = Float32Array.from({ length: 36 }, (_, i) => (i === 20 ? 9 : 0.1))
  assert.deepEqual(oddities(aSeries(young), 5), [])
})
