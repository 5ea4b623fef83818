/** Autoregression by the Yule-Walker equations (Levinson 1947, Durbin 1960). */

/** Coefficients of a series about its mean, newest lag first; all 0 for one that does not vary. @param values without gaps */
export function fitAutoregression(
  values: Float32Array,
  order: number,
): { readonly mean: number; readonly lags: Float32Array } {
  const n = values.length
  let mean = 0
  for (const value of values) mean += value / n
  const covariances = new Float64Array(order + 1)
  for (let k = 0; k <= order; k++) {
    let sum = 0
    for (let i = k; i < n; i++) sum += (values[i] - mean) * (values[i - k] - mean)
    covariances[k] = sum / n
  }
  return { mean, lags: Float32Array.from(levinson(covariances)) }
}

function levinson(covariances: Float64Array): Float64Array {
  const order = covariances.length - 1
  const lags = new Float64Array(order)
  let error = covariances[0]
  if (!(error > 1e-12)) return lags
  // What is measured is never without noise: keeps a periodic series from an ill-conditioned fit.
  error *= 1 + 1e-4
  const before = new Float64Array(order)
  for (let k = 0; k < order; k++) {
    let reflection = covariances[k + 1]
    for (let j = 0; j < k; j++) reflection -= lags[j] * covariances[k - j]
    reflection /= error
    before.set(lags)
    lags[k] = reflection
    for (let j = 0; j < k; j++) lags[j] = before[j] - reflection * before[k - 1 - j]
    error *= 1 - reflection * reflection
    if (!(error > 1e-12)) break
  }
  return lags
}
