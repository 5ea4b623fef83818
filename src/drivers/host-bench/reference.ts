/** The reference, and what a host's runs say beside it. */
import type { BenchmarkResult, HostCharacteristics, WorkloadType } from '../../terms/host.ts'
import { WORKLOAD_TYPES } from '../../terms/host.ts'
import type { BenchmarkRun } from '../../terms/host-measurement.ts'
import type { Benchmark } from './benchmarks.ts'

/** One reference core, by benchmark, in the benchmark's unit. A convention, and any other would do: ratios of two hosts do not depend on it.
 *  CPU and memory: the best results seen on one vCPU (a core of its own) of an Intel Xeon of the fifth generation (family 6, model 207) at
 *  2.1 GHz under KVM with Debian 12's tools, rounded; the best, for others were using that machine, and they only take. Memory bandwidth
 *  is that of two such vCPUs. Storage and network: round numbers. A number may only change together with its benchmark's name. */
export const REFERENCE: Readonly<Record<string, number>> = {
  'integer-one': 2100,
  'integer-all': 2100,
  'floating-point-one': 1380,
  'floating-point-all': 1380,
  'crypto-aes-256-gcm': 3.8e9,
  'crypto-chacha20-poly1305': 2.7e9,
  'crypto-sha256': 1.2e9,
  'crypto-sign-ecdsap256': 33_000,
  'crypto-sign-rsa2048': 2400,
  'compression-zlib': 330,
  'memory-bandwidth': 8000,
  'memory-latency': 300,
  cache: 24_000,
  'context-switch': 2850,
  'system-call': 110_000,
  'disk-sequential-read-qd1': 1e9,
  'disk-sequential-read-qd8': 1e9,
  'disk-sequential-read-qd32': 1e9,
  'disk-sequential-write-qd8': 1e9,
  'disk-random-read-qd1': 10_000,
  'disk-random-read-qd8': 50_000,
  'disk-random-read-qd32': 100_000,
  'disk-random-write-qd8': 50_000,
  'network-tcp': 1.25e9,
}

/** Unit of the scores that a measurement concludes. */
export const SCORE_UNIT = 'x reference'

/** How many times as fast as the reference; of a duration the inverse counts. Absent: there is no reference. */
export function ratioToReference(
  { name, better }: Pick<Benchmark, 'name' | 'better'>,
  value: number,
): number | undefined {
  const reference = REFERENCE[name]
  if (reference === undefined || value <= 0) return undefined
  return better === 'more' ? value / reference : reference / value
}

/** One score for each kind of work: the geometric mean of its benchmarks' ratios to the reference, at rest. One core counts where there
 *  are such runs, for capacity counts cores already; else all cores. The geometric mean is the one mean of ratios whose order of hosts
 *  does not depend on the reference (Fleming and Wallace, CACM 29(3), 1986). Its spread is the largest of the runs'. */
export function concludeScores(runs: readonly BenchmarkRun[]): HostCharacteristics['benchmarks'] {
  const scores: Partial<Record<WorkloadType, BenchmarkResult>> = {}
  for (const type of WORKLOAD_TYPES) {
    const ofType = runs.filter(({ workloadType, loadStep }) => workloadType === type && loadStep === 0)
    const ones = ofType.filter(({ cores }) => cores === 'one')
    const counted = ones.length > 0 ? ones : ofType
    const score = geometricMean(counted.flatMap(({ ratioToReference: ratio }) => ratio ?? []))
    if (score === undefined) continue
    const spreads = counted.flatMap(({ spread }) => spread ?? [])
    scores[type] = { score, unit: SCORE_UNIT, ...(spreads.length === 0 ? {} : { spread: Math.max(...spreads) }) }
  }
  return scores
}

/** Speed of one physical core in reference cores: what all threads do at once, by integer and floating-point work, over the cores; a core
 *  that slows down when all are busy, or gains by its second thread, is counted as it serves a full host. Where that was not measured one
 *  core alone counts. Absent: neither was. */
export function concludeCoreSpeed(runs: readonly BenchmarkRun[], cores: number): number | undefined {
  const ratios = (which: 'one' | 'all') =>
    runs
      .filter(({ loadStep, cores: on }) => loadStep === 0 && on === which)
      .filter(({ workloadType }) => workloadType === 'integer' || workloadType === 'floating-point')
      .flatMap(({ ratioToReference: ratio }) => ratio ?? [])
  const all = geometricMean(ratios('all'))
  return all === undefined ? geometricMean(ratios('one')) : all / cores
}

function geometricMean(ratios: readonly number[]): number | undefined {
  if (ratios.length === 0) return undefined
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
}
