import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { type CopySubject, courseOfCopy, QEMU_CONSTANTS } from './copy-course.ts'

/** Slices of 10 ms, nothing beside the sending: so that the arithmetic can be followed. */
const BARE = {
  ...QEMU_CONSTANTS,
  setUpMs: 0,
  switchOverMs: 0,
  queuedBytes: 0,
  blockedBytes: 0,
  sliceMs: 10,
  windowMs: 10,
}
const MB = 1e6
const STILL: CopySubject = {
  ramBytes: 1000 * MB,
  usedBytes: 1000 * MB,
  tailUsed: 1,
  dirtied: () => 0,
  workingSetBytes: 0,
}
const LINK = { bytesPerSec: 100 * MB, downtimeLimitMs: 1000, mode: 'precopy' as const }

function writing(mbPerSec: number, workingSetMb: number): CopySubject {
  const workingSetBytes = workingSetMb * MB
  return { ...STILL, dirtied: (seconds) => Math.min(workingSetBytes, mbPerSec * MB * seconds), workingSetBytes }
}

test('a VM that writes nothing stands for as long as the limit allows', () => {
  // 1000 MB at 100 MB/s. A second's worth, 100 MB, may be left: 900 MB are sent, one slice of 1 MB more, and 99 MB with the VM standing.
  const course = courseOfCopy(STILL, LINK, BARE)
  assert.ok(Math.abs((course.downtimeMs ?? 0) - 990) < 1e-6, String(course.downtimeMs))
  assert.ok(Math.abs(course.totalMs - 10_000) < 1e-6)
  assert.equal(course.sentBytes, 1000 * MB)
  assert.equal(course.converges, true)
})

test('where the last pages hold zeros, the stop is short', () => {
  // A tenth of the last 100 MB is to be sent: 10 MB, 100 ms.
  const { downtimeMs } = courseOfCopy({ ...STILL, usedBytes: 500 * MB, tailUsed: 0.1 }, LINK, BARE)
  assert.ok(downtimeMs <= 100 && downtimeMs >= 90, String(downtimeMs))
})

test('what is written during a round is sent in the next', () => {
  // 10 MB/s without end: 9 s write 90 MB, of which a tenth is still waiting anyway: 81. 181 MB wait; 81 are sent in 0.82 s, and so on.
  const course = courseOfCopy(writing(10, 1000), LINK, BARE)
  assert.ok(course.sentBytes > 1081 * MB && course.sentBytes < 1110 * MB, String(course.sentBytes))
  assert.equal(course.converges, true)
})

test('a VM that writes faster than the link takes never gets there, and it is known at once', () => {
  const terms = { ...LINK, downtimeLimitMs: 100 }
  const course = courseOfCopy(writing(150, 500), terms, BARE)
  assert.equal(course.converges, false)
  assert.equal(course.totalMs, Infinity)
  assert.ok(Number.isNaN(course.downtimeMs))
})

test('a working set that fits into the limit ends, however fast it is written', () => {
  // 50 MB, rewritten ten times a second: never more than 50 of the 100 MB that may be left.
  assert.equal(courseOfCopy(writing(500, 50), LINK, BARE).converges, true)
})

test('post-copy ends what pre-copy does not, with the VM standing for its devices alone', () => {
  const terms = { ...LINK, downtimeLimitMs: 100, mode: 'postcopy' as const }
  const course = courseOfCopy(writing(150, 500), terms, BARE)
  assert.equal(course.converges, true)
  assert.ok(course.downtimeMs < 20)
  assert.ok(course.restBytes > 0)
})

test('auto-converge ends what pre-copy does not, after its throttle has grown', () => {
  const terms = { ...LINK, downtimeLimitMs: 500 }
  const subject = writing(150, 500)
  assert.equal(courseOfCopy(subject, terms, BARE).converges, false)
  const throttled = courseOfCopy(subject, { ...terms, mode: 'autoconverge' }, BARE)
  assert.equal(throttled.converges, true)
  assert.ok(throttled.totalMs > 12_000, String(throttled.totalMs))
})

test('what is given up was sent until then', () => {
  const course = courseOfCopy(STILL, { ...LINK, timeoutMs: 4000 }, BARE)
  assert.equal(course.converges, false)
  assert.ok(Math.abs(course.sentBytes - 400 * MB) < 2 * MB, String(course.sentBytes))
})

test('no course sends less than the memory, or stands for longer than the whole', () => {
  const draw = fc.record({
    ram: fc.integer({ min: 64, max: 65_536 }),
    used: fc.integer({ min: 1, max: 100 }),
    rate: fc.integer({ min: 0, max: 4000 }),
    set: fc.integer({ min: 1, max: 8192 }),
    link: fc.integer({ min: 5, max: 3000 }),
    limit: fc.integer({ min: 1, max: 5000 }),
    mode: fc.constantFrom('precopy' as const, 'autoconverge' as const, 'postcopy' as const),
  })
  checkProperty(
    fc.property(draw, ({ ram, used, rate, set, link, limit, mode }) => {
      const usedBytes = (ram * MB * used) / 100
      const subject = { ...writing(rate, Math.min(set, ram)), ramBytes: ram * MB, usedBytes, tailUsed: 0.5 }
      const course = courseOfCopy(subject, { bytesPerSec: link * MB, downtimeLimitMs: limit, mode, timeoutMs: 3.6e6 })
      assert.ok(course.totalMs >= 0)
      if (!course.converges) return
      assert.ok(course.sentBytes >= usedBytes - 1, `${course.sentBytes} of ${usedBytes}`)
      assert.ok(course.downtimeMs <= course.totalMs + 1000)
      assert.ok(course.totalMs <= 3.6e6 + 1000)
    }),
  )
})
