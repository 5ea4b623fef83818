/** Bulk screening: capacity, headroom and rules of many (VM, host) pairs on columns, some nanoseconds each. It refuses only what the rules
 *  refuse, for the same lack; what it passes can fail only by the rules of `SCREEN_LEAVES_OPEN`. */
import type { LoadSummary } from '../forecast/host-loads.ts'
import { estimateMigration } from '../migration/estimate.ts'
import { PRIOR_SAMPLES_SPREAD } from '../profile/levels.ts'
import { type TurnContext, vmAt } from '../context.ts'
import type { HostRule } from './rules/rule.ts'
import { HOST_RULES } from './rules.ts'
import { ALLOCATION } from './rules/allocation.ts'
import { ANTI_AFFINITY } from './rules/anti-affinity.ts'
import { BARRIER, hasBarrier } from './rules/barrier.ts'
import { CONCURRENCY } from './rules/concurrency.ts'
import { CONVERGENCE } from './rules/convergence.ts'
import { CPU_FLAGS } from './rules/cpu-flags.ts'
import { DEMAND, fillLimit } from './rules/demand.ts'
import { HOST_BUDGET } from './rules/host-budget.ts'
import { HOST_STATE } from './rules/host-state.ts'
import { MEASURED_LOAD } from './rules/measured-load.ts'
import { MEASURED_MEMORY } from './rules/measured-memory.ts'
import { MEMORY } from './rules/memory.ts'
import { NO_RETURN } from './rules/no-return.ts'
import { SAME_HOST } from './rules/same-host.ts'
import { SETTLING } from './rules/settling.ts'

/** Rules that a pair which passes may still fail: of the demand rule, screening knows bounds between which its answer lies. */
export const SCREEN_LEAVES_OPEN: readonly string[] = [DEMAND.name]

/** What is screened for one VM, as columns parallel to the hosts. */
export interface ScreenRow {
  /** Headroom: the free share of the tightest of CPU demand, CPU allocation and memory with the VM there; below 0 where it does not fit. */
  readonly scores: Float32Array
  /** Bit i: the i-th of `HOST_RULES` refuses. 0: the host passes. */
  readonly masks: Uint16Array
}

const bitOf = (rule: HostRule): number => 1 << HOST_RULES.indexOf(rule)
const STATE_BIT = bitOf(HOST_STATE)
const MEMORY_BIT = bitOf(MEMORY)
const ALLOCATION_BIT = bitOf(ALLOCATION)
const DEMAND_BIT = bitOf(DEMAND)

/** The rules of a mask, in the order in which they are asked. */
export function rulesOfMask(mask: number): readonly HostRule[] {
  return HOST_RULES.filter((_, i) => ((mask >> i) & 1) === 1)
}

/** An enclosure is worked out in another order than the bound itself: so much, in cores, may lie between the two. */
const ROUNDING = 1e-6

/** Facts of all hosts as they stand on the sheet, laid out for screening. Good until the sheet changes. */
export class Screen {
  private readonly context: TurnContext
  private readonly columns: HostColumns
  private readonly summary: LoadSummary
  /** Weights by how many samples a VM has: nearly all have the same. */
  private readonly weights = new Map<number, Weights>()
  /** What refuses a VM that migrates, and one that starts. */
  private readonly migratingMasks: Uint16Array
  private readonly startingMasks: Uint16Array
  /** Hosts that hold a VM of each anti-affinity group. */
  private readonly hostsOfGroup: ReadonlyMap<string, readonly number[]>
  /** Hosts by the speed of their link. */
  private readonly hostsOfLink: ReadonlyMap<number, readonly number[]>
  /** One host of each kind. */
  private readonly hostOfKind: Int32Array

  constructor(context: TurnContext) {
    this.context = context
    this.summary = context.loads.summarise()
    this.columns = layOut(context, this.summary)
    const { hosts } = context.observation.inventory
    this.migratingMasks = Uint16Array.from(hosts, (_, h) => fixedMask(context, h, true))
    this.startingMasks = Uint16Array.from(hosts, (_, h) => fixedMask(context, h, false))
    this.hostsOfGroup = groupHosts(context)
    this.hostsOfLink = Map.groupBy(hosts.keys(), (h) => hosts[h].networkBytesPerSec)
    this.hostOfKind = new Int32Array(context.fleet.kinds)
    for (let h = hosts.length - 1; h >= 0; h--) this.hostOfKind[context.fleet.kind[h]] = h
  }

  /** Screens all hosts for one VM. @param row both columns as long as there are hosts; overwritten */
  screenVm(vm: number, row: ScreenRow): void {
    const isMigrating = this.context.hostOf[vm] >= 0
    row.masks.set(isMigrating ? this.migratingMasks : this.startingMasks)
    this.markRare(vm, row.masks)
    screenRow(this.columns, this.weightsFor(this.context.levels.samples[vm]), describeVm(this.context, vm), row)
  }

  private weightsFor(samples: number): Weights {
    const known = this.weights.get(samples)
    if (known !== undefined) return known
    const weights = weigh(this.context, this.summary, samples)
    this.weights.set(samples, weights)
    return weights
  }

