/** Does a series repeat itself, and how strongly? */

/** Periods are sought from three windows up to a third of the series: less than three turns is no rhythm. */
const PERIOD_MIN = 3
const TURNS_MIN = 3
/** Shorter series say nothing. */
const LENGTH_MIN = 24

export interface Rhythm {
  /** In windows. Absent: none found. */
  readonly period?: number
  /** Autocorrelation at the best period, 0 to 1. */
  readonly strength: number
}

/** Autocorrelation at a lag, -1 to 1; 0 for a constant series. */
export function autocorrelation(series: Float64Array, lag: number): number {
  const n = series.length
  if (n <= lag) return 0
  let mean = 0
  for (let k = 0; k < n; k++) mean += series[k] / n
  let own = 0
  let shared = 0
  for (let k = 0; k < n; k++) {
    const centred = series[k] - mean
    own += centred * centred
    if (k + lag < n) shared += centred * (series[k + lag] - mean)
  }
  return own > 1e-12 ? shared / own : 0
}

/** The lag with the highest autocorrelation that is a local peak and beyond what chance gives (2 / sqrt(n), Bartlett 1946).
 *  Undefined for series too short to tell. */
export function findRhythm(series: Float64Array): Rhythm | undefined {
  const n = series.length
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
  return best > 2 / Math.sqrt(n)
    ? { period, strength: Math.min(1, best) }
    : { strength: Math.max(0, Math.min(1, best)) }
}
