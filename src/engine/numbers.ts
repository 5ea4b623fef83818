/** Small pieces of probability that several steps need. */

/** P(Z <= x) for a standard normal. Abramowitz and Stegun (1964) 26.2.17, absolute error below 7.5e-8. */
export function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = normalDensity(x) * poly
  return x >= 0 ? 1 - tail : tail
}

export function normalDensity(x: number): number {
  return Math.exp(-0.5 * x * x) * 0.3989422804014327
}

/** The x with P(Z <= x) = p, for 0 < p < 1. Acklam (2003), relative error below 1.15e-9 without refinement. */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p)
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    const top =
      ((((-7.784894002430293e-3 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
      q
    return (
      (top + 2.938163982698783) /
      ((((7.784695709041462e-3 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1)
    )
  }
  const q = p - 0.5
  const r = q * q
  const top =
    ((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
    r
  const low =
    ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
    r
  return ((top + 2.506628277459239) * q) / (low + 1)
}

/** E[max(0, X - limit)] for X normal: the part of demand that does not fit. In the unit of `mean`. */
export function expectedExcess(mean: number, sd: number, limit: number): number {
  if (sd <= 0) return Math.max(0, mean - limit)
  const x = (limit - mean) / sd
  if (x > 8) return 0
  return sd * (normalDensity(x) - x * (1 - normalCdf(x)))
}