  /** Rules that concern few hosts of few VMs, asked only there. */
  private markRare(vm: number, masks: Uint16Array): void {
    const { context } = this
    const home = context.hostOf[vm]
    const { antiAffinityGroup, id, cpuFlags, isHostPassthrough } = vmAt(context, vm)
    const ask = (rule: HostRule, host: number): void => {
      if (rule.shortBy(context, vm, host) > 0) masks[host] |= bitOf(rule)
    }
    if (home >= 0) ask(SAME_HOST, home)
    if (antiAffinityGroup !== undefined)
      for (const host of this.hostsOfGroup.get(antiAffinityGroup) ?? []) ask(ANTI_AFFINITY, host)
    for (const { from } of context.recentMoves.get(id) ?? []) {
      const host = context.state.hostIndex.get(from)
      if (host !== undefined) ask(NO_RETURN, host)
    }
    if (cpuFlags !== undefined || isHostPassthrough === true) this.markKinds(vm, masks)
    if (home >= 0) this.markLinks(vm, masks)
    if (hasBarrier(context, vm)) for (let h = 0; h < masks.length; h++) ask(BARRIER, h)
    if (context.hostCheck?.memoryUsedBytes !== undefined) this.markMeasured(vm, masks)
  }

  private markMeasured(vm: number, masks: Uint16Array): void {
    for (let h = 0; h < masks.length; h++) {
      if (MEASURED_MEMORY.shortBy(this.context, vm, h) > 0) masks[h] |= bitOf(MEASURED_MEMORY)
    }
  }

  private markKinds(vm: number, masks: Uint16Array): void {
    const { context } = this
    const lacks = Array.from(this.hostOfKind, (host) => CPU_FLAGS.shortBy(context, vm, host) > 0)
    const { kind } = context.fleet
    for (let h = 0; h < masks.length; h++) if (lacks[kind[h]]) masks[h] |= bitOf(CPU_FLAGS)
  }

  private markLinks(vm: number, masks: Uint16Array): void {
    const { hosts } = this.context.observation.inventory
    const home = hosts[this.context.hostOf[vm]].networkBytesPerSec
    const subject = { memoryBytes: vmAt(this.context, vm).memoryBytes, busyRefCores: this.context.levels.last[vm] }
    for (const [link, list] of this.hostsOfLink) {
      if (estimateMigration(subject, Math.min(link, home)).converges) continue
      for (const host of list) masks[host] |= bitOf(CONVERGENCE)
    }
  }
}

/** Screens every host for every one of the VMs. Rows follow the list: the pair of its i-th VM and host h is at `i * hosts + h`. */
export function screenAll(context: TurnContext, vms: ArrayLike<number>): ScreenRow {
  const screen = new Screen(context)
  const hosts = context.fleet.capacity.length
  const scores = new Float32Array(vms.length * hosts)
  const masks = new Uint16Array(vms.length * hosts)
  for (let i = 0; i < vms.length; i++) {
    const end = (i + 1) * hosts
    screen.screenVm(vms[i], { scores: scores.subarray(i * hosts, end), masks: masks.subarray(i * hosts, end) })
  }
  return { scores, masks }
}

interface HostColumns {
  readonly memory: Float64Array
  readonly memoryLimit: Float64Array
  readonly size: Float64Array
  readonly sizeLimit: Float64Array
  readonly mean: Float64Array
  /** Spread if members were independent, times its weight. */
  readonly independent: Float64Array
  readonly alignedSd: Float64Array
  readonly alignedVariance: Float64Array
  readonly peak: Float64Array
  readonly peakWindow: Int32Array
  readonly demandLimit: Float64Array
  readonly perMemoryLimit: Float64Array
  readonly perSizeLimit: Float64Array
  readonly perDemandLimit: Float64Array
  readonly bandSd: number
}

function layOut(context: TurnContext, summary: LoadSummary): HostColumns {
  const { loads, fleet, policy, observation } = context
  const { memoryAllocationMax = Infinity, cpuAllocationMax = Infinity } = policy.limits
  const { peakWindow, alignedSd } = summary
  const memoryLimit = Float64Array.from(observation.inventory.hosts, (host) => host.memoryBytes * memoryAllocationMax)
  const sizeLimit = fleet.capacity.map((capacity) => capacity * cpuAllocationMax)
  const demandLimit = fleet.capacity.map((_, h) => fillLimit(context, h))
  return {
    memory: context.memoryBytes,
    memoryLimit,
    size: context.sizes,
    sizeLimit,
    mean: loads.mean,
    independent: loads.variance.map((variance) => PRIOR_SAMPLES_SPREAD * variance),
    alignedSd,
    alignedVariance: alignedSd.map((sd) => sd * sd),
    peak: Float64Array.from(peakWindow, (window, h) => (loads.windows > 0 ? loads.sumAt(h, window) : 0)),
    peakWindow,
    demandLimit,
    perMemoryLimit: memoryLimit.map((limit) => 1 / limit),
    perSizeLimit: sizeLimit.map((limit) => 1 / limit),
    perDemandLimit: demandLimit.map((limit) => 1 / limit),
    bandSd: loads.bandSd,
  }
}

