/** Regression by a Gaussian process (Rasmussen and Williams, MIT Press 2006, algorithm 2.1) with one length scale per feature: for some hundred
 *  rows it learns what boosted trees learn from thousands. Pure: no luck, the same rows give the same model. */

export interface SmoothModel {
  /** What is taken off each feature, and what it is then divided by: the length scale is in it. */
  readonly centres: readonly number[]
  readonly scales: readonly number[]
  readonly mean: number
  /** Rows that it was fitted to, scaled, and the weight of each. */
  readonly rows: readonly (readonly number[])[]
  readonly weights: readonly number[]
}

export interface SmoothSettings {
  /** Length scale of each feature, in standard deviations of that feature; Infinity leaves it out. */
  readonly lengths: readonly number[]
  /** Noise over signal. */
  readonly noiseShare: number
  /** Weight of each row's noise, 1 where absent: more for rows that are thought to be off. */
  readonly noiseOf?: readonly number[]
}

export interface SmoothFit {
  readonly model: SmoothModel
  /** What each row would be said to be if it had not been among the rows. */
  readonly leftOut: readonly number[]
}

/** @throws RangeError where rows are none, or no numbers */
export function fitSmooth(
  features: readonly (readonly number[])[],
  targets: readonly number[],
  settings: SmoothSettings,
): SmoothFit {
  const n = features.length
  if (n === 0) throw new RangeError('a regression needs rows')
  const { centres, spreads } = momentsOf(features)
  const scales = spreads.map((spread, f) => spread * settings.lengths[f])
  const rows = features.map((row) => scaled(row, centres, scales))
  const mean = medianOf(targets)
  const kernel = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = similarity(rows[i], rows[j])
      kernel[i * n + j] = value
      kernel[j * n + i] = value
    }
    kernel[i * n + i] += settings.noiseShare * (settings.noiseOf?.[i] ?? 1)
  }
  const inverse = inverseOf(kernel, n)
  const off = targets.map((target) => target - mean)
  const weights = Array.from({ length: n }, (_, i) => {
    let sum = 0
    for (let j = 0; j < n; j++) sum += inverse[i * n + j] * off[j]
    return sum
  })
  const leftOut = targets.map((target, i) => target - weights[i] / inverse[i * n + i])
  return { model: { centres, scales, mean, rows, weights }, leftOut }
}

export function predictSmooth(model: SmoothModel, features: readonly number[]): number {
  const row = scaled(features, model.centres, model.scales)
  let sum = model.mean
  for (let i = 0; i < model.rows.length; i++) sum += model.weights[i] * similarity(model.rows[i], row)
  return sum
}

/** The same, with rows that are far off counted as noisy ones: three rounds of weights by the residual (Huber 1981, chapter 7). */
export function fitRobust(
  features: readonly (readonly number[])[],
  targets: readonly number[],
  settings: Omit<SmoothSettings, 'noiseOf'>,
): SmoothFit {
  let fit = fitSmooth(features, targets, settings)
  for (let round = 0; round < 3; round++) {
    const misses = fit.leftOut.map((value, i) => Math.abs(value - targets[i]))
    const spread = 1.4826 * medianOf(misses) + 1e-9
    const noiseOf = misses.map((miss) => Math.max(1, miss / (1.5 * spread)))
    fit = fitSmooth(features, targets, { ...settings, noiseOf })
  }
  return fit
}

function scaled(row: readonly number[], centres: readonly number[], scales: readonly number[]): readonly number[] {
  return row.map((value, f) => (value - centres[f]) / scales[f])
}

/** Matern 3/2 on the scaled distance: smooth, yet it bends where trees would step. */
function similarity(a: readonly number[], b: readonly number[]): number {
  let square = 0
  for (let f = 0; f < a.length; f++) square += (a[f] - b[f]) * (a[f] - b[f])
  const distance = Math.sqrt(3 * square)
  return (1 + distance) * Math.exp(-distance)
}

function momentsOf(rows: readonly (readonly number[])[]): { readonly centres: number[]; readonly spreads: number[] } {
  const width = rows[0].length
  const centres = Array.from({ length: width }, (_, f) => rows.reduce((sum, row) => sum + row[f], 0) / rows.length)
  const spreads = centres.map((centre, f) => {
    const square = rows.reduce((sum, row) => sum + (row[f] - centre) ** 2, 0) / rows.length
    return square > 0 ? Math.sqrt(square) : 1
  })
  return { centres, spreads }
}

/** Inverse of a symmetric positive definite matrix by Cholesky's factors. */
function inverseOf(matrix: Float64Array, n: number): Float64Array {
  const lower = matrix.slice()
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < j; k++) {
      const factor = lower[j * n + k]
      for (let i = j; i < n; i++) lower[i * n + j] -= lower[i * n + k] * factor
    }
    const pivot = Math.sqrt(lower[j * n + j])
    if (!(pivot > 0)) throw new RangeError('rows are too alike for so little noise')
    for (let i = j; i < n; i++) lower[i * n + j] /= pivot
  }
  const inverse = new Float64Array(n * n)
  const column = new Float64Array(n)
  for (let c = 0; c < n; c++) {
    for (let i = 0; i < n; i++) {
      let sum = i === c ? 1 : 0
      for (let k = c; k < i; k++) sum -= lower[i * n + k] * column[k]
      column[i] = i < c ? 0 : sum / lower[i * n + i]
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = column[i]
      for (let k = i + 1; k < n; k++) sum -= lower[k * n + i] * inverse[k * n + c]
      inverse[i * n + c] = sum / lower[i * n + i]
    }
  }
  return inverse
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
