import { recordAfterStep } from '../engine/clock-step.ts'
import { afterLine, type IntentRecord, linesOf } from '../engine/migration/intent-record.ts'
import { type CallStatus, type Follow, startFollowing } from '../engine/migration/intent.ts'
import type { PastStart } from '../engine/migration/start-guards.ts'
import type { MigrationInFlight } from '../terms/cluster.ts'
import type { OrderId, VmId } from '../terms/ids.ts'
import type { MigrationIntent, MoveFigures, Sighting } from '../terms/intent.ts'
import {
  type ClockLine,
  encodeMoveLine,
  encodeMoverLine,
  encodeYieldLine,
  type MoveLine,
  type MoveStep,
  readClockLine,
  readMoveLine,
  readYieldLine,
  type YieldLine,
} from '../terms/move-record.ts'
import { ParseError } from '../terms/parse.ts'
import { DAY_MS, type EpochMs, MINUTE_MS } from '../terms/units.ts'
import type { CallEnd } from '../world/migration-driver.ts'
import type { Store } from '../world/store.ts'
import { usableFigures } from './patient-driver.ts'

/** How many moves that ended are kept in memory, and how many starts. */
const ENDED_MOST = 1000
const STARTS_MOST = 10_000
/** How many ids of orders are remembered, so that none is sent twice; the age of an order bounds it too. */
const KNOWN_MOST = 20_000
/** A move that is still open is carried forward this often: who reads a week of the journal reads of each that is open, however old. */
const CARRY_EVERY_MS = DAY_MS

/** A move that has not ended, as this process knows it. */
export interface Entry {
  readonly intent: MigrationIntent
  /** Undefined until its first line is durable. */
  record: IntentRecord | undefined
  follow: Follow
  /** This process let the one call go. It never becomes false again. */
  isSent: boolean
  /** Between intent and call: the tick leaves it alone. */
  isStarting: boolean
  isCancelled: boolean
  callEnd: CallEnd | undefined
  /** Its end by the platform's word is on record. */
  isCallEndWritten: boolean
  /** What the target had of it, where it runs there. */
  figuresThere?: MoveFigures
  progressWrittenAt: EpochMs
  /** All that is on record of it was written together the last time. */
  carriedAt: EpochMs
  /** Settles when all that was to be written before has been, or could not be. */
  lastWrite: Promise<void>
}

/** What is on record of moves, in the journal and in memory: nothing is in memory that is not durable. */
export class MoveBook {
  private readonly store: Pick<Store, 'append'>
  private readonly openById = new Map<OrderId, Entry>()
  private readonly endedMoves: IntentRecord[] = []
  private readonly knownIds = new Set<OrderId>()
  private startsMade: PastStart[] = []

  constructor(store: Pick<Store, 'append'>) {
    this.store = store
  }

  get open(): readonly Entry[] {
    return [...this.openById.values()]
  }

  /** What is open, with what is not on record yet. */
  get inFlight(): readonly MigrationInFlight[] {
    return this.open.map(({ intent: { order }, record }) => {
      const { id: orderId, vmId, from, to, decidedAt } = order
      return { orderId, vmId, from, to, startedAt: record?.recordedAt ?? decidedAt }
    })
  }

  get ended(): readonly IntentRecord[] {
    return this.endedMoves
  }

  get starts(): readonly PastStart[] {
    return this.startsMade
  }

  isKnown(id: OrderId): boolean {
    return this.knownIds.has(id)
  }

  ofVm(vmId: VmId): Entry | undefined {
    return this.open.find(({ intent }) => intent.order.vmId === vmId)
  }