/** A host's own state, and the copies it may still take part in: the same for all VMs. */
function fixedMask(context: TurnContext, host: number, isMigrating: boolean): number {
  const copiesMax = context.policy.limits.migrationsPerHostMax
  const isBusy = isMigrating && copiesMax !== undefined && context.copies[host] + 1 - copiesMax > 0
  const state = HOST_STATE.shortBy(context, -1, host) > 0 ? STATE_BIT : 0
  const doubt = MEASURED_LOAD.shortBy(context, -1, host) > 0 ? bitOf(MEASURED_LOAD) : 0
  return state | doubt | (isBusy ? bitOf(CONCURRENCY) : 0) | (isMigrating ? budgetMask(context, host) : 0)
}

/** What a site's budgets and the settling of hosts refuse to every VM that migrates. */
function budgetMask({ budgets }: TurnContext, host: number): number {
  if (budgets === undefined) return 0
  const isSettling = budgets.settlesInMs(host) > 0
  return (budgets.leftTo(host) > 0 ? 0 : bitOf(HOST_BUDGET)) | (isSettling ? bitOf(SETTLING) : 0)
}

function groupHosts(context: TurnContext): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>()
  context.members.forEach((members, host) => {
    for (const vm of members) {
      const group = vmAt(context, vm).antiAffinityGroup
      if (group === undefined) continue
      const hosts = groups.get(group)
      if (hosts === undefined) groups.set(group, [host])
      else if (hosts.at(-1) !== host) hosts.push(host)
    }
  })
  return groups
}

/** How much the aligned sums count against independence when a VM with so many samples comes, and one over all weights. */
interface Weights {
  readonly aligned: Float64Array
  readonly perAll: Float64Array
}

function weigh({ loads }: TurnContext, { samples }: LoadSummary, own: number): Weights {
  const aligned = samples.map((all, h) => (loads.windows > 2 ? (all + own) / (loads.count[h] + 1) : 0))
  return { aligned, perAll: aligned.map((weight) => 1 / (weight + PRIOR_SAMPLES_SPREAD)) }
}

interface VmFacts {
  readonly memory: number
  readonly size: number
  readonly mean: number
  readonly variance: number
  readonly sd: number
  readonly past: Float64Array
}

function describeVm(context: TurnContext, vm: number): VmFacts {
  const { levels, loads } = context
  const past = loads.past(vm)
  let total = 0
  let squares = 0
  for (const demand of past) {
    total += demand
    squares += demand * demand
  }
  const centre = past.length > 0 ? total / past.length : 0
  return {
    memory: vmAt(context, vm).memoryBytes,
    size: levels.size[vm],
    mean: levels.mean[vm],
    variance: levels.variance[vm],
    sd: past.length > 2 ? Math.sqrt(Math.max(0, squares / past.length - centre * centre)) : 0,
    past,
  }
}

/** The dense part. The bound of a pair is enclosed from below: two series' standard deviations cancel at most, and together they want at
 *  least what they wanted in the host's peak window. The score takes them to be independent, which lies between the extremes. */
function screenRow(columns: HostColumns, weights: Weights, vm: VmFacts, { scores, masks }: ScreenRow): void {
  const { memory, memoryLimit, size, sizeLimit, mean, independent, alignedSd, alignedVariance, peak, peakWindow } =
    columns
  const { demandLimit, perMemoryLimit, perSizeLimit, perDemandLimit, bandSd } = columns
  const { aligned, perAll } = weights
  const { past, sd } = vm
  const ownVariance = sd * sd
  const ownIndependent = PRIOR_SAMPLES_SPREAD * vm.variance
  const hasPast = past.length > 0
  for (let h = 0; h < masks.length; h++) {
    const bytes = memory[h] + vm.memory
    const sizes = size[h] + vm.size
    const expected = mean[h] + vm.mean
    const apart = independent[h] + ownIndependent
    const likely = expected + bandSd * Math.sqrt((aligned[h] * (alignedVariance[h] + ownVariance) + apart) * perAll[h])
    const peakThere = hasPast ? peak[h] + past[peakWindow[h]] : 0
    const wanted = likely > peakThere ? likely : peakThere
    let mask = masks[h]
    if (bytes - memoryLimit[h] > 0) mask |= MEMORY_BIT
    if (sizes - sizeLimit[h] > 0) mask |= ALLOCATION_BIT
    if (wanted > demandLimit[h]) {
      const cancelled = alignedSd[h] - sd
      const least = expected + bandSd * Math.sqrt(Math.max(0, (aligned[h] * cancelled * cancelled + apart) * perAll[h]))
      if ((least > peakThere ? least : peakThere) - demandLimit[h] > ROUNDING) mask |= DEMAND_BIT
    }
    masks[h] = mask
    const cpuFree = 1 - wanted * perDemandLimit[h]
    const memoryFree = 1 - bytes * perMemoryLimit[h]
    const sizeFree = 1 - sizes * perSizeLimit[h]
    const tightest = cpuFree < memoryFree ? cpuFree : memoryFree
    scores[h] = tightest < sizeFree ? tightest : sizeFree
  }
}
