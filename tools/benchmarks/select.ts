/** Forward selection of benchmarks: each step takes the one that tells most of those not chosen yet, on VMs kept aside for that. */
import { type BinnedFeature, binFeature, boost, medianInPlace } from './boost.ts'
import type { Frame } from './frame.ts'

/** Few VMs are enough to order benchmarks by; scores come from all of them. */
const ROWS = { inner: 1500, validation: 1000 }
/** A quick look at what one benchmark adds: medians of this many classes of equal size. */
const CLASSES = 8
/** A saving below this share is chance: medians of a thousand VMs are known to some 3 %. */
const CHANCE = 0.01
/** Share of a class's median that is believed: a median of some 190 VMs is noise as well. */
const BELIEVED = 0.6
const KEEP = { trees: 8, rate: 0.35, leafRowsMin: 25 }

export interface SelectionStep {
  /** Index of the metric. */
  readonly metric: number
  /** Sum over benchmarks not chosen, mean over groups, of the share of the median's error that it saves beyond those before it. */
  readonly gain: number
  /** Mean of the share saved over those not chosen, after this step, on the validation VMs. */
  readonly improvement: number
}

/** A few VMs of one group, renumbered from 0: those learned from first, then those looked at. */
interface Side {
  readonly features: ReadonlyMap<number, BinnedFeature>
  readonly innerRows: number
  /** By metric: what the chosen ones leave unexplained. */
  readonly residuals: Map<number, Float64Array>
  readonly errors: Map<number, number>
  readonly medianErrors: ReadonlyMap<number, number>
}

export interface SelectionOptions {
  /** `columns` counts every unit of every run as a benchmark of its own, as the data do. */
  readonly view?: 'strict' | 'columns'
}

/** The first `steps` benchmarks in the order of what they add, for several groups at once: one list for all of them. */
export function selectForward(
  frames: readonly Frame[],
  steps: number,
  { view = 'strict' }: SelectionOptions = {},
): readonly SelectionStep[] {
  const sides = frames.map((frame) => beginSide(frame, view === 'strict' ? frame.candidates : columnsOf(frame)))
  const candidates = new Set(sides.flatMap((side) => [...side.features.keys()]))
  const chosen: number[] = []
  const taken: SelectionStep[] = []
  while (taken.length < steps && candidates.size > 0) {
    let best = { metric: -1, gain: -Infinity }
    for (const metric of candidates) {
      const gain = sides.reduce((sum, side) => sum + gainOf(side, metric, chosen), 0) / sides.length
      if (gain > best.gain) best = { metric, gain }
    }
    candidates.delete(best.metric)
    chosen.push(best.metric)
    for (const side of sides) keep(side, chosen)
    taken.push({ metric: best.metric, gain: best.gain, improvement: meanImprovement(sides, chosen) })
  }
  return taken
}

/** Every column that varies and that nearly all VMs have. */
function columnsOf(frame: Frame): readonly number[] {
  const runs = new Set(frame.candidates.map((m) => frame.group.metrics[m].benchmark))
  return frame.varying.filter((m) => runs.has(frame.group.metrics[m].benchmark))
}

function beginSide(frame: Frame, metrics: readonly number[]): Side {
  const inner = frame.inner.slice(0, ROWS.inner)
  const rows = Int32Array.from([...inner, ...frame.validation.slice(0, ROWS.validation)])
  const at = (column: Float64Array): Float64Array =>
    Float64Array.from(rows, (row) => (Number.isNaN(column[row]) ? 0 : column[row]))
  const residuals = new Map(metrics.map((target) => [target, at(frame.centred[target])]))
  const learned = Int32Array.from(inner, (_, i) => i)
  const features = new Map([...residuals].map(([metric, values]) => [metric, binFeature(values, learned)]))
  const errors = new Map([...residuals].map(([target, values]) => [target, errorAfter(values, inner.length)]))
  return { features, innerRows: inner.length, residuals, errors: new Map(errors), medianErrors: errors }
}

function errorAfter(values: Float64Array, from: number): number {
  return medianInPlace(values.subarray(from).map(Math.abs))
}

function gainOf(side: Side, metric: number, chosen: readonly number[]): number {
  const feature = side.features.get(metric)
  if (feature === undefined) return 0
  const classes = classesOf(feature, side.innerRows)
  let gain = 0
  for (const [target, residuals] of side.residuals) {
    const medianError = side.medianErrors.get(target) ?? 0
    if (target === metric || medianError === 0 || chosen.includes(target)) continue
    const error = errorByClass(classes, residuals, residuals.length - side.innerRows)
    gain += Math.max(0, ((side.errors.get(target) ?? 0) - error) / medianError - CHANCE)
  }
  return gain
}

/** Median absolute error on the VMs looked at, once each class's median is taken off. */
function errorByClass(classes: readonly RowClass[], residuals: Float64Array, lookedAt: number): number {
  const errors = new Float64Array(lookedAt)
  let at = 0
  for (const rows of classes) {
    const learned = new Float64Array(rows.learned.length)
    for (let i = 0; i < learned.length; i++) learned[i] = residuals[rows.learned[i]]
    const middle = BELIEVED * medianInPlace(learned)
    for (const row of rows.lookedAt) errors[at++] = Math.abs(residuals[row] - middle)
  }
  return medianInPlace(errors.subarray(0, at))
}

interface RowClass {
  readonly learned: readonly number[]
  readonly lookedAt: readonly number[]
}

/** VMs by where their value of a feature stands: about as many in each class, fewer classes where values are tied. */
function classesOf({ bins, edges }: BinnedFeature, innerRows: number): readonly RowClass[] {
  const counts = Array.from({ length: edges.length + 1 }, () => 0)
  for (let row = 0; row < innerRows; row++) counts[bins[row]]++
  let before = 0
  const classOfBin = counts.map((count) => {
    const found = Math.min(CLASSES - 1, Math.floor((before * CLASSES) / innerRows))
    before += count
    return found
  })
  const classes = Array.from({ length: CLASSES }, () => ({ learned: [] as number[], lookedAt: [] as number[] }))
  for (let row = 0; row < bins.length; row++) {
    const { learned, lookedAt } = classes[classOfBin[bins[row]]]
    if (row < innerRows) learned.push(row)
    else lookedAt.push(row)
  }
  return classes.filter(({ learned }) => learned.length > 0)
}

/** Explains the rest of every target by all that is chosen, where that helps on the VMs looked at. */
function keep(side: Side, chosen: readonly number[]): void {
  const features = chosen.flatMap((metric) => side.features.get(metric) ?? [])
  if (features.length === 0) return
  const rows = Int32Array.from({ length: side.innerRows }, (_, i) => i)
  for (const [target, residuals] of side.residuals) {
    if (chosen.includes(target)) continue
    const trial = residuals.slice()
    boost(features, trial, rows, KEEP)
    const error = errorAfter(trial, side.innerRows)
    if (error >= (side.errors.get(target) ?? 0)) continue
    side.residuals.set(target, trial)
    side.errors.set(target, error)
  }
}

function meanImprovement(sides: readonly Side[], chosen: readonly number[]): number {
  const improvements = sides.flatMap((side) =>
    [...side.errors]
      .filter(([target]) => !chosen.includes(target) && (side.medianErrors.get(target) ?? 0) > 0)
      .map(([target, error]) => 1 - error / (side.medianErrors.get(target) ?? 1)),
  )
  return improvements.reduce((sum, improvement) => sum + improvement, 0) / improvements.length
}
