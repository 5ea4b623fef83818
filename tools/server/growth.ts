/** Whether something grows: a straight line through equally spaced values, by least squares. */
export interface Growth {
  readonly mean: number
  /** From one value to the next. */
  readonly slope: number
  /** Standard error of the slope; of fewer than three values it is infinite, for they say nothing. */
  readonly error: number
}

export function growthOf(values: readonly number[]): Growth {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const middle = (n - 1) / 2
  const spread = (n * (n * n - 1)) / 12
  const slope = values.reduce((sum, value, i) => sum + (i - middle) * value, 0) / spread
  const rest = values.reduce((sum, value, i) => sum + (value - mean - slope * (i - middle)) ** 2, 0)
  const error = n < 3 ? Infinity : Math.sqrt(rest / (n - 2) / spread)
  return { mean: rounded(mean), slope: rounded(slope), error: rounded(error) }
}

/** More than chance explains (twice the standard error), and more over a day than a twentieth of what there is. */
export function isGrowing({ mean, slope, error }: Growth, steps: number): boolean {
  return slope > 2 * error && slope * steps > mean / 20
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
