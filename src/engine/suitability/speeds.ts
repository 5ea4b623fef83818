/** How fast each host does each kind of work, by its benchmarks against the cluster's median, and so how fast it does a VM's. */
import { type BenchmarkResult, type HostCharacteristics, WORKLOAD_TYPES } from '../../terms/host.ts'
import type { Speed, SpeedTerm } from '../../terms/ranking.ts'
import type { WorkMix } from '../profile/work-mix.ts'

const TYPES = WORKLOAD_TYPES.length
/** Of a benchmark that was run once, as standard deviation over mean: an assumption. */
const SPREAD_UNKNOWN = 0.05
/** Terms of less weight are not told. */
const WEIGHT_TOLD_MIN = 0.005

/** Worked out once per roster of hosts. Columns of hosts times types. */
export interface HostSpeeds {
  /** Logarithm of score over the median's; NaN where the host has no such benchmark, or one in another unit than most. */
  readonly ratioLog: Float64Array
  /** The ratio itself, as it is told to people. */
  readonly ratioTold: Float64Array
  /** Standard deviation of that logarithm; of a benchmark that the host lacks, how far the hosts of the cluster lie apart. */
  readonly spread: Float64Array
  /** Logarithm of a core's speed in reference cores over that of the median host, by which its capacity is counted already. */
  readonly coreLog: Float64Array
}

/** Units of scores of a whole machine, from which its reference cores are reckoned: they say nothing beyond its capacity. */
const CAPACITY_UNITS: ReadonlySet<string> = new Set(['ssj_ops', 'MIPS'])

/** Undefined where no host has a benchmark that tells more than its capacity. */
export function measureSpeeds(hosts: readonly HostCharacteristics[]): HostSpeeds | undefined {
  if (!hosts.some(({ benchmarks }) => Object.values(benchmarks).some(tellsMore))) return undefined
  const ratioLog = new Float64Array(hosts.length * TYPES).fill(NaN)
  const spread = new Float64Array(hosts.length * TYPES)
  WORKLOAD_TYPES.forEach((type, t) => {
    const unit = commonest(
      hosts.flatMap(({ benchmarks }) => (tellsMore(benchmarks[type]) ? benchmarks[type].unit : [])),
    )
    const logs = hosts.map(({ benchmarks }) => {
      const result = benchmarks[type]
      return result === undefined || result.unit !== unit || !(result.score > 0) ? NaN : Math.log(result.score)
    })
    const known = logs.filter((log) => !Number.isNaN(log))
    const centre = median(known)
    const apart = standardDeviation(known)
    hosts.forEach(({ benchmarks }, h) => {
      ratioLog[h * TYPES + t] = logs[h] - centre
      spread[h * TYPES + t] = Number.isNaN(logs[h]) ? apart : (benchmarks[type]?.spread ?? SPREAD_UNKNOWN)
    })
  })
  const cores = hosts.map(({ refCoresPerCore }) => Math.log(refCoresPerCore))
  const coreCentre = median(cores)
  const ratioTold = ratioLog.map((log) => round(Math.exp(log)))
  return { ratioLog, ratioTold, spread, coreLog: Float64Array.from(cores, (log) => log - coreCentre) }
}

/** Logarithm of how fast the mix is done on the host against the median host: a weighted geometric mean, in which what the host lacks counts
 *  as the median. */
export function speedLog({ ratioLog }: HostSpeeds, mix: WorkMix, host: number): number {
  const start = host * TYPES
  let sum = 0
  for (let t = 0; t < TYPES; t++) {
    const log = ratioLog[start + t]
    if (log === log) sum += mix[t] * log
  }
  return sum
}

/** Its standard deviation, the benchmarks' errors taken to be independent. */
export function speedSpread({ spread }: HostSpeeds, mix: WorkMix, host: number): number {
  const start = host * TYPES
  let sum = 0
  for (let t = 0; t < TYPES; t++) sum += (mix[t] * spread[start + t]) ** 2
  return Math.sqrt(sum)
}

/** The same with its terms, heaviest first. */
export function describeSpeed(
  speeds: HostSpeeds,
  { mix, isMixAssumed }: { readonly mix: WorkMix; readonly isMixAssumed: boolean },
  host: number,
): Omit<Speed, 'wattsPerRefCore'> {
  const terms = heaviestFirst(mix).map(({ type, workloadType, weight }): SpeedTerm => {
    const ratio = speeds.ratioTold[host * TYPES + type]
    return ratio === ratio ? { workloadType, weight, ratio } : { workloadType, weight }
  })
  const factor = round(Math.exp(speedLog(speeds, mix, host)))
  return { factor, spread: round(speedSpread(speeds, mix, host)), isMixAssumed, terms }
}

interface ToldType {
  readonly type: number
  readonly workloadType: (typeof WORKLOAD_TYPES)[number]
  readonly weight: number
}

/** The same for each host: worked out once for a mix. */
const toldTypes = new WeakMap<WorkMix, readonly ToldType[]>()

function heaviestFirst(mix: WorkMix): readonly ToldType[] {
  const known = toldTypes.get(mix)
  if (known !== undefined) return known
  const types = WORKLOAD_TYPES.map((workloadType, type) => ({ type, workloadType, weight: round(mix[type]) }))
  const told = types.filter(({ type }) => mix[type] >= WEIGHT_TOLD_MIN).sort((a, b) => b.weight - a.weight)
  toldTypes.set(mix, told)
  return told
}

/** To what a benchmark can tell: four places, which halves the text of a ranking. */
function round(value: number): number {
  return Math.round(value * 1e4) / 1e4
}

function tellsMore(result: BenchmarkResult | undefined): result is BenchmarkResult {
  return result !== undefined && !CAPACITY_UNITS.has(result.unit)
}

function commonest(words: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0]
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}
