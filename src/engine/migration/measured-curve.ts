/** How much a VM writes in a given time, from a few windows in which it was measured. */
import type { DirtyCurve } from './copy-course.ts'

export interface CurvePoint {
  readonly seconds: number
  readonly bytes: number
}

/** Through the measured points and zero: between two of them a power of time, which is what concave curves look like on logarithmic scales;
 *  beyond the last one the power flattens as it did before, and the curve never falls.
 *  @param points at least two, by rising time, of more than no time each */
export function measuredCurve(points: readonly CurvePoint[]): DirtyCurve {
  if (points.length < 2) throw new RangeError('a curve needs two points')
  const logs = points.map(({ seconds, bytes }) => ({ at: Math.log(seconds), value: Math.log(Math.max(bytes, 1e-9)) }))
  const slopes = logs.slice(1).map((point, i) => (point.value - logs[i].value) / (point.at - logs[i].at))
  const last = points[points.length - 1]
  const lastSlope = Math.min(1, Math.max(0, slopes[slopes.length - 1]))
  return (seconds) => {
    if (seconds <= points[0].seconds) return (points[0].bytes * seconds) / points[0].seconds
    if (seconds >= last.seconds) return last.bytes * (seconds / last.seconds) ** lastSlope
    let i = 1
    while (points[i].seconds < seconds) i++
    return Math.exp(logs[i - 1].value + slopes[i - 1] * (Math.log(seconds) - logs[i - 1].at))
  }
}
