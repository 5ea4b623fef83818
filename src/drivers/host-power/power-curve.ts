/** Eleven points from a few that were measured. */
import type { PowerCurve } from '../../terms/host.ts'
import type { Fraction } from '../../terms/units.ts'

export interface PowerStep {
  readonly load: Fraction
  readonly watts: number
}

/** Through the steps by monotone cubic pieces (Fritsch and Carlson, SIAM J. Numer. Anal. 17(2), 1980, with the harmonic mean of
 *  neighbouring slopes): between two readings watts never leave them. Watts that fell with load are noise, and are raised to the highest
 *  before. Needs readings at 0 and at 1. Absent: there are none. */
export function curveThrough(steps: readonly PowerStep[]): PowerCurve | undefined {
  const sorted = steps.toSorted((a, b) => a.load - b.load).filter(({ load }, i, all) => load !== all[i - 1]?.load)
  if (sorted.length < 2 || sorted[0].load !== 0 || sorted[sorted.length - 1].load !== 1) return undefined
  let highest = 0
  const rising = sorted.map(({ load, watts }) => ({ load, watts: (highest = Math.max(highest, watts)) }))
  const tangents = tangentsOf(rising)
  let floor = 0
  return Array.from({ length: 11 }, (_, i) => {
    const watts = Math.round(valueAt(rising, tangents, i / 10) * 10) / 10
    return (floor = Math.max(floor, watts))
  })
}

function tangentsOf(steps: readonly PowerStep[]): readonly number[] {
  const slopes = steps.slice(1).map(({ load, watts }, i) => (watts - steps[i].watts) / (load - steps[i].load))
  return steps.map((_, i) => {
    const before = slopes[i - 1] ?? slopes[i]
    const after = slopes[i] ?? slopes[i - 1]
    return before === 0 || after === 0 ? 0 : (2 * before * after) / (before + after)
  })
}

/** Cubic Hermite piece between the steps around a load. */
function valueAt(steps: readonly PowerStep[], tangents: readonly number[], load: Fraction): number {
  const right = Math.max(
    1,
    steps.findIndex((step) => step.load >= load),
  )
  const [from, to] = [steps[right - 1], steps[right]]
  const width = to.load - from.load
  const t = (load - from.load) / width
  const h01 = t * t * (3 - 2 * t)
  const h10 = t * (1 - t) * (1 - t)
  const h11 = t * t * (t - 1)
  return from.watts * (1 - h01) + to.watts * h01 + width * (h10 * tangents[right - 1] + h11 * tangents[right])
}
