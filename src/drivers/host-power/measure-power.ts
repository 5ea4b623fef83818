/** Watts of this host at load steps where something tells them, else an estimate by its CPU. */
import type { PowerCurve } from '../../terms/host.ts'
import type { PowerMeasurement } from '../../terms/host-measurement.ts'
import { type BackgroundLoad, startLoad } from '../host-bench/background-load.ts'
import { BenchmarkError } from '../host-bench/benchmark-error.ts'
import { ERRORS, estimatePower, type Match, type PowerQuestion } from './estimate.ts'
import { curveThrough, type PowerStep } from './power-curve.ts'
import { POWER_TABLE } from './specpower-table.ts'
import type { WattMeter } from './watts.ts'

export interface PowerResult {
  readonly power: PowerMeasurement
  /** Absent: not even the number of cores is known. */
  readonly curve?: PowerCurve
}

export interface PowerRun {
  readonly meter: WattMeter
  readonly stressNgPath: string
  readonly threads: number
  readonly spanMs: number
  /** Where the load may write. */
  readonly scratch: string
  readonly stop: AbortSignal
  readonly onStep?: (label: string, ms: number) => void
}

export const POWER_LOADS = [0, 0.25, 0.5, 0.75, 1] as const
/** Sensors average over a second or so: what they tell first belongs to the load before. */
const SETTLE_MS = 1000
/** Starting and ending a load. */
const STEP_OVERHEAD_MS = 500

/** A hypervisor shows no CPU's watts, and of its CPUs only those that it lends. */
const VIRTUAL = '; this is a virtual machine, and what its host draws is not seen from within'

/** Of one step, in all. */
export function powerStepMs(spanMs: number): number {
  return SETTLE_MS + STEP_OVERHEAD_MS + spanMs
}

/** Reads the meter with nothing else running, and beside loads. Steps that fail are left out. */
export async function measureSteps(run: PowerRun, wait: (ms: number) => Promise<void>): Promise<readonly PowerStep[]> {
  const steps: PowerStep[] = []
  for (const load of POWER_LOADS) {
    if (run.stop.aborted) break
    run.onStep?.(`watts at ${load * 100} % load`, powerStepMs(run.spanMs))
    let background: BackgroundLoad | undefined
    try {
      const limitMs = powerStepMs(run.spanMs) * 10
      if (load > 0)
        background = await startLoad(run.stressNgPath, {
          step: load,
          threads: run.threads,
          limitMs,
          folder: run.scratch,
        })
      await wait(SETTLE_MS)
      const watts = await run.meter.measure(run.spanMs)
      if (watts !== undefined) steps.push({ load, watts: Math.round(watts * 10) / 10 })
    } catch (error) {
      if (!(error instanceof BenchmarkError)) throw error
    } finally {
      await background?.stop()
    }
  }
  return steps
}

/** What was measured, if it reaches from idle to full load; else what servers with the like CPUs draw. */
export function concludePower(
  measured: { readonly meter: WattMeter; readonly steps: readonly PowerStep[] } | undefined,
  question: (PowerQuestion & { readonly isVirtualised?: boolean }) | undefined,
): PowerResult {
  const curve = measured === undefined ? undefined : curveThrough(measured.steps)
  if (measured !== undefined && curve !== undefined) {
    const { powerSource, explanation } = measured.meter
    return { power: { powerSource, explanation, steps: measured.steps }, curve }
  }
  if (question === undefined) {
    const explanation = 'nothing tells watts, and the number of cores is not known: set --set powerWatts= by hand'
    return { power: { powerSource: 'estimated', explanation, steps: [] } }
  }
  const estimate = estimatePower(question, POWER_TABLE)
  const { idle, full } = ERRORS[estimate.match]
  const power = {
    powerSource: 'estimated' as const,
    explanation: `${explain(question, estimate.match, estimate.basis)}${question.isVirtualised === true ? VIRTUAL : ''}`,
    steps: measured?.steps ?? [],
    errorAtIdle: idle,
    errorAtFullLoad: full,
  }
  return { power, curve: estimate.curve }
}

function explain({ cpuType, sockets, cores }: PowerQuestion, match: Match, basis: readonly string[]): string {
  const names = basis.join(', ')
  const source = 'from SPECpower_ssj2008 results (www.spec.org/power_ssj2008, March 2026)'
  if (match === 'model') return `servers with ${names} ${source}`
  if (match === 'family') return `servers with CPUs of its generation (${names}, ...) ${source}`
  return `${cpuType} is not among known CPUs; servers with ${Math.round(cores / sockets)} or so cores per CPU (${names}, ...) ${source}`
}
