/** Keeps the ledger up to the journal's end, and answers from it. The journal is read when somebody asks, from a week back the first time and from where it was
 *  left after that, a few lines at a time: other requests come between. */
import { setImmediate as breathe } from 'node:timers/promises'
import { parseVmId } from '../../../terms/ids.ts'
import { LEDGER_MODELS } from '../../../engine/learn/models.ts'
import { DAY_MS, type EpochMs } from '../../../terms/units.ts'
import { SLOT_MS } from '../../../terms/usage.ts'
import type { Clock } from '../../../world/clock.ts'
import type { Journal, SiteStore } from '../../../world/site-store.ts'
import type { SiteMoves } from '../site-answers.ts'
import { readSettings, type SiteSettings } from '../site-settings.ts'
import type { LedgerMovesView, LedgerStaysView, LedgerView } from '../views/ledger.ts'
import type { Verdict } from '../views/ledger-words.ts'
import { LedgerBook } from './ledger-book.ts'
import { moveView, spanView } from './ledger-views.ts'
import { endOf, reckon } from './moves-book.ts'
import { avoidableIn, lackedOf, stayView } from './stays-book.ts'

export const LEDGER_MS = 7 * DAY_MS
/** Lines of turns are long on a large site: few are held at a time. */
const CHUNK = 50
/** So long the thread that all requests wait for may be busy with it at a time. */
const BUSY_MS_MAX = 10
/** Lines that are read at first, the newest: a week at a turn a minute has 13,000. */
const LINES_MOST = 60_000

export interface LedgerParts {
  readonly store: SiteStore
  readonly clock: Pick<Clock, 'now'>
  readonly moves: Pick<SiteMoves, 'numbers'>
}

/** A page's place: `before` tells where the one before ended. */
export interface PageAsked {
  readonly before?: string | undefined
  readonly limit?: number | undefined
}

const PAGE = 20

export class LedgerDesk {
  private readonly parts: LedgerParts
  private readonly book = new LedgerBook()
  /** Number of the line that is read next. */
  private next: number | undefined
  private since: EpochMs = Infinity
  private settings: SiteSettings | undefined
  private reading: Promise<void> | undefined

  constructor(parts: LedgerParts) {
    this.parts = parts
  }

  /** Rejects with a `StoreError`, as the others do. */
  async summary(): Promise<LedgerView> {
    const { now, head, policy } = await this.open()
    const { book } = this
    const moves = this.bookedSince(now).map((move) => moveView(move, policy, now))
    const stays = this.staysSince(now)
    const { newest } = book
    const promises = this.parts.moves.numbers()?.promises ?? {}
    const span = (ms: number) => spanView(now - ms, moves, stays, book.coverage)
    return {
      ...head,
      recordedHosts: newest?.rows.size ?? 0,
      hosts: newest?.hosts ?? 0,
      day: span(DAY_MS),
      week: span(LEDGER_MS),
      ...(newest === undefined ? {} : { trust: newest.trust }),
      promises: { model: LEDGER_MODELS.promise, ...promises },
      unknown: this.unknown(),
    }
  }

  async movesPage(asked: PageAsked): Promise<LedgerMovesView> {
    const { now, head, policy } = await this.open()
    const { items, next } = pageOf(this.bookedSince(now), asked, ({ order }) => ({ at: order.decidedAt, id: order.id }))
    return { ...head, moves: items.map((move) => moveView(move, policy, now)), ...(next === undefined ? {} : { next }) }
  }

  async staysPage(asked: PageAsked & { readonly verdict?: Verdict | undefined }): Promise<LedgerStaysView> {
    const { now, head } = await this.open()
    const stays = this.staysSince(now).filter(({ verdict }) => asked.verdict === undefined || verdict === asked.verdict)
    const { items, next } = pageOf(stays, asked, ({ firstAt, id }) => ({ at: firstAt, id }))
    return { ...head, stays: [...items], ...(next === undefined ? {} : { next }) }
  }

  private bookedSince(now: EpochMs) {
    return this.book.moves.list().filter(({ order }) => order.decidedAt >= now - LEDGER_MS)
  }

  private staysSince(now: EpochMs) {
    const { stays } = this.book
    return stays
      .list()
      .filter(({ lastAt }) => lastAt >= now - LEDGER_MS)
      .map((stay) => stayView(stay, stays.newestAt, now))
  }

