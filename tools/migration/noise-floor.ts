/** What nobody can promise better: how far moves with the same settings, one after the other, are from each other. */
import type { FinishedMove } from './finished-moves.ts'

export interface NoiseFloor {
  readonly total: number
  readonly downtime: number
  readonly bytes: number
  readonly groups: number
}

/** Median distance from the group's median, in percent, over groups of at least three repeats. */
export function noiseFloor(moves: readonly FinishedMove[]): NoiseFloor {
  const groups = Map.groupBy(
    moves.filter(({ ended }) => ended !== undefined),
    ({ group }) => group,
  )
  const repeated = [...groups.values()].filter((members) => members.length >= 3)
  const of = (figure: (ended: NonNullable<FinishedMove['ended']>) => number): number => {
    const distances = repeated.flatMap((members) => {
      const values = members.flatMap(({ ended }) => (ended === undefined ? [] : [figure(ended)]))
      const middle = medianOf(values)
      return values.map((value) => 100 * Math.abs(value / middle - 1))
    })
    return medianOf(distances)
  }
  return {
    total: of(({ totalMs }) => totalMs),
    downtime: of(({ downtimeMs }) => downtimeMs),
    bytes: of(({ bytesMib }) => bytesMib),
    groups: repeated.length,
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