  /** Reads lines of before; what has not ended is open. Lines that tell of no move are passed over.
   *  @returns the latest instant that is on record, and why the first line of a move that can't be read can't be; absent where all can */
  async adopt(
    lines: AsyncIterable<string> | Iterable<string>,
    now: EpochMs,
  ): Promise<{ readonly latest: EpochMs; readonly yields: readonly YieldLine[]; readonly unread?: string }> {
    const records = new Map<OrderId, IntentRecord>()
    const yields = new Map<VmId, YieldLine>()
    let number = 0
    let unread: string | undefined
    let latest = 0
    for await (const text of lines) {
      const line = readOr(text, `journal:${number++}`)
      if (typeof line === 'string') unread ??= line
      if (line === undefined || typeof line === 'string') continue
      latest = Math.max(latest, line.at)
      if ('steppedMs' in line) {
        for (const [id, record] of records) records.set(id, recordAfterStep(record, line.steppedMs))
        for (const [vmId, one] of yields)
          yields.set(vmId, { ...one, at: one.at + line.steppedMs, until: one.until + line.steppedMs })
        this.setPastForward(line.steppedMs)
        continue
      }
      if ('until' in line) {
        yields.set(line.vmId, line)
        continue
      }
      const record = afterLine(records.get(line.orderId), line)
      if (record === undefined) continue
      this.noteLine(record, line)
      if (record.closed === undefined) records.set(line.orderId, record)
      else if (records.delete(line.orderId)) this.keepEnded(record)
    }
    for (const record of records.values()) {
      const entry = newEntry(record.intent, now)
      entry.record = record
      entry.carriedAt = record.recordedAt
      entry.follow = { ...entry.follow, isPostCopy: record.progress?.told.isPostCopy === true }
      entry.isCallEndWritten = record.call !== undefined
      this.openById.set(record.intent.order.id, entry)
    }
    const standing = [...yields.values()].filter(({ until }) => until > now)
    return { latest, yields: standing, ...(unread === undefined ? {} : { unread }) }
  }

  /** The clock was set: what is on record is as long ago as it was, and what was seen of moves under way is looked at anew. On record it stays as it was
   *  written; a line of the journal says by how much the clock was set. @param steppedMs forward; 0: back */
  clockStepped(steppedMs: number, now: EpochMs): void {
    for (const entry of this.openById.values()) {
      if (entry.record !== undefined) entry.record = recordAfterStep(entry.record, steppedMs)
      const { isPostCopy, leastBytes } = entry.follow
      // How long it has not got less is counted anew as well.
      entry.follow = {
        ...startFollowing(now),
        isPostCopy,
        ...(leastBytes === undefined ? {} : { leastBytes, leastSince: now }),
      }
      entry.progressWrittenAt += steppedMs
      // A journal forgets by the clock too: once it says by how much that was set, all that is open is written anew.
      if (steppedMs > 0) entry.carriedAt = Math.min(entry.carriedAt + steppedMs, now - CARRY_EVERY_MS + MINUTE_MS)
    }
    this.setPastForward(steppedMs)
  }

  private setPastForward(steppedMs: number): void {
    this.startsMade = this.startsMade.map((start) => ({ ...start, at: start.at + steppedMs }))
    this.endedMoves.forEach((record, i) => {
      this.endedMoves[i] = recordAfterStep(record, steppedMs)
    })
  }

  /** A place is taken at once, so that two orders can't have the last one. */
  reserve(intent: MigrationIntent, now: EpochMs): Entry {
    const entry = newEntry(intent, now)
    entry.isStarting = true
    this.openById.set(intent.order.id, entry)
    this.remember(intent.order.id)
    return entry
  }

  /** The first line could not be written: there was no such move. */
  giveBack(entry: Entry): void {
    this.openById.delete(entry.intent.order.id)
  }

  /** Writes one step, and takes it over once it is durable. Steps of one move are written one after the other. Rejects as the store does, and then nothing
   *  has changed. Undefined: there is nothing to go on with, for its intent is not durable yet, or it has ended. */
  write(entry: Entry, step: MoveStep, at: EpochMs): Promise<IntentRecord | undefined> {
    const written = entry.lastWrite.then(() => this.writeNow(entry, step, at))
    entry.lastWrite = written.then(
      () => undefined,
      () => undefined,
    )
    return written
  }

  /** Writes what is on record of a move anew, if that was long ago. Rejects as the store does. Undefined: nothing was written. */
  carry(entry: Entry, at: EpochMs): Promise<true | undefined> {
    if (at - entry.carriedAt < CARRY_EVERY_MS) return Promise.resolve(undefined)
    const carried = entry.lastWrite.then(async () => {
      if (entry.record === undefined || entry.record.closed !== undefined) return undefined
      for (const line of linesOf(entry.record)) await this.store.append(encodeMoveLine(line))
      entry.carriedAt = at
      return true as const
    })
    entry.lastWrite = carried.then(
      () => undefined,
      () => undefined,
    )
    return carried
  }

