/** What is told to PostgreSQL under kills, the same for whoever tells it and whoever looks for it. */
import type { VmId } from '../../src/terms/ids.ts'
import { DIMENSIONS, MASK_BYTES, type PersonalityVector } from '../../src/terms/personality.ts'
import type { EpochMs } from '../../src/terms/units.ts'

export function victimVms(name: string, count: number): readonly VmId[] {
  return Array.from({ length: count }, (_, i) => `${name}-vm-${i}` as VmId)
}

/** All dimensions are present. */
export function aVictimVector(
  vmId: VmId,
  { sender, sequence, windowEnd }: { readonly sender: string; readonly sequence: number; readonly windowEnd: EpochMs },
): PersonalityVector {
  const values = new Float32Array(DIMENSIONS).fill(sequence / 7)
  const mask = new Uint8Array(MASK_BYTES)
  for (let i = 0; i < DIMENSIONS; i++) mask[i >> 3] |= 1 << (i & 7)
  return { vmId, sender, sequence, windowEnd, windowMs: 300_000, coverage: 1, phases: 0, values, mask }
}
