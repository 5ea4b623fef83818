/** What phases a VM went through, as vectors or what it used tell. */
import { type PersonalityVector, readDimension } from '../../terms/personality.ts'
import { type EpochMs, HOUR_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { nextBand } from './profiles.ts'

/** Names of the four bands of the CPU's share, which vectors call phases of model 0. */
export const BAND_NAMES = ['idle', 'low', 'busy', 'saturated'] as const

export interface PhaseSegment {
  readonly from: EpochMs
  readonly to: EpochMs
  readonly phase: number
  /** Of the phase model. */
  readonly version: number
}

/** Of what is older than two days one vector an hour is kept: a longer gap ends a segment. */
const GAP_MS = 2 * HOUR_MS

/** Segments of one phase each, by vectors in the order of their windows. A vector tells of the time since the one before. */
export function segmentsOfVectors(vectors: readonly PersonalityVector[]): readonly PhaseSegment[] {
  const segments: PhaseSegment[] = []
  for (const vector of vectors) {
    const phase = readDimension(vector, 'phase')
    if (phase === undefined) continue
    const { windowEnd: to, phases: version } = vector
    const before = segments.at(-1)
    const isNear = before !== undefined && to > before.to && to - before.to <= GAP_MS
    const from = isNear ? before.to : to - SLOT_MS
    if (isNear && before.phase === phase && before.version === version)
      segments[segments.length - 1] = { ...before, to }
    else if (before === undefined || to > before.to) segments.push({ from, to, phase, version })
  }
  return segments
}

/** The same by what it used of its size, in the bands of model 0. @param sizeRefCores most that it can want */
export function segmentsOfUse(
  column: Float32Array,
  { firstSlotAt, sizeRefCores }: { readonly firstSlotAt: EpochMs; readonly sizeRefCores: number },
): readonly PhaseSegment[] {
  const segments: PhaseSegment[] = []
  let was: number | undefined
  column.forEach((value, slot) => {
    if (Number.isNaN(value)) return
    const from = firstSlotAt + slot * SLOT_MS
    const phase = nextBand(value / sizeRefCores, was)
    was = phase
    const before = segments.at(-1)
    if (before !== undefined && before.phase === phase && from - before.to <= GAP_MS)
      segments[segments.length - 1] = { ...before, to: from + SLOT_MS }
    else segments.push({ from, to: from + SLOT_MS, phase, version: 0 })
  })
  return segments
}
