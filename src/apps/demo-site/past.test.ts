/** What hosts are told to have used before the demo's beginning. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { foldMean, usageOfReport } from '../../terms/usage-fold.ts'
import { BEGINNING, lastInstantOf } from './beginning.ts'
import { demoCluster } from './cluster.ts'
import { followedBy, readRecorded, TraceLoad } from './load.ts'
import { DemoWorld } from './world.ts'

const SLOT_MINUTES = SLOT_MS / MINUTE_MS
/** Memory is told by the slot, and reports tell it by the minute. */
const MEMORY_OFF = 0.02
const ROUNDING = 1e-9

const recorded = readRecorded()
const from = lastInstantOf(BEGINNING, Date.UTC(2026, 0, 1))
const load = new TraceLoad({ recorded, followed: followedBy(recorded), from, fromSlot: BEGINNING.slot, seed: 20 })
const world = new DemoWorld(demoCluster(BEGINNING.seed), load)

test('what a host used before the beginning is what its reports of those minutes would have told', () => {
  let contended = 0
  for (let slotAt = from - DAY_MS; slotAt < from; slotAt += 7 * SLOT_MS) {
    const told = world.hostSlots(slotAt, world.slots(slotAt))
    told.forEach(({ mean, max }, host) => {
      const reports = Array.from({ length: SLOT_MINUTES }, (_, m) => {
        const at = slotAt + (m + 1) * MINUTE_MS
        return usageOfReport(world.report(host, { at, windowMs: MINUTE_MS, arrivedAt: at }))
      })
      const cpu = reports.reduce((known, { mean: told }, m) => folded(known, told.cpu, m), NaN)
      const memory = reports.reduce((known, { mean: told }, m) => folded(known, told.memory, m), NaN)
      near(mean.cpu, cpu, ROUNDING)
      near(max.cpu, Math.max(...reports.map((one) => one.max.cpu ?? NaN)), ROUNDING)
      near(mean.memory, memory, MEMORY_OFF)
      contended += mean.cpu === max.cpu ? 1 : 0
    })
  }
  // At times a host is asked for more than it has: it then tells of all that it has, and of no more.
  assert.ok(contended > 0)
})

test('the site’s hours and days of the week are the recording’s, whenever the demo is started', () => {
  for (const now of [Date.UTC(2026, 10, 28, 12), Date.UTC(2026, 10, 25, 3, 30), Date.UTC(2031, 1, 1)]) {
    const at = lastInstantOf(BEGINNING, now)
    assert.equal(new Date(at).toUTCString().slice(0, 4), 'Wed,')
    assert.equal(at % DAY_MS, 3.5 * 60 * MINUTE_MS)
    assert.ok(at <= now && at > now - 7 * DAY_MS)
  }
})

/** What was known of the minutes before, and another. */
function folded(known: number, told: number | undefined, before: number): number {
  return foldMean(known, before * MINUTE_MS, told ?? NaN, MINUTE_MS)
}

function near(told: number | undefined, expected: number, off: number): void {
  assert.ok(Math.abs((told ?? NaN) / expected - 1) <= off, `${told} and ${expected}`)
}
