/** Keeps the ledger up to the journal's end, and answers from it. The journal is read when somebody asks, from a week back the first time and from where it was
 *  left after that, a few lines at a time: other requests come between. */
import { setImmediate as breathe } from 'node:timers/promises'
import { LEDGER_MODELS } from '../../../engine/learn/models.ts'
import { DAY_MS, type EpochMs, MINUTE_MS } from '../../../terms/units.ts'
import { SLOT_MS } from '../../../terms/usage.ts'
import type { Policy } from '../../../terms/policy.ts'
import type { Clock } from '../../../world/clock.ts'
import type { Journal, SiteStore } from '../../../world/site-store.ts'
import type { SiteMoves } from '../site-answers.ts'
import { readSettings, type SiteSettings } from '../site-settings.ts'
import type { LedgerMovesView, LedgerStayView, LedgerStaysView, LedgerView } from '../views/ledger.ts'
import type { Verdict } from '../views/ledger-words.ts'
import { type DemandAsked, readDemand } from './demand-read.ts'
import { firstLineWithin, pageAfter } from './journal-place.ts'
import { LedgerBook } from './ledger-book.ts'
import { moveView, spanView } from './ledger-views.ts'
import { type BookedMove, endOf, reckon } from './moves-book.ts'
import { avoidableIn, lackedOf, stayView } from './stays-book.ts'

const LEDGER_MS = 7 * DAY_MS
/** So long the thread that all requests wait for may be busy with it at a time. */
const BUSY_MS_MAX = 10
/** Lines that are read at first, the newest: a week at a turn a minute has 13,000. */
const LINES_MOST = 60_000
/** ... and so many characters: a large site in need writes a megabyte a turn, and its ledger then begins later. `since` says when. */
const CHARACTERS_MOST = 512 * 1024 * 1024
/** Whoever left off so many lines ago begins anew. */
const BEHIND_MOST = 500
/** Figures are reckoned anew where the journal went on, and otherwise after so long: some end by time alone. */
const SHEET_MS = MINUTE_MS

export interface LedgerParts {
  readonly store: SiteStore
  readonly clock: Pick<Clock, 'now'>
  readonly moves: Pick<SiteMoves, 'numbers'>
  /** Of the journal, that are read at first. Absent: half a gigabyte. */
  readonly charactersMost?: number
}

/** What was reckoned at one instant, for all who ask until something changes. */
interface Sheet {
  readonly at: EpochMs
  readonly version: number
  readonly prices: string
  /** Of the last week, newest first. */
  readonly moves: readonly BookedMove[]
  readonly stays: readonly LedgerStayView[]
  readonly spans: Pick<LedgerView, 'day' | 'week'>
}

/** A page's place: `before` tells where the one before ended. */
export interface PageAsked {
  readonly before?: string | undefined
  readonly limit?: number | undefined
}

const PAGE = 20

export class LedgerDesk {
  private readonly parts: LedgerParts
  private book = new LedgerBook()
  /** Number of the line that is read next. */
  private next: number | undefined
  private since: EpochMs = Infinity
  private settings: SiteSettings | undefined
  private reading: Promise<void> | undefined
  /** Rises with whatever is taken into the book. */
  private version = 0
  private sheet: Sheet | undefined

  constructor(parts: LedgerParts) {
    this.parts = parts
  }

  /** Rejects with a `StoreError`, as the others do. */
  async summary(): Promise<LedgerView> {
    const { sheet, head } = await this.open()
    const { newest } = this.book
    const promises = this.parts.moves.numbers()?.promises ?? {}
    return {
      ...head,
      recordedHosts: newest?.rows.size ?? 0,
      hosts: newest?.hosts ?? 0,
      ...sheet.spans,
      ...(newest === undefined ? {} : { trust: newest.trust }),
      promises: { model: LEDGER_MODELS.promise, ...promises },
      unknown: this.unknown(),
    }
  }

  async movesPage(asked: PageAsked): Promise<LedgerMovesView> {
    const { sheet, head, policy } = await this.open()
    const { items, next } = pageOf(sheet.moves, asked, ({ order }) => ({ at: order.decidedAt, id: order.id }))
    return {
      ...head,
      moves: items.map((move) => moveView(move, policy, sheet.at)),
      ...(next === undefined ? {} : { next }),
    }
  }

