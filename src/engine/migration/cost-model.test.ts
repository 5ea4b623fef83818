import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCostModelFile } from '../../drivers/traces/cost-model-file.ts'
import type { MoveFacts } from '../../terms/move-facts.ts'
import { parseCostModel } from './cost-model-codec.ts'
import { promiseMove, sharpenedOdds } from './cost-model.ts'

const MODEL = parseCostModel(readCostModelFile())

/** A guest of 256 MiB, of which 170 hold something, at rest on 500 Mbit/s. */
const GUEST: MoveFacts = {
  memoryMib: 256,
  linkMbitPerSec: 500,
  mode: 'precopy',
  downtimeLimitMs: 300,
  timeoutSec: 20,
  probeBytesPerSec: 59.78e6,
  dirtyMibPerSec: 0,
  dirtyWindowSec: 1,
  load1: 1,
  cpuMsPerSec: 150,
  residentMib: 254,
  unusedMib: 86,
}

test('a guest at rest takes its pages over the bandwidth, and half a second', () => {
  // 254 MiB of process less some 84 of QEMU's own are 170 MiB; at 57 MiB/s 2.98 s.
  const { totalMs, bytesMib, pConverge, downtimeMs } = promiseMove(MODEL, GUEST)
  assert.ok(Math.abs(bytesMib / 172 - 1) < 0.03, String(bytesMib))
  assert.ok(totalMs > 3200 && totalMs < 3800, String(totalMs))
  assert.ok(downtimeMs > 100 && downtimeMs < 450, String(downtimeMs))
  assert.ok(pConverge > 0.95)
})

test('one that writes faster than its link takes is told not to start', () => {
  const slow = { ...GUEST, linkMbitPerSec: 100, probeBytesPerSec: 11.96e6, dirtyMibPerSec: 40, downtimeLimitMs: 100 }
  assert.ok(promiseMove(MODEL, slow).pConverge < 0.2)
  assert.ok(promiseMove(MODEL, { ...slow, mode: 'postcopy', timeoutSec: 60 }).pConverge > 0.9)
})

test('one that can not be sent in the time allowed is told not to start', () => {
  assert.ok(promiseMove(MODEL, { ...GUEST, timeoutSec: 2 }).pConverge < 0.01)
})

test('a VM of another size than any seen gets figures that physics allows', () => {
  const large = { ...GUEST, memoryMib: 65_536, residentMib: 40_000, unusedMib: 20_000, timeoutSec: 3600 }
  const { linkMbitPerSec: _, ...unlimited } = large
  for (const facts of [{ ...large, linkMbitPerSec: 10_000, probeBytesPerSec: 1.15e9 }, unlimited]) {
    const promise = promiseMove(MODEL, facts)
    assert.ok(promise.bytesMib > 30_000 && promise.bytesMib < 70_000, String(promise.bytesMib))
    assert.ok(promise.totalMs > 20_000 && promise.totalMs < 400_000, String(promise.totalMs))
    assert.ok(promise.pConverge >= 0 && promise.pConverge <= 1)
  }
})

test('ranges hold their figure', () => {
  const { totalMs, totalMsRange, downtimeMs, downtimeMsRange, bytesMib, bytesMibRange } = promiseMove(MODEL, GUEST)
  assert.ok(totalMsRange[0] < totalMs && totalMs < totalMsRange[1])
  assert.ok(downtimeMsRange[0] < downtimeMs && downtimeMs < downtimeMsRange[1])
  assert.ok(bytesMibRange[0] <= bytesMib && bytesMib <= bytesMibRange[1])
})

test('odds grow sharper on their own side of one half', () => {
  // 0.8 is 4 to 1; squared, 16 to 1: 16/17.
  assert.ok(Math.abs(sharpenedOdds(0.8, 2) - 16 / 17) < 1e-12)
  assert.equal(sharpenedOdds(0.5, 2), 0.5)
  assert.equal(sharpenedOdds(0, 2), 0)
  assert.equal(sharpenedOdds(1, 2), 1)
})

test('a model file that is not what it claims to be is refused by place', () => {
  assert.throws(() => parseCostModel({ schema: 1 }), /cost model\.schema: 1 is not usable/)
  assert.throws(
    () => parseCostModel({ ...MODEL, downtime: { ...MODEL.downtime, scales: [1] } }),
    /cost model\.downtime\.scales: 1 is not usable\. Expected 7 numbers/,
  )
  assert.throws(
    () => parseCostModel({ ...MODEL, bands: { total: { p10: 1, p90: 0 } } }),
    /cost model\.bands\.total\.p90/,
  )
  assert.throws(() => parseCostModel({ ...MODEL, notZeroShare: undefined }), /cost model\.notZeroShare/)
  assert.throws(() => parseCostModel({ ...MODEL, oddsPower: 'much' }), /cost model\.oddsPower/)
})
