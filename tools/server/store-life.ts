/** VMs to fill a store with: each with a level, a day and a noise of its own, so that what is compressed is as unlike as real numbers are. */
import { dimensionIndex, DIMENSIONS, MASK_BYTES, type PersonalityVector } from '../../src/terms/personality.ts'
import { hashPair, Luck } from '../../src/terms/luck.ts'
import type { VmId } from '../../src/terms/ids.ts'
import { RESOURCES, type Resource } from '../../src/terms/sample.ts'
import { DAY_MS, type EpochMs } from '../../src/terms/units.ts'
import { SLOT_MS, type UsageSlot } from '../../src/terms/usage.ts'

/** Typical size of each resource; a VM's own is up to twenty times more or less. */
const LEVELS: Readonly<Record<Resource, number>> = {
  cpu: 1,
  memory: 4e9,
  diskRead: 5e5,
  diskWrite: 8e5,
  netReceive: 3e5,
  netSend: 3e5,
}
/** Of the dimensions, about as many as an agent with all privileges and an application sends. */
const PRESENT_SHARE = 0.9
const PHASE = dimensionIndex('phase')

export interface Life {
  readonly vm: VmId
  /** 5 to 20 %, on every number. */
  readonly noise: number
  /** By resource, then by dimension. */
  readonly levels: readonly number[]
  /** Share by which the day swings, and when its top is. */
  readonly swing: number
  readonly topAt: number
  readonly mask: Uint8Array
}

export function lifeOf(number: number, seed: number): Life {
  const luck = new Luck(hashPair(seed, number))
  const levels = Array.from({ length: RESOURCES.length + DIMENSIONS }, () => Math.exp(luck.normal() * 1.5))
  const mask = new Uint8Array(MASK_BYTES)
  for (let i = 0; i < DIMENSIONS; i++) if (luck.fraction() < PRESENT_SHARE) mask[i >> 3] |= 1 << (i & 7)
  return {
    vm: `vm-${String(number).padStart(6, '0')}` as VmId,
    noise: 0.05 + 0.15 * luck.fraction(),
    levels,
    swing: 0.8 * luck.fraction(),
    topAt: luck.fraction(),
    mask,
  }
}

/** How busy it is at an instant, around 1. */
function rhythm({ swing, topAt }: Life, at: EpochMs): number {
  return 1 + swing * Math.cos(2 * Math.PI * (at / DAY_MS - topAt))
}

/** What its host tells of one slot: all six, mean and highest. */
export function slotOfLife(life: Life, slotAt: EpochMs, luck: Luck): UsageSlot {
  const mean: Partial<Record<Resource, number>> = {}
  const max: Partial<Record<Resource, number>> = {}
  RESOURCES.forEach((resource, i) => {
    const number =
      LEVELS[resource] * life.levels[i] * rhythm(life, slotAt) * Math.max(0, 1 + life.noise * luck.normal())
    mean[resource] = number
    max[resource] = number * (1 + 2 * life.noise * Math.abs(luck.normal()))
  })
  return { vmId: life.vm, slotAt, mean, max }
}

/** The vector of the window that ends at an instant. */
export function vectorOfLife(life: Life, windowEnd: EpochMs, luck: Luck): PersonalityVector {
  const busy = rhythm(life, windowEnd)
  const values = new Float32Array(DIMENSIONS)
  for (let i = 0; i < DIMENSIONS; i++)
    values[i] = life.levels[RESOURCES.length + i] * busy * (1 + life.noise * luck.normal())
  values[PHASE] = Math.floor(busy * 4)
  return {
    vmId: life.vm,
    sender: 'b1946ac92492d2347c6235b4',
    sequence: windowEnd / SLOT_MS - 5_000_000,
    windowEnd: windowEnd - luck.below(3000),
    windowMs: SLOT_MS,
    coverage: 1 - luck.below(100) / 10_000,
    phases: 1,
    values,
    mask: life.mask,
  }
}
