/** Rows of numbers as small integers, column by column: what a histogram is counted over. */

/** Values in this many bins at most, beside the one for what is absent. */
export const BINS = 64

/** Cuts of one feature, rising: a value belongs to the first bin whose cut is not below it. */
export type Cuts = Float32Array

export interface BinnedRows {
  readonly rows: number
  readonly features: number
  /** Of row `r` and feature `f` at `f * rows + r`: 0 for NaN, else 1 and more. */
  readonly bins: Uint8Array
  readonly cuts: readonly Cuts[]
}

/** Cuts between values, about as many rows in each bin. @param values `[rows x features]`, row by row */
export function binRows(values: Float32Array, features: number): BinnedRows {
  const rows = values.length / features
  const bins = new Uint8Array(rows * features)
  const cuts: Cuts[] = []
  const column = new Float32Array(rows)
  for (let f = 0; f < features; f++) {
    for (let r = 0; r < rows; r++) column[r] = values[r * features + f]
    const cut = cutsOf(column)
    for (let r = 0; r < rows; r++) bins[f * rows + r] = binOf(column[r], cut)
    cuts.push(cut)
  }
  return { rows, features, bins, cuts }
}

export function binOf(value: number, cuts: Cuts): number {
  if (Number.isNaN(value)) return 0
  let [low, high] = [0, cuts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (value <= cuts[middle]) high = middle
    else low = middle + 1
  }
  return low + 1
}

/** At most `BINS - 2`, so that a bin is left for what is above them all. */
function cutsOf(column: Float32Array): Cuts {
  const sorted = column.filter((value) => !Number.isNaN(value)).sort()
  const found: number[] = []
  for (let b = 1; b < BINS - 1; b++) {
    const at = Math.min(sorted.length - 1, Math.floor((b * sorted.length) / (BINS - 1)))
    const value = sorted[at]
    if (value !== undefined && (found.length === 0 || value > found[found.length - 1])) found.push(value)
  }
  return Float32Array.from(found)
}
