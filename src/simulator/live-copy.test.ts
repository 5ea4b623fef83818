import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GiB, MiB } from '../terms/units.ts'
import { LiveCopy } from './live-copy.ts'

const IDLE = { bytesPerSec: 100 * MiB, dirtyBytesPerSec: 4 * MiB, hotBytes: 400 * MiB }

test('an idle VM is over after its memory and a little more, in the same time whether it is looked at once or often', () => {
  const [once, often] = [1, 2].map(() => new LiveCopy({ usedBytes: GiB, isThrottling: false }))
  once.advance(3_600_000, IDLE)
  for (let ms = 0; often.phase !== 'over' && ms < 3_600_000; ms += 7) often.advance(7, IDLE)
  assert.equal(once.phase, 'over')
  assert.deepEqual(often.figures(), once.figures())
  // 1024 MiB at 100 MiB/s take 10.24 s, in which 40.96 MiB are written, 38.93 of them pages of their own: 400 x (1 - e^-0.1024).
  // That is more than 30 MiB, which is what fits into 300 ms: a second round of 0.389 s, and in it 1.56 MiB, sent while the VM stands still.
  const { totalMs = 0, downtimeMs = 0, copiedBytes = 0, rounds } = once.figures()
  assert.equal(rounds, 2)
  assert.ok(Math.abs(copiedBytes / MiB - (1024 + 38.93 + 1.55)) < 0.1)
  assert.ok(Math.abs(downtimeMs - (15.5 + 60)) < 1)
  assert.ok(Math.abs(totalMs - (470 + 10_240 + 389 + 75.5)) < 2)
})

test('while it goes on, what was copied and what is left are told with the round', () => {
  const copy = new LiveCopy({ usedBytes: GiB, isThrottling: false })
  copy.advance(470 + 1000, IDLE)
  const told = { elapsedMs: 1470, copiedBytes: 100 * MiB, remainingBytes: 924 * MiB, rounds: 1, isPostCopy: false }
  assert.deepEqual(copy.progress(), told)
})

test('a VM that writes faster than the link never ends, unless it is slowed down', () => {
  const wild = { bytesPerSec: 100 * MiB, dirtyBytesPerSec: 300 * MiB, hotBytes: 700 * MiB }
  const [left, slowed] = [false, true].map((isThrottling) => new LiveCopy({ usedBytes: GiB, isThrottling }))
  for (const copy of [left, slowed]) copy.advance(600_000, wild)
  assert.equal(left.phase, 'copying')
  assert.equal(slowed.phase, 'over')
  assert.ok(slowed.throttled > 0.2)
})
