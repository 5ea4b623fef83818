/** How much a VM has changed, and how unlike itself it is: from a day of its own. `npm run bench -- on-board-unusual` prints how often either cries
 *  wolf on ordinary days of real VMs, and how much of what was planted it finds. */
import { medianOf } from './slot-forecast.ts'
import { HISTORY_MEASURES, type SlotHistory } from './slot-history.ts'

/** With fewer slots, nothing is ordinary yet: two hours. */
const SLOTS_MIN = 24
/** Slots that make up "lately": a quarter of an hour. */
const LATELY = 3
/** A median absolute deviation times this is the standard deviation of a Gaussian (Hampel 1974). */
const MAD_TO_DEVIATION = 1.4826
/** Changes below one hundredth of the VM's size are none, however steady it was. */
const CHANGE_SPREAD_MIN = 0.01

/** Change of the CPU: how far the last quarter of an hour lies from what was expected an hour before each of its slots, in robust standard deviations of
 *  such means over the day. Two windows, as in a control chart (Shewhart 1931), of forecast errors: what comes by the clock or by habit is no change.
 *  NaN while too little is known.
 *  @param errors of the forecast of 60 minutes, oldest first, as shares of the VM's size */
export function changeScore(errors: Float64Array): number {
  const means = errors.length - LATELY + 1
  if (means < SLOTS_MIN) return Number.NaN
  const before = new Float64Array(means - LATELY)
  for (let k = 0; k < before.length; k++) before[k] = meanFrom(errors, k)
  const median = medianOf(before)
  return (meanFrom(errors, means - 1) - median) / Math.max(CHANGE_SPREAD_MIN, deviationOf(before, median))
}

/** Deviations are taken on log(1 + x / small), because rates are skewed; what is small for each measure of the history, in its unit. */
const SMALL: readonly number[] = [0.01, 1 << 20, 4096, 4096, 4096, 4096, 10, 0.01]
/** What a slot may differ by, in natural logarithms, and still be as usual: a quarter. Counters that hardly move are not made anomalies of. */
const USUAL_MIN = 0.25
/** Share of the day's slots that are as usual by definition: the rest may have been anomalies themselves. */
const USUAL_SHARE = 0.98
/** Measures of which the highest are averaged: one alone may be a measuring error. */
const TOP = 2

/** 0 ordinary, 1 never seen. For each measure: the distance of its newest slot from the median of the day before, as a multiple of the distance that 98 of
 *  100 of the day's slots keep. The mean of the two highest, r, makes the score 1 - exp(-(r - 1)^2), 0 below 1. NaN while too little is known. */
export function anomalyScore(history: SlotHistory, scratch: Float64Array): number {
  let first = Number.NaN
  let second = Number.NaN
  for (let measure = 0; measure < HISTORY_MEASURES.length; measure++) {
    const newest = history.ago(measure, 1)
    if (newest !== newest) continue
    const series = history.series(measure, scratch)
    if (series.length <= SLOTS_MIN) continue
    const multiple = multipleOf(series, SMALL[measure])
    if (!(multiple <= first)) {
      second = first
      first = multiple
    } else if (!(multiple <= second)) second = multiple
  }
  if (first !== first) return Number.NaN
  const beyond = Math.max(0, (second === second ? (first + second) / TOP : first) - 1)
  return 1 - Math.exp(-beyond * beyond)
}

/** Sorts and overwrites the series. */
function multipleOf(series: Float64Array, small: number): number {
  for (let k = 0; k < series.length; k++) series[k] = Math.log1p(Math.max(0, series[k]) / small)
  const newest = series[series.length - 1]
  const before = series.subarray(0, series.length - 1)
  const median = medianOf(before)
  for (let k = 0; k < before.length; k++) before[k] = Math.abs(before[k] - median)
  before.sort()
  return Math.abs(newest - median) / Math.max(USUAL_MIN, before[Math.floor(USUAL_SHARE * (before.length - 1))])
}

function meanFrom(errors: Float64Array, from: number): number {
  let sum = 0
  for (let k = from; k < from + LATELY; k++) sum += errors[k]
  return sum / LATELY
}

function deviationOf(values: Float64Array, median: number): number {
  return MAD_TO_DEVIATION * medianOf(values.map((value) => Math.abs(value - median)))
}