  async staysPage(asked: PageAsked & { readonly verdict?: Verdict | undefined }): Promise<LedgerStaysView> {
    const { sheet, head } = await this.open()
    const stays = sheet.stays.filter(({ verdict }) => asked.verdict === undefined || verdict === asked.verdict)
    const { items, next } = pageOf(stays, asked, ({ firstAt, id }) => ({ at: firstAt, id }))
    return { ...head, stays: [...items], ...(next === undefined ? {} : { next }) }
  }

  private sheetFor(policy: Policy): Sheet {
    const { version, book, sheet } = this
    const at = this.parts.clock.now()
    const prices = JSON.stringify(policy.prices)
    const isSame = sheet?.version === version && sheet.prices === prices
    if (sheet !== undefined && isSame && at >= sheet.at && at < sheet.at + SHEET_MS) return sheet
    const moves = book.moves.list().filter(({ order }) => order.decidedAt >= at - LEDGER_MS)
    const stays = book.stays
      .list()
      .filter(({ lastAt }) => lastAt >= at - LEDGER_MS)
      .map((stay) => stayView(stay, book.stays.newestAt, at))
    const views = moves.map((move) => moveView(move, policy, at))
    const span = (ms: number) => spanView(at - ms, views, stays, book.coverage)
    this.sheet = { at, version, prices, moves, stays, spans: { day: span(DAY_MS), week: span(LEDGER_MS) } }
    return this.sheet
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
    const policy = this.settings?.policy
    if (policy === undefined) throw new Error('the ledger was opened without settings')
    const sheet = this.sheetFor(policy)
    const since = Math.max(Math.min(this.since, sheet.at), sheet.at - LEDGER_MS)
    return { sheet, policy, head: { asOf: sheet.at, since, currency: policy.prices.currency } }
  }

  private async catchUp(): Promise<void> {
    const { journal } = this.parts.store
    this.settings = await readSettings(this.parts.store, this.settings)
    let next = await this.place(journal)
    let begunAt = performance.now()
    for (let most = 1; ; ) {
      const page = await journal.from(next, most)
      for (const line of page) {
        this.since = Math.min(this.since, line.at)
        this.book.take(line)
        next = line.number + 1
        this.next = next
        this.version++
        if (performance.now() - begunAt < BUSY_MS_MAX) continue
        await breathe()
        begunAt = performance.now()
      }
      if (page.length < most) break
      most = pageAfter(page.map(({ line }) => line.length))
    }
    await this.settle()
  }

  /** Where it was left, unless nobody asked for so long that more came than is read at first: what lies between is then left out, and the book begins anew. */
  private async place(journal: Journal): Promise<number> {
    const newest = (await journal.last(1)).at(-1)?.number ?? 0
    if (this.next !== undefined && newest - this.next < BEHIND_MOST) return this.next
    const { clock, charactersMost = CHARACTERS_MOST } = this.parts
    const left = this.next === undefined ? {} : { next: this.next }
    const reach = { from: clock.now() - LEDGER_MS, ...left, linesMost: LINES_MOST, charactersMost }
    const first = await firstLineWithin(journal, reach)
    if (this.next !== undefined && first <= this.next) return this.next
    this.book = new LedgerBook()
    this.since = Infinity
    return first
  }

  /** What usage adds, of moves and stays whose time is over. */
  private async settle(): Promise<void> {
    const { moves, stays } = this.book
    const asked = [
      ...moves.unread().map((move): DemandAsked => {
        const { vmId: vm, decidedAt: from } = move.order
        return { vm, from, to: endOf(move), tell: (wantedAt) => (move.hindsight = reckon(move, wantedAt) ?? null) }
      }),
      ...stays.unread().map((stay): DemandAsked => {
        const lacked = lackedOf(stay)
        const span = { from: lacked[0].at - SLOT_MS, to: lacked[lacked.length - 1].at }
        return { vm: stay.vm ?? '', ...span, tell: (wantedAt) => (stay.avoidable = avoidableIn(stay, wantedAt)) }
      }),
    ]
    if (asked.length === 0) return
    this.version++
    await readDemand(this.parts.store.usage, asked)
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
