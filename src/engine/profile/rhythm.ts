/** Does a series repeat itself, and how strongly? */

/** Periods are sought from three windows up to a third of the series: less than three turns is no rhythm. */
const PERIOD_MIN = 3
const TURNS_MIN = 3
/** Shorter series say nothing. */
const LENGTH_MIN = 24

/** A series less its mean: worked out once for all lags. */
export interface Centred {
  readonly values: Float64Array
  /** Sum of their squares. */
  readonly power: number
}

export interface Rhythm {
  /** In windows. Absent: none found. */
  readonly period?: number
  /** Autocorrelation at the best period, 0 to 1. */
  readonly strength: number
}

/** @param into room for the values, at least as long as the series */
export function centre(series: Float64Array, into: Float64Array = new Float64Array(series.length)): Centred {
  const n = series.length
  const values = into.subarray(0, n)
  let mean = 0
  for (let k = 0; k < n; k++) mean += series[k] / n
  let power = 0
  for (let k = 0; k < n; k++) {
    values[k] = series[k] - mean
    power += values[k] * values[k]
  }
  return { values, power }
}

/** Autocorrelation at a lag, -1 to 1; 0 for a constant series. */
export function autocorrelation({ values, power }: Centred, lag: number): number {
  if (power <= 1e-12) return 0
  let shared = 0
  for (let k = lag; k < values.length; k++) shared += values[k - lag] * values[k]
  return shared / power
}

/** The lag with the highest autocorrelation that is a local peak and beyond what chance gives (2 / sqrt(n), Bartlett 1946).
 *  Undefined for series too short to tell. */
export function findRhythm(series: Centred): Rhythm | undefined {
  const n = series.values.length
  if (n < LENGTH_MIN) return undefined
  const lagMax = Math.floor(n / TURNS_MIN)
  let before = autocorrelation(series, PERIOD_MIN - 1)
  let here = autocorrelation(series, PERIOD_MIN)
  let best = 0
  let period = 0
  for (let lag = PERIOD_MIN; lag <= lagMax; lag++) {
    const after = autocorrelation(series, lag + 1)
    if (here > before && here >= after && here > best) {
      best = here
      period = lag
    }
    before = here
    here = after
  }
  const strength = Math.min(1, best)
  return best > 2 / Math.sqrt(n) ? { period, strength } : { strength }
}
