/** Each move from its order to what came of it, as the journal tells it. */
import { type HostWindow, lookBackOn, type MoveHindsight, type MoveWindow } from '../../../engine/learn/hindsight.ts'
import type { OpenMove } from '../../../engine/learn/move-ledger.ts'
import { parseOpenMove } from '../../../engine/learn/move-ledger-codec.ts'
import { afterLine, type IntentRecord } from '../../../engine/migration/intent-record.ts'
import { type MigrationOrder, type Outcome, parseMigrationOrder, parseOutcome } from '../../../terms/move.ts'
import { readMoveLine } from '../../../terms/move-record.ts'
import { type Fields, parseFields, parseList, parseNumber, parseText } from '../../../terms/parse.ts'
import { type EpochMs, HOUR_MS } from '../../../terms/units.ts'
import type { Foresight } from './foresight-read.ts'
import type { HostPast } from './host-past.ts'

/** Newest moves that are kept. */
const MOVES_MAX = 5000
/** Slots that one is followed through: those of a day. */
const WINDOWS_MAX = 288
/** Hosts that it is compared with: as many as are told of an order. */
const OTHERS_MAX = 5

/** A slot after the move had ended, without what the VM wanted. */
type Slot = Omit<MoveWindow, 'wanted'> & { readonly at: EpochMs }

export interface BookedMove {
  readonly order: MigrationOrder
  /** When the span ends that its gain was promised for. */
  settleAt?: EpochMs
  record?: IntentRecord
  /** As it was promised before its start. */
  told?: OpenMove['told']
  outcome?: Outcome
  /** Other hosts that would have done as it began. Undefined: nobody told. */
  others?: readonly string[]
  /** Probability of contention on its source when it was ordered. */
  foreseen?: { readonly model: string; readonly contention: number }
  /** Of its source, in reference cores. */
  readonly fromCapacity?: number
  /** The VM was moved on. */
  movedOnAt?: EpochMs
  readonly slots: Slot[]
  windowMs: number
  highFraction: number
  /** `null`: its VM was not measured in any slot. Undefined: it was not reckoned yet. */
  hindsight?: MoveHindsight | null
}

export class MovesBook {
  private readonly all = new Map<string, BookedMove>()
  private latest: Foresight | undefined

  /** What a turn ordered, and what it settled. Throws a `ParseError`. */
  takeTurn(fields: Fields, past: HostPast): void {
    const settleAt = settlesOf(fields)
    for (const value of parseList(fields['orders'] ?? [], 'orders')) {
      const move = this.book(parseMigrationOrder(value), past)
      const at = settleAt.get(move.order.id)
      if (at !== undefined) move.settleAt = at
    }
    for (const value of parseList(fields['events'] ?? [], 'events')) {
      const { kind, outcome } = parseFields(value, 'event')
      if (kind !== 'outcome-settled') continue
      const settled = parseOutcome(outcome)
      const move = this.all.get(settled.orderId)
      if (move !== undefined) move.outcome = settled
    }
  }

  /** A step of a move that is carried out. Throws a `ParseError`. */
  takeStep(line: string, past: HostPast): void {
    const step = readMoveLine(line)
    if (step === undefined) return
    const known = step.step === 'intent' ? this.book(step.intent.order, past) : this.all.get(step.orderId)
    if (known === undefined) return
    const record = afterLine(known.record, step)
    if (record !== undefined) known.record = record
    if (step.step !== 'sending') return
    for (const other of this.all.values())
      if (other !== known && other.order.vmId === known.order.vmId && isDone(other)) other.movedOnAt ??= step.at
  }

  /** What was promised, as the pair of hosts corrected it. Throws a `ParseError`. */
  takePromise(fields: Fields): void {
    if (fields['open'] === undefined) return
    const open = parseOpenMove(fields['open'], 'promise')
    const move = this.all.get(open.orderId)
    if (move !== undefined) move.told = open.told
  }

  /** What else there was as an order began. Throws a `ParseError`. */
  takeGrounds(fields: Fields): void {
    const move = this.all.get(parseText(fields['orderId'], 'grounds.orderId'))
    if (move === undefined) return
    const { from, to } = move.order
    const { alternatives } = parseFields(fields['grounds'], 'grounds')
    move.others = parseList(alternatives, 'grounds.alternatives')
      .map((one) => parseText(parseFields(one, 'grounds')['host'], 'grounds.host'))
      .filter((host) => host !== from && host !== to)
      .slice(0, OTHERS_MAX)
  }

