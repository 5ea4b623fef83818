import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../terms/luck.ts'
import { type DimensionName, dimensionIndex } from '../../terms/personality.ts'
import { READING_LENGTH } from '../../terms/reading.ts'
import { SlotHistory } from './slot-history.ts'
import { anomalyScore, changeScore } from './unusual.ts'

const SLOT_MS = 300_000

test('the change score is the last three errors against the spread of such means', () => {
  // 90 errors of -0.06, 0 and 0.06 in turn, over and over: each mean of three is 0, so that the spread is its least, 0.01.
  const errors = Float64Array.from({ length: 93 }, (_, k) => (k < 90 ? 0.06 * ((k % 3) - 1) : 0.05))
  // (0.05 - 0) / 0.01 = 5
  assert.ok(Math.abs(changeScore(errors) - 5) < 1e-9)
  assert.ok(Math.abs(changeScore(errors.map((error) => -error)) + 5) < 1e-9)
})

test('a VM whose errors are wide has changed less by the same step', () => {
  const luck = new Luck(1)
  const errors = Float64Array.from({ length: 288 }, (_, k) => (k < 285 ? 0.1 * luck.normal() : 0.2))
  // A mean of three has a standard deviation of 0.1 / root 3 = 0.058: 0.2 / 0.058 = 3.5.
  assert.ok(Math.abs(changeScore(errors) - 3.46) < 0.7, String(changeScore(errors)))
})

test('of less than two hours no change is told', () => {
  assert.ok(Number.isNaN(changeScore(new Float64Array(25))))
  assert.equal(changeScore(new Float64Array(26)), 0)
})

/** A day of slots, and a last one. Measures that are not named are absent. */
function dayOf(ordinary: (slot: number) => Record<string, number>, last: Record<string, number>): SlotHistory {
  const history = new SlotHistory(SLOT_MS, 288)
  for (let slot = 0; slot <= 288; slot++) {
    const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
    for (const [name, value] of Object.entries(slot < 287 ? ordinary(slot) : last))
      values[dimensionIndex(name as DimensionName)] = value
    history.add({ at: (slot + 1) * SLOT_MS, spanMs: SLOT_MS, values })
  }
  return history
}

function scoreOf(ordinary: (slot: number) => Record<string, number>, last: Record<string, number>): number {
  return anomalyScore(dayOf(ordinary, last), new Float64Array(288))
}

/** Between 1 and 3 MB/s, an hour's wave. */
function wave(slot: number): number {
  return 1e6 * 2 ** (1 + Math.sin((slot / 12) * 2 * Math.PI))
}

function job(slot: number): Record<string, number> {
  return { cpuRefCoresMean: slot % 12 === 0 ? 3 : 0.2 }
}

function ordinary(slot: number): Record<string, number> {
  return { diskWriteBytesPerSec: wave(slot) }
}

function both(slot: number): Record<string, number> {
  return { diskWriteBytesPerSec: wave(slot), netSendBytesPerSec: wave(slot) }
}

test('what the VM does every hour is no anomaly, however rare it is in a day', () => {
  assert.equal(scoreOf(job, { cpuRefCoresMean: 3 }), 0)
})

test('the score is the multiple of the usual distance: none up to it, nearly one at three times', () => {
  // The median is 2 MB/s (log 2^1), and usual are factors of up to two to either side: log 2 = 0.69.
  assert.equal(scoreOf(ordinary, { diskWriteBytesPerSec: 4e6 }) < 0.01, true)
  // A factor of 8 is 3 x log 2, so 1 - exp(-(3 - 1)^2) = 0.982; of 1 / 8 the same.
  assert.ok(Math.abs(scoreOf(ordinary, { diskWriteBytesPerSec: 16e6 }) - 0.982) < 0.01)
  assert.ok(Math.abs(scoreOf(ordinary, { diskWriteBytesPerSec: 0.25e6 }) - 0.982) < 0.02)
})

test('two measures together: one out of place is half of it', () => {
  // Multiples 3 and 0: their mean is 1.5, and 1 - exp(-0.25) = 0.22. Multiples 3 and 3: 0.98.
  assert.ok(Math.abs(scoreOf(both, { diskWriteBytesPerSec: 16e6, netSendBytesPerSec: 2e6 }) - 0.22) < 0.03)
  assert.ok(scoreOf(both, { diskWriteBytesPerSec: 16e6, netSendBytesPerSec: 16e6 }) > 0.97)
})

test('a measure that is absent now is not looked at; of nothing there is no score', () => {
  assert.ok(Number.isNaN(scoreOf(ordinary, {})))
  assert.ok(Number.isNaN(anomalyScore(new SlotHistory(SLOT_MS, 288), new Float64Array(288))))
})
