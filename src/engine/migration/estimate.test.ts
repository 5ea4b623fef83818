import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { PRODUCTION_POLICY } from '../../terms/policy.ts'
import { GiB, MiB } from '../../terms/units.ts'
import { estimateMigration, priceMigration } from './estimate.ts'

/** Half of the link is used: 100 MB/s. What is dirtied in 300 ms at that speed, 30 MB, may be sent while the VM stands. */
const LINK = 200e6

test("CloudSim's VM of 870 MB at 62.5 MB/s takes 13.92 s, and the switch-over", () => {
  const estimate = estimateMigration({ memoryBytes: 870e6, busyRefCores: 0 }, 125e6)
  assert.deepEqual(estimate, { copiedBytes: 870e6, durationMs: 13_950, downtimeMs: 30, rounds: 2, converges: true })
})

test('each round sends what was dirtied during the one before', () => {
  // Dirtied at half the speed: 1000, 500, 250, 125, 62.5, 31.25 MB, and then 15.625 MB with the VM standing.
  const subject = { memoryBytes: 1000e6, busyRefCores: 1, dirtiedBytesPerSec: 50e6 }
  assert.deepEqual(estimateMigration(subject, LINK), {
    copiedBytes: 1984.375e6,
    durationMs: 19_687.5 + 156.25 + 30,
    downtimeMs: 156.25 + 30,
    rounds: 7,
    converges: true,
  })
})

test('a VM that dirties as fast as the link takes never gets there', () => {
  const subject = { memoryBytes: 1000e6, busyRefCores: 1, dirtiedBytesPerSec: 100e6 }
  const { converges, rounds, downtimeMs } = estimateMigration(subject, LINK)
  // Stopped after the first round, all of it would have to be sent again: 10 s.
  assert.deepEqual([converges, rounds, downtimeMs], [false, 2, 10_030])
})

test('a VM that gets there too slowly is refused as well', () => {
  // 0.99^30 of 1000 MB is 740 MB, far above 30 MB.
  const subject = { memoryBytes: 1000e6, busyRefCores: 1, dirtiedBytesPerSec: 99e6 }
  assert.equal(estimateMigration(subject, LINK).converges, false)
})

test('where nobody measured it, a busy core dirties 8 MiB a second', () => {
  const measured = { memoryBytes: GiB, busyRefCores: 0, dirtiedBytesPerSec: 3 * 8 * MiB }
  assert.deepEqual(estimateMigration({ memoryBytes: GiB, busyRefCores: 3 }, LINK), estimateMigration(measured, LINK))
})

test('measured to be nothing is not the same as not measured', () => {
  const quiet = estimateMigration({ memoryBytes: GiB, busyRefCores: 3, dirtiedBytesPerSec: 0 }, LINK)
  assert.equal(quiet.copiedBytes, GiB)
})

test('a migration costs its bytes, its downtime, and what the VM loses while it is copied', () => {
  const prices = {
    ...PRODUCTION_POLICY.prices,
    perMigration: 1,
    perCopiedGiB: 2,
    perDowntimeSecond: 3,
    perUnservedCoreHour: 100,
  }
  const estimate = { copiedBytes: 5 * GiB, durationMs: 36_000, downtimeMs: 500, rounds: 3, converges: true }
  // 1 + 5 x 2 + 0.5 x 3 + a tenth of 4 cores for a hundredth of an hour at 100: 0.4.
  assert.ok(Math.abs(priceMigration(estimate, 4, prices) - (1 + 10 + 1.5 + 0.4)) < 1e-9)
})

test('more memory or a faster dirtying never makes a migration shorter', () => {
  const bytes = fc.integer({ min: 1, max: 64 * GiB })
  const rate = fc.integer({ min: 0, max: 45e6 })
  checkProperty(
    fc.property(bytes, rate, rate, (memoryBytes, some, more) => {
      const of = (dirtiedBytesPerSec: number) =>
        estimateMigration({ memoryBytes, busyRefCores: 0, dirtiedBytesPerSec }, LINK).copiedBytes
      assert.ok(of(some + more) >= of(some))
      assert.ok(of(some) >= memoryBytes)
    }),
  )
})
