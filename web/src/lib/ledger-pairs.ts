/** What pairs of hosts taught, as rows. */
import type { MoveLedgerView } from '../../../src/apps/server/views/moves.ts'

export interface PairRow {
  readonly key: string
  readonly from: string
  readonly to: string
  /** Counted less the older they are. */
  readonly moves: number
  /** Came over promised by the model alone. Absent: nothing is known. */
  readonly total: number | undefined
  readonly downtime: number | undefined
  readonly bytes: number | undefined
  /** Of the log-odds that a move ends in time. */
  readonly shift: number
  /** The same in words. */
  readonly odds: string
}

/** The pairs with the most moves first. */
export function pairRows(pairs: MoveLedgerView['pairs']): readonly PairRow[] {
  return pairs
    .map(
      ({ from, to, total, downtime, bytes, verdicts }): PairRow => ({
        key: JSON.stringify([from, to]),
        from,
        to,
        moves: verdicts.moves,
        total: total.factor,
        downtime: downtime.factor,
        bytes: bytes.factor,
        shift: verdicts.shift,
        odds: oddsText(verdicts.shift),
      }),
    )
    .toSorted((a, b) => b.moves - a.moves || a.key.localeCompare(b.key))
}

/** A shift by less than this changes an even chance by two in a hundred at most: the logistic function has a slope of a quarter there. */
const SHIFT_LEAST = 0.1

/** What an even chance becomes. Formula: 1 / (1 + exp(-shift)). */
export function oddsText(shift: number): string {
  if (Math.abs(shift) < SHIFT_LEAST) return 'as promised'
  const chance = Math.round(100 / (1 + Math.exp(-shift)))
  return `${shift > 0 ? 'oftener' : 'more seldom'}: 50 % is ${chance} %`
}
