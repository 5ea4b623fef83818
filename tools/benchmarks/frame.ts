/** One split of one group's VMs, made ready for learning: centred on the training VMs' medians, features binned once. */
import { Luck } from '../../src/terms/luck.ts'
import { type BinnedFeature, type BoostSettings, binFeature, boost, medianInPlace } from './boost.ts'
import type { VmGroup } from './dataset.ts'

/** Below this median absolute deviation (three quanta of the data) a metric does not vary between VMs: it stands at a cap or at the resolution
 *  of its own tool, the median's error is nil, and no share of nil can be saved. */
export const CONSTANT_BELOW = 0.0005

/** The seed whose training VMs the shipped model is learned from. */
export const LEARNED_SEED = 1

export interface Split {
  readonly train: Int32Array
  readonly test: Int32Array
}

export interface Frame {
  readonly group: VmGroup
  readonly split: Split
  /** Part of the training rows that hyperparameters are chosen on; `inner` are the others. */
  readonly inner: Int32Array
  readonly validation: Int32Array
  /** Medians of the training VMs, as logarithms over the group's published ones. */
  readonly medians: Float64Array
  /** Per metric: logarithms over the training median; NaN is missing. */
  readonly centred: readonly Float64Array[]
  readonly binned: readonly BinnedFeature[]
  /** Metrics that vary, all units. */
  readonly varying: readonly number[]
  /** One unit per benchmark that varies: what is scored in the strict view. */
  readonly targets: readonly number[]
  /** Targets that (nearly) all VMs have: what may be chosen. */
  readonly candidates: readonly number[]
  readonly deviations: Float64Array
}

/** `share` of the VMs, drawn by `seed`, for training. */
export function splitByVm(vms: number, seed: number, share = 0.7): Split {
  const order = shuffled(vms, seed)
  const cut = Math.round(vms * share)
  return { train: order.slice(0, cut), test: order.slice(cut) }
}

/** The earliest `share` of the VMs for training; the latest are the test. */
export function splitByTime(group: VmGroup, share = 0.7): Split {
  const order = Int32Array.from({ length: group.vms }, (_, vm) => vm)
  order.sort((a, b) => group.startMinutes[a] - group.startMinutes[b] || a - b)
  const cut = Math.round(group.vms * share)
  return { train: order.slice(0, cut), test: order.slice(cut) }
}

export function shuffled(length: number, seed: number): Int32Array {
  const luck = new Luck(seed * 7919 + 13)
  const order = Int32Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = luck.below(i + 1)
    const kept = order[i]
    order[i] = order[j]
    order[j] = kept
  }
  return order
}

export function frameOf(group: VmGroup, split: Split, seed: number): Frame {
  const medians = Float64Array.from(group.logs, (column) => medianAt(column, split.train))
  const centred = group.logs.map((column, m) => column.map((log) => log - medians[m]))
  const deviations = Float64Array.from(centred, (column) => medianAt(column.map(Math.abs), split.train))
  const order = shuffled(split.train.length, seed + 1000).map((i) => split.train[i])
  const cut = Math.round(order.length * 0.75)
  const varying = group.metrics.filter(({ index }) => deviations[index] >= CONSTANT_BELOW).map(({ index }) => index)
  const seen = new Set<string>()
  const targets = varying.filter((m) => {
    const { benchmark } = group.metrics[m]
    if (seen.has(benchmark)) return false
    seen.add(benchmark)
    return true
  })
  const isOnMost = (m: number): boolean => presentRows(centred[m], split.train).length > 0.9 * split.train.length
  return {
    group,
    split,
    inner: order.slice(0, cut),
    validation: order.slice(cut),
    medians,
    centred,
    binned: centred.map((column) => binFeature(column, split.train)),
    varying,
    targets,
    candidates: targets.filter(isOnMost),
    deviations,
  }
}

/** Median of the present values at `rows`; NaN where there is none. */
export function medianAt(values: Float64Array, rows: Int32Array): number {
  return medianInPlace(pick(values, presentRows(values, rows)))
}

export function medianOfSorted(sorted: Float64Array): number {
  if (sorted.length === 0) return Number.NaN
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

export function quantileOfSorted(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))]
}

export function presentRows(values: Float64Array, rows: Int32Array): Int32Array {
  return rows.filter((row) => !Number.isNaN(values[row]))
}

function pick(values: Float64Array, rows: Int32Array): Float64Array {
  const picked = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) picked[i] = values[rows[i]]
  return picked
}

function absolute(values: Float64Array): Float64Array {
  const all = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) all[i] = Math.abs(values[i])
  return all
}

/** What a fit gives: trees, and for every VM the actual less the predicted logarithm. */
export interface Fit {
  readonly trees: readonly (readonly number[])[]
  readonly residuals: Float64Array
  /** Residuals of the validation rows while they were held out, sorted: what bands are made from. */
  readonly heldOut: Float64Array
  /** Share of the median's error that was saved on the validation rows, never below 0. */
  readonly validationGain: number
}

export const SETTINGS: BoostSettings = { trees: 32, rate: 0.2, leafRowsMin: 20 }

/** A saving below this share on the validation VMs is chance, and not worth a tree. */
const CHANCE = 0.01

/** Trees of `features` for `target`; how many is chosen on the validation rows, and none is a choice. */
export function fitTarget(frame: Frame, target: number, features: readonly number[], settings = SETTINGS): Fit {
  const binned = features.map((m) => frame.binned[m])
  const values = frame.centred[target]
  const inner = presentRows(values, frame.inner)
  const validation = presentRows(values, frame.validation)
  const trial = values.slice()
  const before = medianAt(trial.map(Math.abs), validation)
  const none = Float64Array.from(validation, (row) => trial[row])
  let best: { readonly trees: number; readonly error: number; readonly heldOut: Float64Array } = {
    trees: 0,
    error: before,
    heldOut: none,
  }
  if (features.length > 0) {
    boost(binned, trial, inner, settings, (trees) => {
      const heldOut = pick(trial, validation)
      const error = medianInPlace(absolute(heldOut))
      if (error < best.error) best = { trees, error, heldOut }
    })
  }
  if (best.error > (1 - CHANCE) * before) best = { trees: 0, error: before, heldOut: none }
  const residuals = values.slice()
  const rows = presentRows(values, frame.split.train)
  const trees = best.trees === 0 ? [] : boost(binned, residuals, rows, { ...settings, trees: best.trees })
  return {
    trees,
    residuals,
    heldOut: best.heldOut.slice().sort(),
    validationGain: before > 0 ? 1 - best.error / before : 0,
  }
}

/** Median absolute error of the fit and of the training median on `rows`. */
export function errorsOn(
  frame: Pick<Frame, 'centred'>,
  target: number,
  residuals: Float64Array,
  rows: Int32Array,
): { readonly error: number; readonly medianError: number } {
  return {
    error: medianAt(residuals.map(Math.abs), rows),
    medianError: medianAt(frame.centred[target].map(Math.abs), rows),
  }
}
