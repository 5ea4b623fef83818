import type { HostCharacteristics } from '../../terms/host.ts'
import { SECOND_MS } from '../../terms/units.ts'
import type { Allocation } from './allocation.ts'
import { HISTORY_SAMPLES, historyLength } from './history.ts'

/** Turns come every 300 s: `SCHEDULING_INTERVAL` of CloudSim's power examples. */
export const INTERVAL_MS = 300 * SECOND_MS
/** `thr 0.8`: the static threshold of Beloglazov and Buyya (2012), and of CloudSim's ThrMmt example. */
export const THR_THRESHOLD = 0.8
/** The static threshold the adaptive rules fall back on while they lack samples (CloudSim's RunnerAbstract). */
export const FALLBACK_THRESHOLD = 0.7
/** `mad 2.5`, `iqr 1.5`, `lr 1.2`: the safety of each rule that the paper found best. */
export const MAD_SAFETY = 2.5
export const IQR_SAFETY = 1.5
export const LR_SAFETY = 1.2
/** Samples that MAD and IQR want before they trust their threshold (CloudSim: "12 has been suggested as a safe value"). */
const SPREAD_SAMPLES = 12
/** Samples on which the regression line is laid. */
const TREND_SAMPLES = 10
/** Mean of 1 ... 10, and the sum of squares about it: the line's abscissae. */
const TREND_CENTRE = 5.5
const TREND_SPREAD = 82.5

/** How full a host is found, and from where on that is too full. Both are shares of its capacity. */
export interface Assessment {
  readonly level: number
  readonly threshold: number
  /** What was compared, for the reason of a move. */
  readonly measure: string
}

/** Tells of each host whether it is overloaded. Made anew each turn; `vm` is a VM thought onto the host, or `NO_VM`. */
export interface Detector {
  readonly isOverloaded: (host: number, vm: number) => boolean
  readonly assess: (host: number) => Assessment
}

export type DetectorMaker = (allocation: Allocation) => Detector

export const NO_VM = -1

/** Demand of a host over its capacity, with a VM more if one is given. */
export function demandShare(allocation: Allocation, host: number, vm: number): number {
  const added = vm === NO_VM ? 0 : allocation.facts.demand[vm]
  return (allocation.requested[host] + added) / allocation.capacity[host]
}

/** THR: overloaded above a fixed share. */
export function staticThreshold(threshold: number): DetectorMaker {
  return (allocation) => ({
    isOverloaded: (host, vm) => demandShare(allocation, host, vm) > threshold,
    assess: (host) => ({ level: demandShare(allocation, host, NO_VM), threshold, measure: 'demand' }),
  })
}

/** MAD and IQR: the threshold sinks below 1 by `safety` times the spread of the host's recent past. */
export function spreadThreshold(
  safety: number,
  spread: (sorted: Float64Array) => number,
  measure: string,
): DetectorMaker {
  return (allocation) => {
    const past = new HostPast(allocation)
    const thresholdOf = (host: number, vm: number) => {
      const samples = past.samples(host, vm)
      return samples.length >= SPREAD_SAMPLES ? 1 - safety * spread(samples.sort()) : FALLBACK_THRESHOLD
    }
    return {
      isOverloaded: (host, vm) => {
        const level = demandShare(allocation, host, vm)
        return level > 1 || level > thresholdOf(host, vm)
      },
      assess: (host) => ({
        level: demandShare(allocation, host, NO_VM),
        threshold: thresholdOf(host, NO_VM),
        measure,
      }),
    }
  }
}

/** Median absolute deviation of samples in rising order. */
export function medianAbsoluteDeviation(sorted: Float64Array): number {
  const median = medianOf(sorted)
  return medianOf(sorted.map((value) => Math.abs(value - median)).sort())
}

/** Interquartile range of samples in rising order; the quartiles are the samples next to a quarter and three quarters of n + 1. */
export function interquartileRange(sorted: Float64Array): number {
  const quartile = (share: number) => sorted[Math.round(share * (sorted.length + 1)) - 1]
  return quartile(0.75) - quartile(0.25)
}

/** LR: overloaded where the line through the last ten samples, led on to the end of the longest migration and taken 1.2 times,
 *  reaches full. CloudSim 3.0.3 weights no sample (its weights apply only if 40 % of them are zero), so the fit is plain. */
export function trendThreshold(safety: number): DetectorMaker {
  return (allocation) => {
    const trends = new HostTrends(allocation)
    const levelOf = (host: number, vm: number) => safety * trends.predict(host, vm)
    return {
      isOverloaded: (host, vm) => {
        const level = levelOf(host, vm)
        return Number.isNaN(level) ? demandShare(allocation, host, vm) > FALLBACK_THRESHOLD : level >= 1
      },
      assess: (host) => {
        const level = levelOf(host, NO_VM)
        return Number.isNaN(level)
          ? { level: demandShare(allocation, host, NO_VM), threshold: FALLBACK_THRESHOLD, measure: 'demand' }
          : { level, threshold: 1, measure: `predicted demand times ${safety}` }
      },
    }
  }
}

/** The past of each host: that of the VMs which are on it now, wherever they were then. */
class HostPast {
  private readonly allocation: Allocation
  private readonly lengths: Uint8Array
  /** Host-major; valid where `seen` holds the host's current revision. */
  private readonly sums: Float64Array
  private readonly sumLengths: Uint8Array
  private readonly seen: Int32Array