  private unknown(): string[] {
    const said: string[] = []
    const { newest, unreadable } = this.book
    if (newest === undefined) said.push('No forecast was kept yet: the first is with the first turn of a slot.')
    else if (newest.rows.size < newest.hosts)
      said.push(
        `Forecasts of ${newest.rows.size} of ${newest.hosts} hosts are kept: a sample that stays the same, and hosts on which contention was foreseen.`,
      )
    if (unreadable > 0)
      said.push(`${unreadable} lines of the journal could not be read: \`ethos store check\` says more.`)
    return said
  }

  /** Reads on, once for all who ask at a time. */
  private async open() {
    this.reading ??= this.catchUp().finally(() => {
      this.reading = undefined
    })
    await this.reading
    const now = this.parts.clock.now()
    const policy = this.settings?.policy
    if (policy === undefined) throw new Error('the ledger was opened without settings')
    const since = Math.max(Math.min(this.since, now), now - LEDGER_MS)
    return { now, policy, head: { asOf: now, since, currency: policy.prices.currency } }
  }

  private async catchUp(): Promise<void> {
    const { journal } = this.parts.store
    this.settings = await readSettings(this.parts.store, this.settings)
    this.next ??= await this.firstLine(journal)
    let begunAt = performance.now()
    for (;;) {
      const page = await journal.from(this.next, CHUNK)
      for (const line of page) {
        this.since = Math.min(this.since, line.at)
        this.book.take(line)
        this.next = line.number + 1
        if (performance.now() - begunAt < BUSY_MS_MAX) continue
        await breathe()
        begunAt = performance.now()
      }
      if (page.length < CHUNK) break
    }
    await this.settle()
  }

  /** The first line of the last week: lines are looked at by halving, for their instants rise. */
  private async firstLine(journal: Journal): Promise<number> {
    const newest = (await journal.last(1)).at(-1)
    if (newest === undefined) return 0
    const from = this.parts.clock.now() - LEDGER_MS
    let low = Math.max(0, newest.number - LINES_MOST)
    let high = newest.number
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const line = (await journal.from(middle, 1)).at(0)
      if (line !== undefined && line.at < from) low = Math.max(middle, line.number) + 1
      else high = middle
    }
    return low
  }

  /** What usage adds, of moves and stays whose time is over. */
  private async settle(): Promise<void> {
    const { book } = this
    for (const move of book.moves.unread()) {
      const wantedAt = await this.usageOf(move.order.vmId, move.order.decidedAt, endOf(move))
      move.hindsight = reckon(move, wantedAt) ?? null
    }
    for (const stay of book.stays.unread()) {
      const lacked = lackedOf(stay)
      const wantedAt = await this.usageOf(stay.vm ?? '', lacked[0].at - SLOT_MS, lacked[lacked.length - 1].at)
      stay.avoidable = avoidableIn(stay, wantedAt)
    }
  }

  /** What a VM wanted in the slot that ends at an instant. */
  private async usageOf(vm: string, from: EpochMs, to: EpochMs): Promise<(at: EpochMs) => number> {
    const { firstSlotAt, mean } = await this.parts.store.usage.series(parseVmId(vm), { from, to: to + SLOT_MS })
    return (at) => mean.cpu?.[Math.round((at - SLOT_MS - firstSlotAt) / SLOT_MS)] ?? NaN
  }
}

/** Where an item stands: newest first, and of one instant by id downwards. */
interface Place {
  readonly at: EpochMs
  readonly id: string
}

/** A page of what is sorted so. A `before` that is none gives the first page: nobody is let see more by it. */
function pageOf<T>(
  all: readonly T[],
  { before, limit = PAGE }: PageAsked,
  placeOf: (item: T) => Place,
): { readonly items: readonly T[]; readonly next?: string } {
  const [, at, id = ''] = /^(\d{1,16}) (.*)$/.exec(Buffer.from(before ?? '', 'base64url').toString()) ?? []
  const isAfter = (place: Place): boolean => place.at < Number(at) || (place.at === Number(at) && place.id < id)
  const rest = at === undefined ? all : all.filter((item) => isAfter(placeOf(item)))
  const items = rest.slice(0, limit)
  const last = items.at(-1)
  if (last === undefined || limit >= rest.length) return { items }
  const place = placeOf(last)
  return { items, next: Buffer.from(`${place.at} ${place.id}`).toString('base64url') }
}
