/** A VM beside others of its size, axis by axis: what is much for one is little for another. */
import { type DimensionName, readDimension } from '../../terms/personality.ts'
import type { Fraction } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import type { TurnContext } from '../context.ts'
import { getPersonalityVector } from './profiles.ts'

export const LIKENESS_AXES = ['cpu', 'burstiness', 'memory', 'dirtying', 'disk', 'network', 'regularity'] as const
export type LikenessAxis = (typeof LIKENESS_AXES)[number]

/** What each axis means, and its unit. */
export const AXIS_MEANINGS: Readonly<Record<LikenessAxis, { readonly meaning: string; readonly unit: string }>> = {
  cpu: { meaning: 'CPU that it wants, of its size', unit: 'share of its size' },
  burstiness: { meaning: 'how much that varies', unit: 'standard deviation over mean' },
  memory: { meaning: 'memory in use, of what it was given', unit: 'share of its memory' },
  dirtying: { meaning: 'memory that it writes anew', unit: 'bytes/s' },
  disk: { meaning: 'reading and writing to disk together', unit: 'bytes/s' },
  network: { meaning: 'receiving and sending together', unit: 'bytes/s' },
  regularity: { meaning: 'how strongly it repeats itself', unit: 'fraction of variance' },
}

/** Where one VM stands on one axis. */
export interface Standing {
  readonly value?: number
  /** Share of the class that has less, those that have the same counted half. */
  readonly rank?: Fraction
  /** Of those of the class that have it. Absent: fewer than `KNOWN_MIN` have. */
  readonly quartiles?: { readonly p25: number; readonly p50: number; readonly p75: number; readonly vms: number }
}

/** Quartiles of fewer are no quartiles. */
const KNOWN_MIN = 4
/** A class of fewer VMs says nothing: then the next larger is looked at. */
const CLASS_MIN = 8

export interface LikeVms {
  /** Which VMs these are, for people. */
  readonly text: string
  /** Places in the roster, the VM itself among them. */
  readonly members: readonly number[]
}

/** VMs of as many vCPUs; where they are too few, of half to twice as many; then all. */
export function likeVms(vms: readonly Pick<Vm, 'vcpus'>[], vm: number): LikeVms {
  const { vcpus } = vms[vm]
  const within = (low: number, high: number): readonly number[] =>
    vms.flatMap((other, i) => (other.vcpus >= low && other.vcpus <= high ? [i] : []))
  const same = within(vcpus, vcpus)
  if (same.length >= CLASS_MIN) return { text: `VMs with ${vcpus} ${vcpus === 1 ? 'vCPU' : 'vCPUs'}`, members: same }
  const near = within(vcpus / 2, vcpus * 2)
  if (near.length >= CLASS_MIN) return { text: `VMs with ${Math.ceil(vcpus / 2)} to ${vcpus * 2} vCPUs`, members: near }
  return { text: 'all VMs', members: vms.map((_, i) => i) }
}

/** @param values of the whole class; NaN is absent */
export function standingOf(value: number | undefined, values: readonly number[]): Standing {
  const known = values.filter((other) => !Number.isNaN(other)).toSorted((a, b) => a - b)
  const at = (share: number): number => known[Math.floor(share * (known.length - 1) + 0.5)]
  const quartiles =
    known.length < KNOWN_MIN ? {} : { quartiles: { p25: at(0.25), p50: at(0.5), p75: at(0.75), vms: known.length } }
  if (value === undefined || Number.isNaN(value)) return quartiles
  const less = known.filter((other) => other < value).length
  const same = known.filter((other) => other === value).length
  return { value, ...(known.length < KNOWN_MIN ? {} : { rank: (less + same / 2) / known.length }), ...quartiles }
}

/** All axes that hosts can see, for one VM of the turn. */
export function likenessOf(
  context: TurnContext,
  vm: number,
): { readonly like: LikeVms; readonly axes: Readonly<Partial<Record<LikenessAxis, Standing>>> } {
  const like = likeVms(context.observation.inventory.vms, vm)
  const axes: Partial<Record<LikenessAxis, Standing>> = {}
  for (const axis of LIKENESS_AXES) {
    if (axis === 'dirtying') continue
    const values = like.members.map((member) => SEEN[axis](context, member))
    axes[axis] = standingOf(values[like.members.indexOf(vm)], values)
  }
  return { like, axes }
}

/** NaN where it is absent. */
const SEEN: Readonly<Record<Exclude<LikenessAxis, 'dirtying'>, (context: TurnContext, vm: number) => number>> = {
  cpu: ({ levels }, vm) => (levels.samples[vm] === 0 ? Number.NaN : levels.mean[vm] / levels.size[vm]),
  burstiness: (context, vm) => dimension(context, vm, 'cpuBurstiness'),
  memory: (context, vm) =>
    dimension(context, vm, 'memoryUsedBytes') / context.observation.inventory.vms[vm].memoryBytes,
  disk: (context, vm) => dimension(context, vm, 'diskReadBytesPerSec') + dimension(context, vm, 'diskWriteBytesPerSec'),
  network: (context, vm) =>
    dimension(context, vm, 'netReceiveBytesPerSec') + dimension(context, vm, 'netSendBytesPerSec'),
  regularity: (context, vm) => dimension(context, vm, 'rhythmStrength'),
}

function dimension({ state, observation }: TurnContext, vm: number, name: DimensionName): number {
  const vector = getPersonalityVector(state, observation.inventory.vms[vm].id)
  return (vector === undefined ? undefined : readDimension(vector, name)) ?? Number.NaN
}
