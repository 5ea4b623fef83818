/** How much a VM has changed, and how unlike itself it is: from a day of its five-minute means. */
import { medianOf } from './slot-forecast.ts'
import { HISTORY_MEASURES, type SlotHistory } from './slot-history.ts'

/** With fewer slots, nothing is ordinary yet: two hours. */
const SLOTS_MIN = 24
/** Slots that make up "lately": a quarter of an hour. */
const LATELY = 3
/** A median absolute deviation times this is the standard deviation of a Gaussian (Hampel 1974). */
const MAD_TO_DEVIATION = 1.4826
/** Deviations are taken on log(1 + x / small), because rates are skewed; what is small for each measure of the history, in its unit. */
const SMALL: readonly number[] = [0.01, 1 << 20, 4096, 4096, 4096, 4096, 10, 0.01]
/** A spread below this share of a natural logarithm's unit is no spread: counters that hardly move are not made anomalies of. */
const SPREAD_MIN = 0.05
/** Measures of which the highest deviations are averaged: one alone may be a measuring error. */
const TOP = 2

/** Change of the CPU: how far the mean of the last quarter of an hour lies from the median of the day before it, in robust standard deviations
 *  of such a mean, persistence counted in (a series that wanders moves its means further). NaN while too little is known. */
export function changeScore(history: SlotHistory, persistence: number, scratch: Float64Array): number {
  const series = history.series(0, scratch)
  if (series.length < SLOTS_MIN) return Number.NaN
  const lately = series.subarray(series.length - LATELY)
  const before = series.subarray(0, series.length - LATELY)
  const median = medianOf(before)
  const deviation = spreadOf(before, median)
  let mean = 0
  for (const value of lately) mean += value / LATELY
  // Variance of a mean of n values of a first-order autoregression, relative to independent ones.
  const inflation = (1 + persistence) / (1 - persistence)
  const step = Math.sqrt((deviation * deviation * Math.min(LATELY, inflation)) / LATELY)
  return step > 1e-9 ? (mean - median) / step : mean === median ? 0 : Math.sign(mean - median) * 10
}

/** 0 ordinary, 1 never seen: from the two measures whose newest slot lies furthest from their own day, in robust deviations on a logarithmic scale.
 *  Two deviations are ordinary; from there the score nears 1 as Gaussian tails would, at half speed because real tails are heavier. */
export function anomalyScore(history: SlotHistory, scratch: Float64Array): number {
  const highest: number[] = []
  HISTORY_MEASURES.forEach((_, measure) => {
    const series = history.series(measure, scratch)
    const newest = history.ago(measure, 1)
    if (series.length < SLOTS_MIN || newest !== newest) return
    for (let k = 0; k < series.length; k++) series[k] = Math.log1p(series[k] / SMALL[measure])
    const before = series.subarray(0, series.length - 1)
    const median = medianOf(before)
    highest.push(Math.abs(series[series.length - 1] - median) / Math.max(SPREAD_MIN, spreadOf(before, median)))
  })
  if (highest.length === 0) return Number.NaN
  highest.sort((a, b) => b - a)
  const top = highest.slice(0, TOP)
  const deviations = top.reduce((sum, z) => sum + z, 0) / top.length
  const beyond = Math.max(0, deviations - 2)
  return 1 - Math.exp(-0.25 * beyond * beyond)
}

/** Robust standard deviation: of the median's kind, or where more than half of the values are the same, a tenth of the mean deviation's. */
function spreadOf(values: Float64Array, median: number): number {
  const off = values.map((value) => Math.abs(value - median))
  return MAD_TO_DEVIATION * medianOf(off)
}
