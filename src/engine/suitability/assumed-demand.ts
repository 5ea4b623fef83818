/** What a VM to come is taken to want: as the one it is like, as it was measured elsewhere, or as others of its size. */
import { readDimension } from '../../terms/personality.ts'
import type { WantedVm } from '../../terms/placement.ts'
import { type Vm, vmSizeRefCores } from '../../terms/vm.ts'
import type { TurnContext } from '../context.ts'

/** Where the assumption comes from, surest first. */
export type DemandBasis = 'likeness' | 'personality' | 'size-class' | 'full-size'

/** Demand that a placement is reckoned with, in reference cores. */
export interface AssumedDemand {
  readonly basis: DemandBasis
  readonly mean: number
  readonly p95: number
  /** One sentence with the values, for people. */
  readonly reason: string
}

/** A normal's 95th percentile, in standard deviations above the mean. */
const SD_AT_P95 = 1.645
/** VMs of a size that must be known before they speak for others of it: fewer may be one owner's. */
const CLASS_VMS_MIN = 5
/** So many speak for all of a large class, evenly spread over the roster. */
const CLASS_VMS_MAX = 500
/** VMs of up to this many times the size, or as many times smaller, stand in where those of the very size are too few. */
const CLASS_RATIO = 2
/** Shares of size are counted in so many steps up to the full size. */
const SHARE_STEPS = 1024

export function assumeDemand(
  context: TurnContext,
  vm: Vm,
  wanted: WantedVm,
  likeVm: number | undefined,
): AssumedDemand {
  const { levels } = context
  if (likeVm !== undefined) {
    const mean = Math.min(vmSizeRefCores(vm), levels.mean[likeVm])
    const p95 = mean + SD_AT_P95 * Math.sqrt(levels.variance[likeVm])
    const reason = `As ${context.observation.inventory.vms[likeVm].id}: ${mean.toFixed(2)} cores expected, ${p95.toFixed(2)} at P95.`
    return { basis: 'likeness', mean, p95, reason }
  }
  return fromPersonality(vm, wanted) ?? fromSizeClass(context, vm) ?? fullSize(vm)
}

/** Variance that gives the demand its P95, if it is normal. */
export function varianceOf({ mean, p95 }: AssumedDemand): number {
  return (Math.max(0, p95 - mean) / SD_AT_P95) ** 2
}

function fromPersonality(vm: Vm, { personality }: WantedVm): AssumedDemand | undefined {
  const measured = personality === undefined ? undefined : readDimension(personality, 'cpuRefCoresMean')
  if (personality === undefined || measured === undefined) return undefined
  const size = vmSizeRefCores(vm)
  const mean = Math.min(size, measured)
  const high = readDimension(personality, 'cpuRefCoresP95') ?? readDimension(personality, 'cpuRefCoresMax') ?? size
  const p95 = Math.min(size, Math.max(mean, high))
  const reason = `As its personality says: ${mean.toFixed(2)} cores on average, ${p95.toFixed(2)} at P95.`
  return { basis: 'personality', mean, p95, reason }
}

/** What VMs of about this size wanted in the look-back, as shares of their size: mean, median and P95 over all their windows. */
function fromSizeClass(context: TurnContext, vm: Vm): AssumedDemand | undefined {
  const size = vmSizeRefCores(vm)
  const same = classOf(context, size, 1 + 1e-9)
  const members = same.length >= CLASS_VMS_MIN ? same : classOf(context, size, CLASS_RATIO)
  if (members.length < CLASS_VMS_MIN) return undefined
  const stride = Math.ceil(members.length / CLASS_VMS_MAX)
  const { mean, median, p95 } = sharesOf(
    context,
    members.filter((_, i) => i % stride === 0),
  )
  const about = same.length >= CLASS_VMS_MIN ? 'of this size' : `within ${CLASS_RATIO} times this size`
  const use = `${percent(median)} of their size at the median and ${percent(p95)} at P95, ${percent(mean)} on average`
  return {
    basis: 'size-class',
    mean: mean * size,
    p95: Math.max(mean, p95) * size,
    reason: `As the ${members.length} VMs ${about} here: they used ${use}.`,
  }
}

function fullSize(vm: Vm): AssumedDemand {
  const size = vmSizeRefCores(vm)
  const reason = `Its full size of ${size.toFixed(2)} cores: too few VMs of about this size are known here.`
  return { basis: 'full-size', mean: size, p95: size, reason }
}

/** Measured VMs whose size is within the ratio of `size`. */
function classOf({ levels }: TurnContext, size: number, ratio: number): readonly number[] {
  const members: number[] = []
  for (let v = 0; v < levels.size.length; v++) {
    const isAlike = levels.size[v] <= size * ratio && levels.size[v] * ratio >= size
    if (isAlike && levels.samples[v] > 0) members.push(v)
  }
  return members
}

interface Shares {
  readonly mean: number
  readonly median: number
  readonly p95: number
}

function sharesOf({ levels, state }: TurnContext, members: readonly number[]): Shares {
  const counts = new Uint32Array(SHARE_STEPS + 1)
  let total = 0
  let known = 0
  for (const column of state.cpuHistory) {
    for (const v of members) {
      const share = column[v] / levels.size[v]
      if (share !== share) continue
      const capped = Math.min(1, Math.max(0, share))
      counts[Math.ceil(capped * SHARE_STEPS)]++
      total += capped
      known++
    }
  }
  const quantile = (q: number): number => {
    let below = 0
    const step = counts.findIndex((count) => (below += count) >= q * known)
    return step / SHARE_STEPS
  }
  return { mean: total / known, median: quantile(0.5), p95: quantile(0.95) }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}
