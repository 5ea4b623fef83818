import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../terms/luck.ts'
import { GiB, MiB } from '../terms/units.ts'
import { aVm } from './builders.ts'
import { copyAsCloudSim, copyInRounds } from './migration-physics.ts'

const FOUR_GIB = aVm(0, { memoryBytes: 4 * GiB, vcpus: 4 })
const IDLE = { cpuRefCores: 0, usedBytes: 4 * GiB, incomingBytesPerSec: 0 }
const GIGABIT = 125_000_000

test('CloudSim copies configured memory once, at half of 1 Gbit/s', () => {
  // The three sizes of its examples: 870 x 0.016 = 13.92 s, 1740 x 0.016 = 27.84 s, 613 x 0.016 = 9.808 s.
  for (const [mebibytes, durationMs] of [
    [870, 13_920],
    [1740, 27_840],
    [613, 9_808],
  ] as const) {
    const copy = copyAsCloudSim(aVm(0, { memoryBytes: mebibytes * MiB }))
    assert.deepEqual(copy, { durationMs, downtimeMs: 0, copiedBytes: mebibytes * MiB, rounds: 1 })
  }
})

test('an idle VM is copied in little more than one round, and is down for about the limit', () => {
  // 4 GiB at 125 MB/s x 1448/1538 = 117.7 MB/s take 36.5 s, in which 4 MiB/s x 36.5 s = 146 MiB are dirtied, less
  // what is hit twice.
  const copy = copyInRounds(FOUR_GIB, IDLE, aLink({}))
  assert.ok(copy.copiedBytes > 4 * GiB && copy.copiedBytes < 4.25 * GiB)
  assert.ok(copy.durationMs > 36_500 && copy.durationMs < 40_000)
  assert.equal(Math.round(copy.downtimeMs), 360)
})

test('the busier the VM and the slower the link, the more is sent and the longer it takes', () => {
  const busy = { ...IDLE, cpuRefCores: 2, incomingBytesPerSec: 10_000_000 }
  const [slack, keen] = [copyInRounds(FOUR_GIB, IDLE, aLink({})), copyInRounds(FOUR_GIB, busy, aLink({}))]
  assert.ok(keen.copiedBytes > slack.copiedBytes && keen.durationMs > slack.durationMs && keen.rounds > slack.rounds)
  const fast = copyInRounds(FOUR_GIB, busy, aLink({ bytesPerSec: 10 * GIGABIT }))
  assert.ok(fast.copiedBytes < keen.copiedBytes && fast.durationMs < keen.durationMs)
})

test('a VM that dirties more than the link takes is halted after the last round, for as long as the rest takes', () => {
  // 8 cores x 24 MiB/s + 4 = 205.5 MB/s are 1.75 times 117.7 MB/s. Half of 4 GiB is hot, and the share of it that a
  // round
  // finds dirty settles where x = 1 - exp(-1.75 x): .71, which is 1.52 GB or 12.9 s.
  const wild = { ...IDLE, cpuRefCores: 8 }
  const copy = copyInRounds({ ...FOUR_GIB, vcpus: 8 }, wild, aLink({}))
  assert.equal(copy.rounds, 29)
  assert.ok(copy.downtimeMs > 12_500 && copy.downtimeMs < 13_500 && copy.downtimeMs < copy.durationMs)
})

test('luck moves bandwidth by up to five hundredths, and the same luck always alike', () => {
  const still = copyInRounds(FOUR_GIB, IDLE, aLink({}))
  for (let seed = 0; seed < 50; seed++) {
    const copy = copyInRounds(FOUR_GIB, IDLE, aLink({ seed, jitterFraction: 0.05 }))
    assert.ok(Math.abs(copy.durationMs / still.durationMs - 1) < 0.06)
    assert.ok(Math.abs(copy.downtimeMs / still.downtimeMs - 1) < 0.051)
    assert.deepEqual(copy, copyInRounds(FOUR_GIB, IDLE, aLink({ seed, jitterFraction: 0.05 })))
  }
})

test('a VM that uses no memory is copied at once, and still has to switch over', () => {
  const copy = copyInRounds(FOUR_GIB, { ...IDLE, usedBytes: 0 }, aLink({}))
  assert.deepEqual([copy.copiedBytes, copy.rounds], [0, 1])
  assert.ok(copy.durationMs > copy.downtimeMs)
})

function aLink({ bytesPerSec = GIGABIT, jitterFraction = 0, seed = 1 }) {
  return { bytesPerSec, jitterFraction, luck: new Luck(seed) }
}