  /** Follows moves that have ended. */
  take(foresight: Foresight): void {
    this.latest = foresight
    const { at, windowMs, highFraction, rows, hosts } = foresight
    for (const move of this.all.values()) {
      if (!isFollowed(move, at, windowMs)) continue
      // Where all hosts with VMs are recorded, one that is not has none.
      const from = rows.get(move.order.from) ?? (rows.size === hosts ? emptied(move) : undefined)
      const to = rows.get(move.order.to)
      if (from === undefined || to === undefined) continue
      move.slots.push({ at, from, to, others: (move.others ?? []).map((host) => rows.get(host)) })
      Object.assign(move, { windowMs, highFraction })
    }
  }

  /** Newest first. */
  list(): readonly BookedMove[] {
    return [...this.all.values()].sort(
      (a, b) => b.order.decidedAt - a.order.decidedAt || (a.order.id < b.order.id ? 1 : -1),
    )
  }

  /** Those whose span is over and that were not reckoned. */
  unread(): readonly BookedMove[] {
    const at = this.latest?.at ?? -Infinity
    return [...this.all.values()].filter(
      (move) => move.hindsight === undefined && move.slots.length > 0 && endOf(move) <= at,
    )
  }

  private book(order: MigrationOrder, past: HostPast): BookedMove {
    const known = this.all.get(order.id)
    if (known !== undefined) return known
    const row = past.of(order.from).findLast(({ at }) => at <= order.decidedAt)
    const contention = row?.contention ?? NaN
    const model = this.latest?.models.contention
    const move: BookedMove = {
      order,
      ...(model === undefined || Number.isNaN(contention) ? {} : { foreseen: { model, contention } }),
      ...(row === undefined ? {} : { fromCapacity: row.capacity }),
      slots: [],
      windowMs: NaN,
      highFraction: NaN,
    }
    this.all.set(order.id, move)
    for (const oldest of this.all.keys()) {
      if (this.all.size <= MOVES_MAX) break
      this.all.delete(oldest)
    }
    return move
  }
}

/** The source, when nothing runs there any more. */
function emptied({ fromCapacity = Infinity }: BookedMove): HostWindow {
  return { demand: 0, capacity: fromCapacity }
}

export function isDone({ record }: BookedMove): boolean {
  return record?.closed?.state === 'done'
}

/** When the span ends over which a move is looked at. */
export function endOf({ order, settleAt, movedOnAt }: BookedMove): EpochMs {
  return Math.min(settleAt ?? order.decidedAt + HOUR_MS, movedOnAt ?? Infinity)
}

/** Whole slots between the end of the copy and the end of the span. */
function isFollowed(move: BookedMove, at: EpochMs, windowMs: number): boolean {
  const { record, slots } = move
  if (!isDone(move) || record?.closed === undefined || slots.length >= WINDOWS_MAX) return false
  const arrivedAt = record.seenAt ?? record.closed.at
  return at - windowMs >= arrivedAt && at <= endOf(move) && at > (slots.at(-1)?.at ?? -Infinity)
}

/** @param wantedAt what its VM wanted in the slot that ends at an instant; NaN: nobody measured it */
export function reckon(move: BookedMove, wantedAt: (at: EpochMs) => number): MoveHindsight | undefined {
  const { slots, windowMs, highFraction } = move
  return lookBackOn(
    slots.map(({ at, ...slot }) => ({ ...slot, wanted: wantedAt(at) })),
    { windowMs, highFraction },
  )
}

/** Of the promises that a turn kept, when each is settled. */
function settlesOf(fields: Fields): ReadonlyMap<string, EpochMs> {
  const kept = fields['kept'] === undefined ? {} : parseFields(fields['kept'], 'kept')
  const promises = parseList(kept['promises'] ?? [], 'kept.promises').map((one) => parseFields(one, 'kept.promises'))
  return new Map(
    promises.map((promise) => [
      parseText(parseFields(promise['order'], 'kept.order')['id'], 'kept.order.id'),
      parseNumber(promise['settleAt'], 'kept.settleAt'),
    ]),
  )
}
