/** Runs a plan: phase by phase, round by round, so that a disturbance hits one repetition of many benchmarks and not all of one. */
import type { BenchmarkRun, MissingMeasure, QuietCheck } from '../../terms/host-measurement.ts'
import { medianOf } from '../../terms/host-measurement-codec.ts'
import type { FactFiles } from '../host-facts/fact-files.ts'
import { type BackgroundLoad, startLoad } from './background-load.ts'
import { BenchmarkError, type BenchmarkErrorCode } from './benchmark-error.ts'
import type { Benchmark, BenchmarkPlace } from './benchmarks.ts'
import { readCpuTicks } from './cpu-time.ts'
import { installCommand, missingOf, type Phase, type Plan, weighMissing } from './plan.ts'
import { concludeQuiet, lookAround, type Look } from './quiet.ts'
import { ratioToReference } from './reference.ts'
import { LIMIT_ADDED_MS, LIMIT_FACTOR, runBenchmark } from './run-benchmark.ts'
import type { FoundTools } from './tools.ts'

export interface SuiteOptions {
  readonly plan: Plan
  readonly place: BenchmarkPlace
  readonly tools: FoundTools
  readonly files: FactFiles
  readonly stop: AbortSignal
  /** Before each run: what comes, and what of the plan's time it takes. */
  readonly onStep?: (label: string, ms: number) => void
}

export interface SuiteResult {
  readonly runs: readonly BenchmarkRun[]
  readonly missing: readonly MissingMeasure[]
  readonly quiet: QuietCheck
  readonly interrupted: boolean
}

const REMEDY: Readonly<Record<BenchmarkErrorCode, string>> = {
  'no-tool': installCommand([]),
  'no-place': 'name another folder by --disk',
  'no-space': 'free space, or name another folder by --disk',
  'no-permission': 'run it as a user who may, or name another folder by --disk',
  'unreadable-output': 'is it the Debian package’s version? Look at its output by hand',
  'timed-out': 'measure again when the machine is idle',
  failed: 'run the tool by hand: it says more',
  interrupted: 'measure again, and let it end',
}

export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  const { plan, files, stop } = options
  const looks: Look[] = [await lookAround(files)]
  const atStart = readCpuTicks(files)
  const book = new Book()
  for (const phase of plan.phases) {
    if (stop.aborted) break
    await runPhase(phase, options, book)
    looks.push(await lookAround(files))
  }
  const left = plan.phases.flatMap(({ benchmarks, loadStep }) =>
    benchmarks.filter((benchmark) => !book.has(benchmark, loadStep)).map((benchmark) => ({ benchmark, loadStep })),
  )
  const runs = book.runs(options)
  const lacks = left.map(({ benchmark, loadStep }) => book.lack(benchmark, loadStep, stop.aborted))
  return {
    runs,
    missing: weighMissing([...plan.missing, ...lacks], runs),
    quiet: concludeQuiet(looks, { before: atStart, after: readCpuTicks(files) }, options.place.threads),
    interrupted: stop.aborted,
  }
}

async function runPhase(phase: Phase, options: SuiteOptions, book: Book): Promise<void> {
  const { plan, tools, place } = options
  const ms = phase.benchmarks.reduce((sum, benchmark) => sum + benchmark.ms * LIMIT_FACTOR + LIMIT_ADDED_MS, 0)
  let load: BackgroundLoad | undefined
  try {
    if (phase.loadStep > 0 && tools['stress-ng'] !== undefined)
      load = await startLoad(tools['stress-ng'].path, {
        step: phase.loadStep,
        threads: place.threads,
        limitMs: ms * plan.repetitions,
        folder: place.scratch,
      })
    for (let round = 0; round < plan.repetitions; round++) await runRound(phase, round, options, book)
  } catch (error) {
    if (!(error instanceof BenchmarkError)) throw error
    for (const benchmark of phase.benchmarks) book.fail(benchmark, phase.loadStep, error)
  } finally {
    await load?.stop()
  }
}

