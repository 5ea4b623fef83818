import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aVector } from '../../../tools/builders.ts'
import {
  DIMENSIONS,
  type DimensionName,
  dimensionIndex,
  MASK_BYTES,
  type PersonalityVector,
} from '../../terms/personality.ts'
import { differences, profileDistance, tellDifferences, witnessOf } from './distance.ts'

function vectorOf(measured: Partial<Record<DimensionName, number>>, coverage = 1): PersonalityVector {
  const values = new Float32Array(DIMENSIONS)
  const mask = new Uint8Array(MASK_BYTES)
  for (const [name, value] of Object.entries(measured)) {
    const index = dimensionIndex(name as DimensionName)
    values[index] = value
    mask[index >> 3] |= 1 << (index & 7)
  }
  return aVector({ values, mask, coverage })
}

test('a personality is at no distance from itself, and as far from another as that is from it', () => {
  const a = vectorOf({ cpuRefCoresMean: 1, diskWriteBytesPerSec: 1e6 })
  const b = vectorOf({ cpuRefCoresMean: 2, diskWriteBytesPerSec: 1e3 })
  assert.equal(profileDistance(a, a), 0)
  assert.equal(profileDistance(a, b), profileDistance(b, a))
})

test('twice as much is a distance of one, whatever the unit; what is little hardly counts', () => {
  // (2 + 0.02) / (1 + 0.02) = 1.98, and log2 of it 0.986.
  const one = vectorOf({ cpuRefCoresMean: 1 })
  assert.ok(Math.abs(profileDistance(one, vectorOf({ cpuRefCoresMean: 2 })) - 0.986) < 0.001)
  const quiet = vectorOf({ diskWriteBytesPerSec: 0 })
  // (1024 + 65536) / 65536 = 1.0156, and log2 of it 0.022.
  assert.ok(Math.abs(profileDistance(quiet, vectorOf({ diskWriteBytesPerSec: 1024 })) - 0.0224) < 0.001)
})

test('what is more repeatable counts more', () => {
  // Context switches: (15 + 5) / (0 + 5) = 4, 2 doublings of weight 0.89. Disk: none, of weight 0.98. root(0.89 x 4 / 1.87) = 1.38
  const little = 65_536
  const a = vectorOf({ contextSwitchesPerSec: 0, diskWriteBytesPerSec: little })
  const b = vectorOf({ contextSwitchesPerSec: 15, diskWriteBytesPerSec: little })
  assert.ok(Math.abs(profileDistance(a, b) - Math.sqrt((0.89 * 4) / (0.89 + 0.98))) < 1e-6)
})

test('only what both have is compared; with nothing in common, or hardly anything seen, there is no distance', () => {
  const inside = vectorOf({ cpuRefCoresMean: 1, runQueueLength: 9 })
  const outside = vectorOf({ cpuRefCoresMean: 1 })
  assert.equal(profileDistance(inside, outside), 0)
  assert.equal(profileDistance(inside, vectorOf({ netSendBytesPerSec: 1 })), Infinity)
  assert.equal(profileDistance(inside, vectorOf({ cpuRefCoresMean: 1 }, 0.05)), Infinity)
})

test('when and how sure is no character: phase, scores and forecasts do not count', () => {
  const a = vectorOf({ cpuRefCoresMean: 1, phase: 0, anomalyScore: 0, forecastCpu5MinP50: 0 })
  const b = vectorOf({ cpuRefCoresMean: 1, phase: 5, anomalyScore: 1, forecastCpu5MinP50: 9 })
  assert.equal(profileDistance(a, b), 0)
})

test('what differs is told in words, the most first, and what hardly differs is not', () => {
  const web = vectorOf({ cpuRefCoresMean: 0.5, netSendBytesPerSec: 0, diskWriteBytesPerSec: 1_900_544 })
  const database = vectorOf({ cpuRefCoresMean: 0.51, netSendBytesPerSec: 983_040, diskWriteBytesPerSec: 425_984 })
  // (983040 + 65536) / 65536 = 16; (1900544 + 65536) / (425984 + 65536) = 4
  assert.deepEqual(tellDifferences(web, database, 5), [
    'netSendBytesPerSec: 16 times as much, 983000 bytes/s and not 0',
    'diskWriteBytesPerSec: one part in 4, 426000 bytes/s and not 1900000',
  ])
  assert.equal(differences(web, database).length, 3)
  assert.equal(tellDifferences(web, database, 1).length, 1)
})

test('the host is a witness of what it counts, the guest of what it tells', () => {
  assert.equal(witnessOf({ sender: 'server' }, 'cpuStealShare'), 'host')
  assert.equal(witnessOf({ sender: 'server' }, 'forecastCpu5MinP95'), 'host')
  assert.equal(witnessOf({ sender: 'server' }, 'memoryUsedBytes'), 'guest')
  assert.equal(witnessOf({ sender: 'server' }, 'anomalyScore'), 'guest')
  assert.equal(witnessOf({ sender: '00ff' }, 'cpuStealShare'), 'guest')
})