  constructor(allocation: Allocation) {
    const count = allocation.hosts.length
    this.allocation = allocation
    this.lengths = historyLengths(allocation)
    this.sums = new Float64Array(count * HISTORY_SAMPLES)
    this.sumLengths = new Uint8Array(count)
    this.seen = new Int32Array(count).fill(-1)
  }

  /** Demand over capacity of each turn in memory, newest first, back to the oldest that is not zero. */
  samples(host: number, vm: number): Float64Array {
    this.refresh(host)
    const { capacity, facts } = this.allocation
    const length = Math.max(this.sumLengths[host], vm === NO_VM ? 0 : this.lengths[vm])
    const samples = new Float64Array(length)
    for (let i = 0; i < length; i++) {
      const added = vm === NO_VM ? 0 : facts.history[i][vm]
      samples[i] = (this.sums[host * HISTORY_SAMPLES + i] + added) / capacity[host]
    }
    return samples
  }

  private refresh(host: number): void {
    const { facts, revision, vmsOn } = this.allocation
    if (this.seen[host] === revision[host]) return
    this.seen[host] = revision[host]
    const first = host * HISTORY_SAMPLES
    this.sums.fill(0, first, first + HISTORY_SAMPLES)
    this.sumLengths[host] = 0
    for (const vm of vmsOn[host]) {
      this.sumLengths[host] = Math.max(this.sumLengths[host], this.lengths[vm])
      for (let i = 0; i < this.lengths[vm]; i++) this.sums[first + i] += facts.history[i][vm]
    }
  }
}

/** The line through the last ten samples of each VM. It is linear in the samples: that of a host is the sum of its VMs'. */
class HostTrends {
  private readonly allocation: Allocation
  private readonly lengths: Uint8Array
  private readonly mean: Float64Array
  private readonly slope: Float64Array
  /** Per host; valid where `seen` holds the host's current revision. */
  private readonly host: { mean: Float64Array; slope: Float64Array; length: Uint8Array; memoryBytesMax: Float64Array }
  private readonly seen: Int32Array

  constructor(allocation: Allocation) {
    const count = allocation.hosts.length
    const { vms, history } = allocation.facts
    this.allocation = allocation
    this.lengths = historyLengths(allocation)
    this.mean = new Float64Array(vms.length)
    this.slope = new Float64Array(vms.length)
    history.slice(0, TREND_SAMPLES).forEach((column, age) => {
      const x = TREND_SAMPLES - age - TREND_CENTRE
      for (let vm = 0; vm < vms.length; vm++) {
        this.mean[vm] += column[vm] / TREND_SAMPLES
        this.slope[vm] += (column[vm] * x) / TREND_SPREAD
      }
    })
    this.host = {
      mean: new Float64Array(count),
      slope: new Float64Array(count),
      length: new Uint8Array(count),
      memoryBytesMax: new Float64Array(count),
    }
    this.seen = new Int32Array(count).fill(-1)
  }

  /** Share of capacity where the line ends; NaN while there are fewer than ten samples. */
  predict(host: number, vm: number): number {
    this.refresh(host)
    const { hosts, facts, capacity } = this.allocation
    let mean = this.host.mean[host]
    let slope = this.host.slope[host]
    let length = this.host.length[host]
    let memoryBytesMax = this.host.memoryBytesMax[host]
    if (vm !== NO_VM) {
      mean += this.mean[vm]
      slope += this.slope[vm]
      length = Math.max(length, this.lengths[vm])
      memoryBytesMax = Math.max(memoryBytesMax, facts.vms[vm].memoryBytes)
    }
    if (length < TREND_SAMPLES) return Number.NaN
    const ahead = TREND_SAMPLES + migrationIntervals(hosts[host], memoryBytesMax) - TREND_CENTRE
    return (mean + slope * ahead) / capacity[host]
  }

  private refresh(host: number): void {
    const { facts, revision, vmsOn } = this.allocation
    if (this.seen[host] === revision[host]) return
    this.seen[host] = revision[host]
    const sums = { mean: 0, slope: 0, length: 0, memoryBytesMax: 0 }
    for (const vm of vmsOn[host]) {
      sums.mean += this.mean[vm]
      sums.slope += this.slope[vm]
      sums.length = Math.max(sums.length, this.lengths[vm])
      sums.memoryBytesMax = Math.max(sums.memoryBytesMax, facts.vms[vm].memoryBytes)
    }
    this.host.mean[host] = sums.mean
    this.host.slope[host] = sums.slope
    this.host.length[host] = sums.length
    this.host.memoryBytesMax[host] = sums.memoryBytesMax
  }
}

/** Turns that the longest migration takes, begun ones counted: memory over half the link (CloudSim leaves the other half to the VMs). */
function migrationIntervals(host: HostCharacteristics, memoryBytesMax: number): number {
  const seconds = memoryBytesMax / (host.networkBytesPerSec / 2)
  return Math.ceil((seconds * SECOND_MS) / INTERVAL_MS)
}

function historyLengths(allocation: Allocation): Uint8Array {
  const { vms, history } = allocation.facts
  return Uint8Array.from(vms, (_, vm) => historyLength(history, vm))
}

function medianOf(sorted: Float64Array): number {
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
