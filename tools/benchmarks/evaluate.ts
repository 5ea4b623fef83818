/** The shipped model on a group of VMs that it may never have seen: what `tools/evaluate-benchmarks.ts` prints. */
import { completeBenchmarks } from '../../src/engine/suitability/benchmarks/complete.ts'
import type { BenchmarkModel, KindModel } from '../../src/engine/suitability/benchmarks/model.ts'
import { hashPair } from '../../src/terms/luck.ts'
import type { VmGroup } from './dataset.ts'
import { CONSTANT_BELOW, medianAt, shuffled } from './frame.ts'
import { meanOf } from './score.ts'

export interface Evaluation {
  readonly group: string
  /** Kind of host whose model was asked. */
  readonly kind: string
  /** VMs whose medians centre the model; the others are scored. */
  readonly calibrationVms: number
  readonly scoredVms: number
  readonly metrics: readonly EvaluatedMetric[]
  /** Mean over metrics of the share of the median's error that is saved. */
  readonly improvement: number
}

export interface EvaluatedMetric {
  readonly name: string
  readonly error: number
  readonly medianError: number
  readonly improvement: number
  /** Share of the actual values within the band that promises nine of ten. */
  readonly withinWide: number
  readonly isPredicted: boolean
}

export interface EvaluationOptions {
  readonly calibrationVms: number
  readonly seed: number
  /** The VMs to ask about. Absent: all; where the model was learned from some, it must be the others. */
  readonly among?: Int32Array
}

/** Centres the model on `calibrationVms` VMs drawn by `seed`, completes every other VM from the chosen benchmarks alone, and compares. Without a model
 *  of the group's VM size, that which does best on the calibration VMs is asked. */
export function evaluateModel(
  model: BenchmarkModel,
  group: VmGroup,
  { calibrationVms, seed, among }: EvaluationOptions,
): Evaluation {
  const order = among?.toSorted((a, b) => hashPair(a, seed) - hashPair(b, seed)) ?? shuffled(group.vms, seed)
  const count = Math.min(calibrationVms, Math.floor(order.length / 2))
  const [calibration, scored] = [order.slice(0, count), order.slice(count)]
  const rows = { calibration, scored }
  const own = model.kinds.find(({ kind }) => kind === group.sku)
  if (own !== undefined) return evaluateKind(model, own, group, rows)
  const trials = model.kinds.map((kind) => ({
    kind,
    trial: evaluateKind(model, kind, group, { calibration, scored: calibration }),
  }))
  const best = trials.reduce((a, b) => (b.trial.improvement > a.trial.improvement ? b : a))
  return evaluateKind(model, best.kind, group, rows)
}

function evaluateKind(
  model: BenchmarkModel,
  kind: KindModel,
  group: VmGroup,
  { calibration, scored }: { readonly calibration: Int32Array; readonly scored: Int32Array },
): Evaluation {
  const columns = new Map(group.metrics.map(({ name }, m) => [name, group.logs[m]]))
  const published = new Map(group.metrics.map(({ name, median }) => [name, median]))
  const names = kind.metrics.map(({ name }) => name).filter((name) => columns.has(name))
  const medianLogs = new Map(
    names.map((name) => [name, medianAt(columns.get(name) ?? new Float64Array(), calibration)]),
  )
  const usable = names.filter((name) => !Number.isNaN(medianLogs.get(name)))
  const valueAt = (name: string, log: number): number => (published.get(name) ?? 1) * Math.exp(log)
  const medians = Object.fromEntries(usable.map((name) => [name, valueAt(name, medianLogs.get(name) ?? 0)]))
  const wanted = usable.filter((name) => !model.chosen.includes(name))
  const found = new Map(
    wanted.map((name) => [name, { errors: [] as number[], medianErrors: [] as number[], within: 0 }]),
  )
  const predicted = new Set<string>()
  for (const row of scored) {
    const measured: Record<string, number> = {}
    for (const name of model.chosen) {
      const log = columns.get(name)?.[row] ?? Number.NaN
      if (!Number.isNaN(log)) measured[name] = valueAt(name, log)
    }
    const completion = completeBenchmarks(model, kind.kind, measured, medians)
    if (completion.kind === 'refused') throw new Error(completion.reason)
    for (const metric of completion.metrics) {
      const tally = found.get(metric.name)
      const log = columns.get(metric.name)?.[row] ?? Number.NaN
      if (tally === undefined || Number.isNaN(log)) continue
      const actual = valueAt(metric.name, log)
      tally.errors.push(Math.abs(Math.log(actual / metric.value)))
      tally.medianErrors.push(Math.abs(log - (medianLogs.get(metric.name) ?? 0)))
      if (metric.wide !== undefined && actual >= metric.wide.low && actual <= metric.wide.high) tally.within++
      if (metric.basis === 'predicted') predicted.add(metric.name)
    }
  }
  const metrics = [...found].flatMap(([name, { errors, medianErrors, within }]) => {
    const [error, medianError] = [middleOf(errors), middleOf(medianErrors)]
    if (!(medianError >= CONSTANT_BELOW)) return []
    const improvement = 1 - error / medianError
    return [
      { name, error, medianError, improvement, withinWide: within / errors.length, isPredicted: predicted.has(name) },
    ]
  })
  return {
    group: group.name,
    kind: kind.kind,
    calibrationVms: calibration.length,
    scoredVms: scored.length,
    metrics,
    improvement: meanOf(metrics.map(({ improvement }) => improvement)),
  }
}

function middleOf(values: readonly number[]): number {
  const column = Float64Array.from(values)
  return medianAt(
    column,
    Int32Array.from(column, (_, i) => i),
  )
}
