/** Promised against real, for single moves: what was promised before the start is kept, set against the figures of the end, and corrects the next promise
 *  between the same two hosts. State in, state out. */
import type { MoveFigures } from '../../terms/intent.ts'
import type { HostId, OrderId } from '../../terms/ids.ts'
import type { MigrationMode } from '../../terms/move-facts.ts'
import { type Fraction, MiB } from '../../terms/units.ts'
import type { MovePromise } from '../migration/cost-model.ts'
import { correctPromise, learnMove, newPair, type PairLearning } from '../migration/pair-learning.ts'

/** Promises that wait for their end; more than moves at a time by far. */
const OPEN_MAX = 1000
/** Ended moves that sums are made of. */
const ENTRIES_MAX = 1000

/** A promise on its way to be kept or not. */
export interface OpenMove {
  readonly orderId: OrderId
  readonly from: HostId
  readonly to: HostId
  readonly mode: MigrationMode
  /** As the pair's moves corrected it: what was told. */
  readonly told: MovePromise
  /** As the model gave it: what the pair learns from. */
  readonly model: MovePromise
}

/** One move that ended, as it is summed up. */
export interface LedgerEntry {
  readonly orderId: OrderId
  /** Absent: the platform told no figure, or the move did not end. */
  readonly total?: FigureCheck
  readonly downtime?: FigureCheck
  readonly bytes?: FigureCheck
  readonly pConverge: Fraction
  readonly hasEnded: boolean
}

/** One figure against its promise. */
export interface FigureCheck {
  /** Actual over promised. */
  readonly ratio: number
  /** It lay within the range promised for eight of ten. */
  readonly isInRange: boolean
}

export interface MoveLedger {
  /** What each pair of hosts taught, by `pairKey`. */
  readonly pairs: ReadonlyMap<string, PairLearning>
  readonly open: ReadonlyMap<OrderId, OpenMove>
  /** Newest last. */
  readonly entries: readonly LedgerEntry[]
}

export const EMPTY_LEDGER: MoveLedger = { pairs: new Map(), open: new Map(), entries: [] }

/** Hosts by name and direction. */
export function pairKey(from: HostId, to: HostId): string {
  return `${from} ${to}`
}

/** The model's promise as the moves between the two hosts correct it. */
export function promiseFor(
  ledger: MoveLedger,
  route: { readonly from: HostId; readonly to: HostId },
  model: MovePromise,
): MovePromise {
  const pair = ledger.pairs.get(pairKey(route.from, route.to))
  return pair === undefined ? model : correctPromise(pair, model)
}

/** Keeps what was promised, before the move is begun. The oldest is let go where too many wait. */
export function openMove(ledger: MoveLedger, move: OpenMove): MoveLedger {
  const open = new Map(ledger.open)
  open.delete(move.orderId)
  open.set(move.orderId, move)
  for (const oldest of open.keys()) {
    if (open.size <= OPEN_MAX) break
    open.delete(oldest)
  }
  return { ...ledger, open }
}

/** How a move ended. */
export interface RealEnd {
  /** `ended`: the VM runs on its target. `gave-up`: time was up, or it stood still. `other`: cancelled by a person, refused, a host died; which says nothing
   *  of the promise. */
  readonly kind: 'ended' | 'gave-up' | 'other'
  /** Absent: the platform told nothing. */
  readonly figures?: MoveFigures
}

/** Sets a promise against its end. An order of which no promise is kept, and one told a second time, changes nothing. */
export function closeMove(ledger: MoveLedger, orderId: OrderId, end: RealEnd): MoveLedger {
  const move = ledger.open.get(orderId)
  if (move === undefined) return ledger
  const open = new Map(ledger.open)
  open.delete(orderId)
  if (end.kind === 'other') return { ...ledger, open }
  const hasEnded = end.kind === 'ended'
  const { totalMs, downtimeMs, copiedBytes } = hasEnded ? (end.figures ?? {}) : {}
  const bytesMib = copiedBytes === undefined ? undefined : copiedBytes / MiB
  const key = pairKey(move.from, move.to)
  const pair = learnMove(ledger.pairs.get(key) ?? newPair(), move.model, {
    ended: hasEnded,
    ...(totalMs === undefined ? {} : { totalMs }),
    ...(downtimeMs === undefined ? {} : { downtimeMs }),
    ...(bytesMib === undefined ? {} : { bytesMib }),
  })
  const { told } = move
  const entry: LedgerEntry = {
    orderId,
    ...checked('total', told.totalMs, told.totalMsRange, totalMs),
    ...checked('downtime', told.downtimeMs, told.downtimeMsRange, downtimeMs),
    ...checked('bytes', told.bytesMib, told.bytesMibRange, bytesMib),
    pConverge: told.pConverge,
    hasEnded,
  }
  return { pairs: new Map(ledger.pairs).set(key, pair), open, entries: [...ledger.entries, entry].slice(-ENTRIES_MAX) }
}

function checked(
  name: 'total' | 'downtime' | 'bytes',
  promised: number,
  [low, high]: readonly [number, number],
  actual: number | undefined,
): Partial<LedgerEntry> {
  if (actual === undefined || !(actual > 0) || !(promised > 0)) return {}
  return { [name]: { ratio: actual / promised, isInRange: actual >= low && actual <= high } }
}

/** How good the promises were, for people. */
export interface LedgerSums {
  readonly moves: number
  readonly total?: FigureSums
  readonly downtime?: FigureSums
  readonly bytes?: FigureSums
  /** Moves on the wrong side of an even chance: begun though it said no, or not ended though it said yes. */
  readonly wrongVerdicts: number
}

export interface FigureSums {
  readonly moves: number
  /** Median of |actual / promised - 1|. */
  readonly medianError: Fraction
  /** Share within the range that was promised for eight of ten. */
  readonly coverage: Fraction
}

export function sumUp({ entries }: MoveLedger): LedgerSums {
  const of = (name: 'total' | 'downtime' | 'bytes'): Partial<LedgerSums> => {
    const checks = entries.flatMap((entry) => entry[name] ?? [])
    if (checks.length === 0) return {}
    const errors = checks.map(({ ratio }) => Math.abs(ratio - 1)).toSorted((a, b) => a - b)
    const middle = (errors.length - 1) / 2
    const medianError = (errors[Math.floor(middle)] + errors[Math.ceil(middle)]) / 2
    const coverage = checks.filter(({ isInRange }) => isInRange).length / checks.length
    return { [name]: { moves: checks.length, medianError, coverage } }
  }
  const wrongVerdicts = entries.filter(({ pConverge, hasEnded }) => pConverge >= 0.5 !== hasEnded).length
  return { moves: entries.length, ...of('total'), ...of('downtime'), ...of('bytes'), wrongVerdicts }
}
