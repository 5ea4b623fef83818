import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aVectorOf } from '../../../tools/builders.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { segmentsOfUse, segmentsOfVectors } from './phase-segments.ts'

const NOON = Date.UTC(2026, 0, 5, 12)

test('vectors of one phase are one segment, another phase begins the next, and a gap of more than two hours ends it', () => {
  const at = (minutes: number, phase?: number, phases = 1) =>
    aVectorOf(phase === undefined ? {} : { phase }, { windowEnd: NOON + minutes * MINUTE_MS, phases })
  const segments = segmentsOfVectors([at(0, 3), at(5, 3), at(10), at(15, 7), at(300, 7), at(305, 7, 2)])
  assert.deepEqual(segments, [
    { from: NOON - SLOT_MS, to: NOON + 5 * MINUTE_MS, phase: 3, version: 1 },
    { from: NOON + 5 * MINUTE_MS, to: NOON + 15 * MINUTE_MS, phase: 7, version: 1 },
    { from: NOON + 295 * MINUTE_MS, to: NOON + 300 * MINUTE_MS, phase: 7, version: 1 },
    // Another model numbers phases otherwise.
    { from: NOON + 300 * MINUTE_MS, to: NOON + 305 * MINUTE_MS, phase: 7, version: 2 },
  ])
})

test('without vectors the bands of the share of its size are its phases, and an edge must be passed by a fifth', () => {
  // Of 4 cores: 0.04 is idle (0.01), 1 is low (0.25), 1.3 (0.325) is not yet busy above 0.3, 2 is.
  const column = Float32Array.of(0.04, 0.04, 1, 1.3, 2, NaN, 2)
  const segments = segmentsOfUse(column, { firstSlotAt: NOON, sizeRefCores: 4 })
  assert.deepEqual(
    segments.map(({ from, to, phase }) => [(from - NOON) / SLOT_MS, (to - NOON) / SLOT_MS, phase]),
    [
      [0, 2, 0],
      [2, 4, 1],
      [4, 7, 2],
    ],
  )
  const apart = Float32Array.from({ length: 60 }, (_, i) => (i === 0 || i === 59 ? 0 : NaN))
  assert.equal(segmentsOfUse(apart, { firstSlotAt: NOON, sizeRefCores: 4 }).length, 2)
  assert.ok(59 * SLOT_MS > 2 * HOUR_MS)
})
