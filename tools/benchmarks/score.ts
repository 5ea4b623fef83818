/** The score of a choice of benchmarks: how much of the group median's error is saved, on VMs that nothing was learned from. */
import { sumOfTrees } from '../../src/engine/suitability/benchmarks/complete.ts'
import { LOG_STEP } from '../../src/engine/suitability/benchmarks/model.ts'
import { errorsOn, type Fit, fitTarget, type Frame, medianAt } from './frame.ts'

/** One metric not chosen, on held-out VMs. Errors are medians of absolute differences of natural logarithms: 0.01 is one percent. */
export interface MetricScore {
  readonly name: string
  readonly error: number
  readonly medianError: number
  /** 1 - error / medianError; not finite where the median has no error. */
  readonly improvement: number
  /** What learning saw in its own validation VMs, for orders that must not look at the test. */
  readonly validationGain: number
}

/** Every target of the frame that is not chosen and no other unit of a chosen one, predicted from the chosen. */
export function scoreChoice(
  frame: Frame,
  chosen: readonly number[],
  view: 'strict' | 'columns' = 'strict',
): readonly MetricScore[] {
  const { metrics } = frame.group
  const runs = new Set(chosen.map((m) => metrics[m].benchmark))
  const targets = view === 'columns' ? frame.varying : frame.targets
  const measurable = new Set(frame.candidates.map((m) => metrics[m].benchmark))
  const features = chosen.filter((m) => frame.varying.includes(m) && measurable.has(metrics[m].benchmark))
  return targets
    .filter((m) => (view === 'columns' ? !chosen.includes(m) : !runs.has(metrics[m].benchmark)))
    .map((target) => scoreFit(frame, target, fitTarget(frame, target, features)))
    .filter(({ improvement }) => Number.isFinite(improvement))
}

export function scoreFit(frame: Frame, target: number, fit: Pick<Fit, 'residuals' | 'validationGain'>): MetricScore {
  const { error, medianError } = errorsOn(frame, target, fit.residuals, frame.split.test)
  const { name } = frame.group.metrics[target]
  return { name, error, medianError, improvement: 1 - error / medianError, validationGain: fit.validationGain }
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export function meanImprovement(scores: readonly MetricScore[]): number {
  return meanOf(scores.map(({ improvement }) => improvement))
}

/** Sum of errors against sum of the median's errors: the other way to average, in which noisy metrics weigh most. */
export function improvementOfSums(scores: readonly MetricScore[]): number {
  const sum = (pick: (score: MetricScore) => number): number => scores.reduce((total, score) => total + pick(score), 0)
  return 1 - sum(({ error }) => error) / sum(({ medianError }) => medianError)
}

/** How many benchmarks must be run so that the others are predicted at `goal` on average: the chosen, and then whatever the validation VMs showed to be
 *  told least by them. `undefined`: never. */
export function runsUntil(
  scores: readonly MetricScore[],
  chosen: number,
  goal: number,
): { readonly runs: number; readonly improvement: number; readonly left: number } | undefined {
  const left = scores.toSorted((a, b) => a.validationGain - b.validationGain)
  for (let runs = chosen; left.length > 0; runs++) {
    const improvement = meanImprovement(left)
    if (improvement >= goal) return { runs, improvement, left: left.length }
    left.shift()
  }
  return undefined
}

/** Trees learned on one frame, asked about the VMs of another, centred on medians of that one's own training VMs. */
export function scoreElsewhere(learned: Frame, asked: Frame, chosen: readonly number[]): readonly MetricScore[] {
  const { metrics } = learned.group
  const runs = new Set(chosen.map((m) => metrics[m].benchmark))
  const features = chosen.filter((m) => learned.candidates.includes(m))
  return asked.targets
    .filter((m) => learned.targets.includes(m) && !runs.has(metrics[m].benchmark))
    .map((target) => {
      const { trees, validationGain } = fitTarget(learned, target, features)
      return scoreFit(asked, target, { residuals: residualsOf(asked, target, trees, features), validationGain })
    })
    .filter(({ improvement }) => Number.isFinite(improvement))
}

/** Actual less predicted logarithm of every VM. */
export function residualsOf(
  frame: Pick<Frame, 'centred'>,
  target: number,
  trees: readonly (readonly number[])[],
  features: readonly number[],
): Float64Array {
  const columns = features.map((m) => frame.centred[m])
  return frame.centred[target].map((actual, row) => {
    const steps = columns.map((column) => (Number.isNaN(column[row]) ? 0 : Math.round(column[row] / LOG_STEP)))
    return actual - (sumOfTrees(trees, steps) ?? 0)
  })
}

/** Spreads of one VM over its long series, in natural logarithms: four ways to say it. */
export interface WithinSpread {
  /** Median absolute deviation from the VM's own median, over all its days. */
  readonly mad: number
  /** The same from one run to the next, over the square root of two: without slow drift. */
  readonly next: number
  /** Median absolute deviation x 1.4826: the standard deviation of a normal with it. */
  readonly sigma: number
  readonly standardDeviation: number
}

export function withinSpread(logs: Float64Array): WithinSpread {
  const rows = Int32Array.from(logs, (_, i) => i)
  const middle = medianAt(logs, rows)
  const mad = medianAt(
    logs.map((log) => Math.abs(log - middle)),
    rows,
  )
  const steps = logs.subarray(1).map((log, i) => Math.abs(log - logs[i]))
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / logs.length
  return {
    mad,
    next:
      medianAt(
        steps,
        Int32Array.from(steps, (_, i) => i),
      ) / Math.SQRT2,
    sigma: mad * 1.4826,
    standardDeviation: Math.sqrt(variance),
  }
}
