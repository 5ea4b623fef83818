/** Which benchmarks run, at which load steps, how long that takes, and what is left out at what price. */
import type { WorkloadType } from '../../terms/host.ts'
import type { BenchmarkRun, MissingMeasure, MissingReason } from '../../terms/host-measurement.ts'
import type { Fraction } from '../../terms/units.ts'
import { type Benchmark, BENCHMARKS } from './benchmarks.ts'
import type { FoundTools, ToolName } from './tools.ts'

export type SuiteName = 'quick' | 'whole'

/** Benchmarks that run while other work keeps a share of the cores busy. */
export interface Phase {
  readonly loadStep: Fraction
  readonly benchmarks: readonly Benchmark[]
}

export interface Plan {
  readonly suite: SuiteName
  readonly repetitions: number
  readonly phases: readonly Phase[]
  readonly missing: readonly MissingMeasure[]
  /** Expected, as measured on a quiet machine. */
  readonly ms: number
}

export interface PlanOptions {
  readonly suite: SuiteName
  /** Only these kinds of work. Absent: all. */
  readonly only?: readonly WorkloadType[]
  readonly tools: FoundTools
  readonly hasDisk: boolean
}

/** Why a benchmark is missing that somebody did not want. */
export const LEFT_OUT = 'left out by --only'

/** Three repetitions are the fewest whose median one disturbed run does not move. */
const REPETITIONS = 3
const LOAD_STEPS: Readonly<Record<SuiteName, readonly Fraction[]>> = { quick: [0.5], whole: [0.25, 0.5, 0.75] }
/** Starting and ending the background load, and looking whether the machine is quiet. */
export const PHASE_OVERHEAD_MS = 800
/** Looking before the first benchmark, and writing the file of the disk benchmarks. */
const SUITE_OVERHEAD_MS = 2000

/** What the ranking does without a kind of work. */
const COST: Readonly<Record<WorkloadType, string>> = {
  integer:
    'the speed of a core is not known: hosts of different generations can’t be told apart unless it is set by hand',
  'floating-point': 'the speed of a core rests on integer work alone',
  crypto: 'VMs that encrypt much are ranked by integer speed instead',
  compression: 'VMs that compress much are ranked by integer speed instead',
  'memory-bandwidth': 'hosts whose memory is a bottleneck for several VMs at once are not told apart',
  'memory-latency': 'VMs that wait for memory are ranked by CPU speed instead',
  cache: 'VMs that live in the cache are ranked by CPU speed instead',
  'context-switch': 'VMs with many threads and small messages are ranked by CPU speed instead',
  'system-call': 'VMs that spend their time in the kernel are ranked by CPU speed instead',
  'disk-sequential': 'VMs that read and write in bulk see all storage of one type as equal',
  'disk-random': 'databases see all storage of one type as equal',
  network: 'the link speed counts as it is written on the interface, not as it arrives',
}

export function planSuite({ suite, only, tools, hasDisk }: PlanOptions): Plan {
  const missing: MissingMeasure[] = []
  const chosen = BENCHMARKS.filter((benchmark) => {
    const lack = lackOf(benchmark, { suite, only, tools, hasDisk })
    if (lack !== undefined) missing.push(lack)
    return lack === undefined
  })
  const isLoadable = tools['stress-ng'] !== undefined
  const steps = isLoadable ? LOAD_STEPS[suite] : []
  if (!isLoadable && chosen.length > 0) missing.push(noLoad())
  const phases = [{ loadStep: 0, benchmarks: chosen }, ...steps.map((loadStep) => phaseAt(loadStep, suite, chosen))]
  const busy = phases.filter(({ benchmarks }) => benchmarks.length > 0)
  return { suite, repetitions: REPETITIONS, phases: busy, missing, ms: expectedMs(busy) }
}

export function missingOf(
  { name, workloadType }: Benchmark,
  reason: MissingReason,
  detail: string,
  remedy: string,
): MissingMeasure {
  return { what: name, reason, detail: detail.slice(0, 1000), cost: COST[workloadType], remedy, workloadType }
}

/** What is missing costs little where another benchmark of its kind was run at rest. */
export function weighMissing(
  missing: readonly MissingMeasure[],
  runs: readonly BenchmarkRun[],
): readonly MissingMeasure[] {
  const known = new Set(runs.filter(({ loadStep }) => loadStep === 0).map(({ workloadType }) => workloadType))
  return missing.map((measure) => {
    if (measure.workloadType === undefined || !known.has(measure.workloadType)) return measure
    return { ...measure, cost: 'little: other benchmarks of its kind were run' }
  })
}

/** How to get a tool on Debian and its kin. */
export function installCommand(tools: readonly ToolName[]): string {
  return `apt-get install ${[...new Set(tools)].toSorted().join(' ')}`
}

function phaseAt(loadStep: Fraction, suite: SuiteName, chosen: readonly Benchmark[]): Phase {
  const isAsked = ({ loadSteps }: Benchmark) => loadSteps === 'every' || (loadSteps === 'whole' && suite === 'whole')
  return { loadStep, benchmarks: chosen.filter(isAsked) }
}

function expectedMs(phases: readonly Phase[]): number {
  const phaseMs = ({ benchmarks }: Phase) =>
    PHASE_OVERHEAD_MS + benchmarks.reduce((sum, benchmark) => sum + benchmark.ms * REPETITIONS, 0)
  return SUITE_OVERHEAD_MS + phases.reduce((sum, phase) => sum + phaseMs(phase), 0)
}

type LackOptions = Omit<PlanOptions, 'only'> & { readonly only: readonly WorkloadType[] | undefined }

function lackOf(benchmark: Benchmark, { suite, only, tools, hasDisk }: LackOptions): MissingMeasure | undefined {
  const { tool, workloadType, needs, isQuick } = benchmark
  if (only !== undefined && !only.includes(workloadType))
    return missingOf(benchmark, 'not-asked', LEFT_OUT, 'measure again without --only')
  // Who names kinds of work gets all their benchmarks, whichever the suite.
  if (suite === 'quick' && !isQuick && only === undefined)
    return missingOf(benchmark, 'not-asked', 'not in the quick suite', 'measure again without --quick')
  if (tools[tool] === undefined)
    return missingOf(benchmark, 'no-tool', `${tool} is not installed`, installCommand([tool]))
  if (needs === 'disk' && !hasDisk)
    return missingOf(benchmark, 'no-place', 'no folder was named', 'name a folder where VMs’ disks lie: --disk FOLDER')
  return undefined
}

function noLoad(): MissingMeasure {
  return {
    what: 'load steps',
    reason: 'no-tool',
    detail: 'stress-ng, which makes the background load, is not installed',
    cost: 'how much speed neighbours take from a VM on this host is not known',
    remedy: installCommand(['stress-ng']),
  }
}