  /** Rejects as the store does. */
  async writeYield(line: YieldLine): Promise<true> {
    await this.store.append(encodeYieldLine(line))
    return true
  }

  /** Is a line taken? Rejects as the store does. */
  async tryJournal(at: EpochMs): Promise<true> {
    await this.store.append(encodeMoverLine(at, 'The journal took no line, and takes lines again.'))
    return true
  }

  private async writeNow(entry: Entry, step: MoveStep, at: EpochMs): Promise<IntentRecord | undefined> {
    if ((entry.record === undefined) !== (step.step === 'intent') || entry.record?.closed !== undefined)
      return undefined
    const line: MoveLine = { ...step, orderId: entry.intent.order.id, at }
    await this.store.append(encodeMoveLine(line))
    const record = afterLine(entry.record, line)
    entry.record = record
    if (record === undefined) return undefined
    this.noteLine(record, line)
    if (record.closed !== undefined && this.openById.delete(line.orderId)) this.keepEnded(record)
    return record
  }

  private noteLine({ intent: { order } }: IntentRecord, line: MoveLine): void {
    this.remember(order.id)
    if (line.step !== 'sending' || this.startsMade.some(({ orderId }) => orderId === order.id)) return
    const { id: orderId, vmId, from, to, class: moveClass } = order
    const start = { orderId, vmId, from, to, class: moveClass, at: line.at }
    this.startsMade = [...this.startsMade.filter(({ at }) => line.at - at < DAY_MS), start].slice(-STARTS_MOST)
  }

  private keepEnded(record: IntentRecord): void {
    this.endedMoves.push(record)
    if (this.endedMoves.length > ENDED_MOST) this.endedMoves.shift()
  }

  private remember(id: OrderId): void {
    this.knownIds.add(id)
    for (const oldest of this.knownIds) {
      if (this.knownIds.size <= KNOWN_MOST) break
      this.knownIds.delete(oldest)
    }
  }
}

/** Where the one call of a move is. */
export function callStatus({ isSent, callEnd, record }: Entry): CallStatus {
  if (callEnd !== undefined) return callEnd.kind
  return isSent ? 'pending' : (record?.call?.kind ?? 'not-ours')
}

/** Keeps what a target has of a move: who took it over was not told when the call ended. */
export function noteFigures(entry: Entry, destination: Sighting): void {
  if (destination.kind !== 'seen' || destination.figures === undefined) return
  entry.figuresThere = usableFigures(destination.figures)
}

/** What the platform measured, or what was seen on the way where it told nothing. Absent: neither. */
export function figuresOf({ callEnd, record, figuresThere }: Entry): { readonly figures?: MoveFigures } {
  const figures = callEnd?.figures ?? record?.call?.figures ?? figuresThere
  return figures === undefined ? {} : { figures }
}

/** A line of a move, undefined for another line, or why it can't be read. */
function readOr(text: string, place: string): MoveLine | YieldLine | ClockLine | string | undefined {
  try {
    return readMoveLine(text, place) ?? readYieldLine(text, place) ?? readClockLine(text, place)
  } catch (error) {
    if (error instanceof ParseError) return error.message
    throw error
  }
}

export function recordOf({ record, intent }: Entry): IntentRecord {
  if (record === undefined) throw new Error(`The intent of ${intent.order.id} is not on record.`)
  return record
}

function newEntry(intent: MigrationIntent, now: EpochMs): Entry {
  return {
    intent,
    record: undefined,
    follow: startFollowing(now),
    isSent: false,
    isStarting: false,
    isCancelled: false,
    callEnd: undefined,
    isCallEndWritten: false,
    progressWrittenAt: now,
    carriedAt: now,
    lastWrite: Promise.resolve(),
  }
}

/** Why nobody may touch its VM and its hosts. */
export function reasonFrozen({ frozen, intent: { order } }: IntentRecord): string {
  return `${frozen?.reason ?? 'unknown'} since the move of ${order.vmId} from ${order.from} to ${order.to}`
}
