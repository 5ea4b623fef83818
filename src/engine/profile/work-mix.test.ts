import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { aVector } from '../../../tools/builders.ts'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import { WORKLOAD_TYPES, type WorkloadType } from '../../terms/host.ts'
import {
  type DimensionName,
  dimensionIndex,
  PERSONALITY_SCHEMA,
  type PersonalityVector,
} from '../../terms/personality.ts'
import { mixOf } from './work-mix.ts'

function vectorOf(numbers: Partial<Record<DimensionName, number>>): PersonalityVector {
  const vector = aVector()
  const values = vector.values.slice()
  const mask = vector.mask.slice()
  for (const { name } of PERSONALITY_SCHEMA) {
    const value = numbers[name]
    if (value === undefined) continue
    const i = dimensionIndex(name)
    values[i] = value
    mask[i >> 3] |= 1 << (i & 7)
  }
  return { ...vector, values, mask }
}

function weightOf(numbers: Partial<Record<DimensionName, number>>, type: WorkloadType): number {
  return mixOf(vectorOf({ cpuRefCoresMean: 1, cpuSystemShare: 0, ...numbers }))?.[WORKLOAD_TYPES.indexOf(type)] ?? NaN
}

test('how much CPU alone tells nothing of the kind of work', () => {
  assert.equal(mixOf(vectorOf({ cpuRefCoresMean: 2 })), undefined)
  assert.equal(mixOf(vectorOf({ cpuSystemShare: 0.5 })), undefined)
})

test('30,000 TLS calls a second are three tenths of a core of cryptography', () => {
  // 30,000 x 10 microseconds = 0.3 of 1 core.
  assert.ok(Math.abs(weightOf({ libraryCallsTlsPerSec: 30_000 }, 'crypto') - 0.3) < 1e-6)
})

test('time in the kernel is system calls, less what switching and the network take of it', () => {
  // Half of a core, less 50,000 switches of 3.8 microseconds (0.19) and 125 MB at 1.25 GB/s (0.1).
  const numbers = { cpuSystemShare: 0.5, contextSwitchesPerSec: 50_000, netSendBytesPerSec: 125e6 }
  assert.ok(Math.abs(weightOf(numbers, 'system-call') - 0.21) < 1e-6)
  assert.ok(Math.abs(weightOf(numbers, 'context-switch') - 0.19) < 1e-6)
  assert.ok(Math.abs(weightOf(numbers, 'network') - 0.1) < 1e-6)
})

test('waiting for the disk is random or sequential by the size of the operations', () => {
  const waiting = { ioPressureSome: 0.5, diskReadOpsPerSec: 1000 }
  assert.equal(weightOf({ ...waiting, diskReadBytesPerSec: 4096e3 }, 'disk-sequential'), 0)
  // Half a task waits beside one that computes: a third. 256 KiB each: all of it sequential.
  assert.ok(Math.abs(weightOf({ ...waiting, diskReadBytesPerSec: 262_144e3 }, 'disk-sequential') - 1 / 3) < 1e-6)
  // 32 KiB lie half-way between 4 and 256 on the logarithmic scale.
  const mixed = { ...waiting, diskReadBytesPerSec: 32_768e3 }
  assert.ok(Math.abs(weightOf(mixed, 'disk-random') - 1 / 6) < 1e-6)
})

test('whatever a guest claims, weights are shares that add up to one', () => {
  const numbers = fc.record(
    Object.fromEntries(PERSONALITY_SCHEMA.map(({ name }) => [name, finiteNumber({ min: 0, max: 1e30 })])),
    { requiredKeys: [] },
  )
  checkProperty(
    fc.property(numbers, (claims) => {
      const mix = mixOf(vectorOf(claims))
      if (mix === undefined) return
      assert.ok(mix.every((weight) => weight >= 0 && weight <= 1))
      assert.ok(Math.abs(mix.reduce((a, b) => a + b, 0) - 1) < 1e-9)
    }),
  )
})