async function runRound({ benchmarks, loadStep }: Phase, round: number, options: SuiteOptions, book: Book) {
  const { plan, place, tools, stop, onStep } = options
  for (const benchmark of benchmarks) {
    const tool = tools[benchmark.tool]
    if (stop.aborted) return
    const load = loadStep === 0 ? 'at rest' : `beside ${loadStep * 100} % load`
    onStep?.(`${benchmark.name} ${load}, ${round + 1} of ${plan.repetitions}`, benchmark.ms)
    if (tool === undefined || book.hasFailed(benchmark, loadStep)) continue
    try {
      book.add(benchmark, loadStep, await runBenchmark(benchmark, place, tool, stop))
    } catch (error) {
      if (!(error instanceof BenchmarkError)) throw error
      book.fail(benchmark, loadStep, error)
    }
  }
}

interface Entry {
  readonly benchmark: Benchmark
  readonly loadStep: number
  readonly values: number[]
}

/** What was measured so far, and what failed. */
class Book {
  private readonly entries = new Map<string, Entry>()
  private readonly failures = new Map<string, BenchmarkError>()

  add(benchmark: Benchmark, loadStep: number, value: number): void {
    const key = keyOf(benchmark, loadStep)
    const entry = this.entries.get(key) ?? { benchmark, loadStep, values: [] }
    entry.values.push(value)
    this.entries.set(key, entry)
  }

  /** The first failure counts; a benchmark that hung once is not tried again at the same step. */
  fail(benchmark: Benchmark, loadStep: number, error: BenchmarkError): void {
    const key = keyOf(benchmark, loadStep)
    if (!this.failures.has(key)) this.failures.set(key, error)
  }

  has(benchmark: Benchmark, loadStep: number): boolean {
    return this.entries.has(keyOf(benchmark, loadStep))
  }

  hasFailed(benchmark: Benchmark, loadStep: number): boolean {
    return this.failures.has(keyOf(benchmark, loadStep))
  }

  lack(benchmark: Benchmark, loadStep: number, wasStopped: boolean): MissingMeasure {
    const error = this.failures.get(keyOf(benchmark, loadStep))
    const code = error?.code ?? (wasStopped ? 'interrupted' : 'failed')
    const at = loadStep === 0 ? '' : ` (beside ${loadStep * 100} % load)`
    return missingOf(benchmark, code, `${error?.message ?? 'it was not reached'}${at}`, REMEDY[code])
  }

  runs({ tools, place }: SuiteOptions): readonly BenchmarkRun[] {
    return [...this.entries.values()].map(({ benchmark, loadStep, values }) => {
      const median = medianOf(values)
      const spread = spreadOf(values)
      const ratio = ratioToReference(benchmark, median)
      const note = noteOf(benchmark, place, this.failures.get(keyOf(benchmark, loadStep)))
      return {
        benchmark: benchmark.name,
        workloadType: benchmark.workloadType,
        cores: benchmark.cores,
        loadStep,
        tool: benchmark.tool,
        toolVersion: tools[benchmark.tool]?.version ?? 'unknown',
        unit: benchmark.unit,
        better: benchmark.better,
        values,
        median,
        ...(spread === undefined ? {} : { spread }),
        ...(ratio === undefined ? {} : { ratioToReference: ratio }),
        ...(note === undefined ? {} : { note }),
      }
    })
  }
}

function noteOf(benchmark: Benchmark, place: BenchmarkPlace, failure: BenchmarkError | undefined): string | undefined {
  const notes = [benchmark.note?.(place), failure === undefined ? undefined : `not all repetitions: ${failure.message}`]
  const told = notes.filter((note) => note !== undefined)
  return told.length === 0 ? undefined : told.join('; ').slice(0, 1000)
}

function keyOf({ name }: Benchmark, loadStep: number): string {
  return `${name} ${loadStep}`
}

/** Sample standard deviation over the mean. Absent: fewer than two values. */
export function spreadOf(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return mean === 0 ? 0 : Math.sqrt(squares / (values.length - 1)) / mean
}
