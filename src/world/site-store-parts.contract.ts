/** What the sentences about stores of a site are made of. */
import type { VmId } from '../terms/ids.ts'
import {
  dimensionIndex,
  type DimensionName,
  DIMENSIONS,
  MASK_BYTES,
  type PersonalityVector,
} from '../terms/personality.ts'
import { DAY_MS, type EpochMs } from '../terms/units.ts'
import { SLOT_MS } from '../terms/usage.ts'
import { StoreError, type StoreErrorCode } from './errors.ts'
import type { Arrivals, SiteStore } from './site-store.ts'

/** Noon of some day; a slot begins here. */
export const NOON: EpochMs = 20_000 * DAY_MS + DAY_MS / 2
export const WEB = 'web-1' as VmId
export const DB = 'db-1' as VmId
export const NEVER = NOON + 365 * DAY_MS

export interface VectorFacts {
  readonly vmId?: VmId
  readonly sender?: string
  readonly sequence?: number
  readonly windowEnd?: EpochMs
  readonly numbers?: Readonly<Partial<Record<DimensionName, number>>>
}

/** A vector of the window of one slot that ends at `windowEnd`; numbers are rounded to float32. */
export function aVector({
  vmId = WEB,
  sender = 'agent-1',
  sequence = 0,
  windowEnd = NOON,
  numbers = { cpuRefCoresMean: 1 + sequence },
}: VectorFacts = {}): PersonalityVector {
  const values = new Float32Array(DIMENSIONS)
  const mask = new Uint8Array(MASK_BYTES)
  for (const [name, number] of Object.entries(numbers)) {
    const index = dimensionIndex(name as DimensionName)
    values[index] = number
    mask[index >> 3] |= 1 << (index & 7)
  }
  return { vmId, sender, sequence, windowEnd, windowMs: SLOT_MS, coverage: 0.9876, phases: 2, values, mask }
}

/** They arrive as their last window ends. */
export function arrivalsOf(vectors: readonly PersonalityVector[], facts: Partial<Arrivals> = {}): Arrivals {
  return {
    vm: vectors[0]?.vmId ?? WEB,
    at: vectors.at(-1)?.windowEnd ?? NOON,
    vectors,
    isClockOff: vectors.map(() => false),
    counts: {},
    ...facts,
  }
}

/** Lets VMs in by a certificate. */
export async function letIn(store: SiteStore, ...vms: readonly VmId[]): Promise<void> {
  for (const vm of vms) await store.identities.certify(vm, NOON, NEVER)
}

export function isStoreError(code: StoreErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === code
}
