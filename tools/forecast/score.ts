/** Forecasts beside what came: learned from the first days of most VMs, scored on later days of all, those apart that nothing was learned from. */
import { DemandMemory, type Horizon } from '../../src/engine/forecast/demand/demand-memory.ts'
import { FEATURES, writeFeatures } from '../../src/engine/forecast/demand/features.ts'
import { binRows } from '../../src/engine/forecast/trees/bins.ts'
import { predictForest } from '../../src/engine/forecast/trees/forest.ts'
import { type TrainOptions, trainForest } from '../../src/engine/forecast/trees/train.ts'
import { Luck } from '../../src/terms/luck.ts'
import type { DemandGrid } from './grids.ts'

export const METHODS = ['last value', 'EWMA .6', 'AR(24)', 'RLS', 'pooled trees'] as const
export type Method = (typeof METHODS)[number]

/** Errors over those of the last value. */
export interface Score {
  readonly method: Method
  /** Mean absolute error, in the unit of the grid. */
  readonly error: number
  /** Pooled. */
  readonly ratio: number
  readonly heldOutRatio: number
  /** Median over VMs, but for those that the last value never misses. */
  readonly medianRatio: number
}

export interface ScoreOptions {
  readonly seed: number
  /** About so many rows are learned from, and scored. */
  readonly trainRows: number
  readonly testRows: number
  readonly train: Pick<TrainOptions, 'trees' | 'leaves' | 'learningRate' | 'rowsPerLeafMin'>
}

export const SCORE_OPTIONS: ScoreOptions = {
  seed: 1,
  trainRows: 60_000,
  testRows: 60_000,
  train: { trees: 100, leaves: 31, learningRate: 0.1, rowsPerLeafMin: 20 },
}
/** Of VMs nothing is learned from. */
const HELD_OUT = 0.19
/** Between both extremes: each VM alike (0), each unit of demand alike (1). */
const SCALE_WEIGHT = 0.5
const ROW_SHARE = 0.8
const FEATURE_SHARE = 0.6

interface Row {
  readonly vm: number
  readonly features: Float32Array
  readonly came: number
  readonly now: number
  readonly scale: number
  readonly told: Readonly<Record<Exclude<Method, 'pooled trees'>, number>>
}

export function scoreGrid(grid: DemandGrid, horizon: Horizon, options: ScoreOptions): readonly Score[] {
  const luck = new Luck(options.seed)
  const heldOut = grid.series.map(() => luck.fraction() < HELD_OUT)
  const { train, test } = rowsOf(grid, horizon, { options, heldOut, luck })
  const trees = median(train, test, options)
  const said = (method: Method, row: Row, r: number): number =>
    method === 'pooled trees' ? trees[r] : row.told[method]
  return METHODS.map((method) => scoreOf(method, test, { heldOut, said: (row, r) => said(method, row, r) }))
}

function rowsOf(
  { series, slots, train: [from, till], test: [testFrom, testTill] }: DemandGrid,
  horizon: Horizon,
  about: { readonly options: ScoreOptions; readonly heldOut: readonly boolean[]; readonly luck: Luck },
): { readonly train: readonly Row[]; readonly test: readonly Row[] } {
  const { options, heldOut, luck } = about
  const trainShare = options.trainRows / (series.length * (1 - HELD_OUT) * (till - from))
  const testShare = options.testRows / (series.length * (testTill - testFrom))
  const [train, test]: [Row[], Row[]] = [[], []]
  series.forEach((values, vm) => {
    const memory = new DemandMemory()
    for (let slot = 0; slot < Math.min(slots, testTill); slot++) {
      memory.add(values[slot])
      const came = values[slot + horizon] ?? Number.NaN
      const draw = luck.fraction()
      if (Number.isNaN(came) || Number.isNaN(values[slot])) continue
      // What is learned has come before the scored days begin.
      if (slot >= from && slot + horizon < till && !heldOut[vm] && draw < trainShare)
        train.push(rowOf(memory, { vm, horizon, came }))
      else if (slot >= testFrom && draw < testShare) test.push(rowOf(memory, { vm, horizon, came }))
    }
  })
  return { train, test }
}

function rowOf(
  memory: DemandMemory,
  { vm, horizon, came }: { readonly vm: number; readonly horizon: Horizon; readonly came: number },
): Row {
  const features = new Float32Array(FEATURES)
  writeFeatures(memory, horizon, features, 0)
  const told = {
    'last value': memory.now,
    'EWMA .6': memory.smoothed(2),
    'AR(24)': memory.autoregression(horizon),
    RLS: memory.leastSquares(horizon),
  }
  return { vm, features, came, now: memory.now, scale: memory.scale, told }
}

/** The trees' median of each row, in its unit. */
function median(train: readonly Row[], test: readonly Row[], { seed, train: size }: ScoreOptions): Float64Array {
  const forest = trainForest(
    binRows(matrixOf(train), FEATURES),
    {
      targets: Float32Array.from(train, ({ came, now, scale }) => (came - now) / scale),
      weights: Float32Array.from(train, ({ scale }) => scale ** SCALE_WEIGHT),
    },
    { ...size, quantile: 0.5, rowShare: ROW_SHARE, featureShare: FEATURE_SHARE, seed },
  )
  const out = new Float32Array(test.length)
  predictForest(forest, matrixOf(test), out)
  return Float64Array.from(test, ({ now, scale }, r) => Math.max(0, now + scale * out[r]))
}

function matrixOf(rows: readonly Row[]): Float32Array {
  const matrix = new Float32Array(rows.length * FEATURES)
  rows.forEach(({ features }, r) => matrix.set(features, r * FEATURES))
  return matrix
}

function scoreOf(
  method: Method,
  rows: readonly Row[],
  about: { readonly heldOut: readonly boolean[]; readonly said: (row: Row, r: number) => number },
): Score {
  const sums = new Map<number, Sum>()
  rows.forEach((row, r) => {
    const sum = sums.get(row.vm) ?? { error: 0, last: 0 }
    sum.error += Math.abs(about.said(row, r) - row.came)
    sum.last += Math.abs(row.now - row.came)
    sums.set(row.vm, sum)
  })
  const all = [...sums.values()]
  const unseen = [...sums].flatMap(([vm, sum]) => (about.heldOut[vm] ? [sum] : []))
  const ratios = all.flatMap(({ error, last }) => (last > 0 ? [error / last] : [])).sort((a, b) => a - b)
  return {
    method,
    error: total(all, 'error') / rows.length,
    ratio: total(all, 'error') / total(all, 'last'),
    heldOutRatio: total(unseen, 'error') / total(unseen, 'last'),
    medianRatio: ratios[ratios.length >> 1],
  }
}

interface Sum {
  error: number
  last: number
}

function total(of: readonly Sum[], which: keyof Sum): number {
  return of.reduce((sum, one) => sum + one[which], 0)
}
