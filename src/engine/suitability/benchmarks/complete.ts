import { show } from '../../../terms/parse.ts'
import {
  type BenchmarkModel,
  type KindModel,
  LOG_STEP,
  type MetricModel,
  type ResidualBand,
  TREE_DEPTH,
} from './model.ts'

/** What a benchmark gives on a host: measured there, or told by those that were. */
export interface CompletedMetric {
  readonly name: string
  /** In the metric's unit. */
  readonly value: number
  /** `median`: nothing that was measured tells of it, and the kind's median is all there is to say. */
  readonly basis: 'measured' | 'predicted' | 'median'
  /** Half of all hosts lie within `middle`, nine of ten within `wide`. Absent: measured. */
  readonly middle?: MetricRange
  readonly wide?: MetricRange
}

export interface MetricRange {
  readonly low: number
  readonly high: number
}

export type Completion =
  | { readonly kind: 'completed'; readonly metrics: readonly CompletedMetric[] }
  | { readonly kind: 'refused'; readonly reason: string }

/** What the benchmarks that were not run would give, from those that were, each with a band.
 *  Predictions hold for hosts like those of `kind`; where the fleet has another median than the data behind the model, hand in its `medians` by
 *  the metric's name (from a few dozen hosts), and differences between hosts are laid over them. A metric whose prediction needs a chosen one
 *  that was not measured falls back on the median: absent is not average. */
export function completeBenchmarks(
  model: BenchmarkModel,
  kind: string,
  measured: Readonly<Record<string, number>>,
  medians: Readonly<Record<string, number>> = {},
): Completion {
  const found = model.kinds.find((one) => one.kind === kind)
  if (found === undefined) {
    const known = model.kinds.map((one) => one.kind).join(', ')
    return { kind: 'refused', reason: `No model of hosts of kind ${show(kind)}. Known are: ${known}.` }
  }
  const reason = whyUnusable(found, measured, 'Measured') ?? whyUnusable(found, medians, 'The median of')
  if (reason !== undefined) return { kind: 'refused', reason }

  const features = featuresOf(model, found, measured, medians)
  const metrics = found.metrics.map((metric): CompletedMetric => {
    const value = measured[metric.name]
    if (value !== undefined) return { name: metric.name, value, basis: 'measured' }
    return predictMetric(metric, medians[metric.name] ?? metric.median, features)
  })
  return { kind: 'completed', metrics }
}

function whyUnusable(kind: KindModel, values: Readonly<Record<string, number>>, what: string): string | undefined {
  const names = new Set(kind.metrics.map(({ name }) => name))
  for (const [name, value] of Object.entries(values)) {
    if (!names.has(name)) return `${what} ${show(name)}: hosts of kind ${kind.kind} have no such metric. Another unit?`
    if (!Number.isFinite(value) || value <= 0) {
      return `${what} ${name} is ${show(value)}, and more than 0 was expected. Leave out what was not measured.`
    }
  }
  return undefined
}

/** Logarithms of the chosen metrics over their medians, in whole steps; `undefined` where one is lacking. */
function featuresOf(
  model: BenchmarkModel,
  kind: KindModel,
  measured: Readonly<Record<string, number>>,
  medians: Readonly<Record<string, number>>,
): readonly (number | undefined)[] {
  const byName = new Map(kind.metrics.map((metric) => [metric.name, metric]))
  return model.chosen.map((name) => {
    const value = measured[name]
    const median = medians[name] ?? byName.get(name)?.median
    return value === undefined || median === undefined ? undefined : Math.round(Math.log(value / median) / LOG_STEP)
  })
}

function predictMetric(
  metric: MetricModel,
  median: number,
  features: readonly (number | undefined)[],
): CompletedMetric {
  const logDifference = sumOfTrees(metric.trees, features)
  const isPredicted = logDifference !== undefined && metric.trees.length > 0
  const value = median * Math.exp(isPredicted ? logDifference : 0)
  const band = isPredicted ? metric.band : metric.medianBand
  return { name: metric.name, value, basis: isPredicted ? 'predicted' : 'median', ...rangesAround(value, band) }
}

function rangesAround(value: number, band: ResidualBand): { readonly middle: MetricRange; readonly wide: MetricRange } {
  return {
    middle: { low: value * Math.exp(band.p25), high: value * Math.exp(band.p75) },
    wide: { low: value * Math.exp(band.p05), high: value * Math.exp(band.p95) },
  }
}

/** Sum of what the trees answer, as a difference of natural logarithms; `undefined` where a feature that they ask for is lacking.
 *  Boosted regression trees: Friedman, Greedy Function Approximation, Annals of Statistics 29(5), 2001. */
export function sumOfTrees(
  trees: readonly (readonly number[])[],
  features: readonly (number | undefined)[],
): number | undefined {
  let steps = 0
  for (const tree of trees) {
    const answer = askTree(tree, features)
    if (answer === undefined) return undefined
    steps += answer
  }
  return steps * LOG_STEP
}

/** Question `i` stands at 2 i (feature, threshold); above the threshold leads to `2 i + 2`, otherwise to `2 i + 1`. */
function askTree(tree: readonly number[], features: readonly (number | undefined)[]): number | undefined {
  let node = 0
  for (let depth = 0; depth < TREE_DEPTH; depth++) {
    const value = features[tree[2 * node]]
    if (value === undefined) return undefined
    node = value <= tree[2 * node + 1] ? 2 * node + 1 : 2 * node + 2
  }
  const questions = 2 ** TREE_DEPTH - 1
  return tree[questions * 2 + node - questions]
}
