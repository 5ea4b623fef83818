/** What was not done, by VM, host and reason, and what then came on the host. */
import { above, avoidableBy } from '../../../engine/learn/hindsight.ts'
import { hashText } from '../../../terms/luck.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../../terms/units.ts'
import type { LedgerStayView } from '../views/ledger.ts'
import type { Verdict } from '../views/ledger-words.ts'
import type { Foresight, HostRow } from './foresight-read.ts'
import { type HostPast, isContended } from './host-past.ts'

/** Turns further apart are two spans of the same reason. */
const GAP_MS = 15 * MINUTE_MS
/** Newest spans that are kept. */
const STAYS_MAX = 5000
/** A sentence of a turn is cut to this. */
const TEXT_LENGTH_MAX = 300
/** Where so small a share of the slots was recorded, nobody can say that nothing came. */
const RECORDED_SHARE_MIN = 0.5
/** What has not been recorded so long after it would have come never will be. */
const GIVEN_UP_MS = HOUR_MS

/** One stay as a turn tells of it. */
export interface StayTold {
  readonly vm?: string
  readonly host: string
  readonly reason: string
  readonly text?: string
  readonly vms?: number
}

/** A span of them. */
export interface Stay extends StayTold {
  readonly id: string
  readonly firstAt: EpochMs
  lastAt: EpochMs
  turns: number
  text?: string
  vms?: number
  /** Highest probability of contention within the horizon that was told of the host meanwhile. */
  foreseen?: { model: string; contention: number }
  /** Slots of the host from the first turn until the horizon after the last. */
  readonly rows: HostRow[]
  horizonMs: number
  highFraction: number
  windowMs: number
  /** Of what the host lacked, what the VM's leaving would have spared, in core-hours: once its usage was read. */
  avoidable?: number
}

export class StaysBook {
  /** By id, oldest first. */
  private readonly all = new Map<string, Stay>()
  /** The newest span of each VM, host and reason. */
  private readonly newest = new Map<string, Stay>()
  /** Those whose horizon is not over. */
  private readonly open = new Set<Stay>()
  private latest: Foresight | undefined

  /** @param at of the turn */
  tell(told: StayTold, at: EpochMs, past: HostPast): void {
    const key = JSON.stringify([told.vm ?? '', told.host, told.reason])
    const was = this.newest.get(key)
    if (was !== undefined && at - was.lastAt <= GAP_MS) {
      was.lastAt = Math.max(was.lastAt, at)
      was.turns++
      if (told.text !== undefined) was.text = told.text.slice(0, TEXT_LENGTH_MAX)
      if (told.vms !== undefined) was.vms = Math.max(was.vms ?? 0, told.vms)
      this.open.add(was)
      return
    }
    this.begin(key, told, at, past)
  }

  take(foresight: Foresight, past: HostPast): void {
    this.latest = foresight
    for (const [host, vms] of foresight.waits) {
      const text = 'Contention was foreseen, and it waited for another turn to foresee it too.'
      this.tell({ host, reason: 'hold-not-reached', text, vms }, foresight.at, past)
    }
    for (const stay of this.open) {
      const row = foresight.rows.get(stay.host)
      if (row !== undefined) follow(stay, row, foresight)
      if (foresight.at >= stay.lastAt + stay.horizonMs + GAP_MS) this.open.delete(stay)
    }
    for (const [host, row] of foresight.rows) this.noteMissed(host, row, foresight, past)
  }

  /** Newest first. */
  list(): readonly Stay[] {
    return [...this.all.values()].sort((a, b) => b.firstAt - a.firstAt || (a.id < b.id ? 1 : -1))
  }

  /** Contention began on a host that looked comfortable as far as the horizon goes back: leaving it as it was is a decision, too. */
  private noteMissed(host: string, row: HostRow, foresight: Foresight, past: HostPast): void {
    const { highFraction, horizonMs, trigger, at } = foresight
    if (!isContended(row, highFraction)) return
    const before = past.of(host).filter((one) => one.at < at && one.at >= at - horizonMs)
    const last = before.at(-1)
    if (last === undefined || last.members === undefined || last.members !== row.members) return
    if (before.some((one) => one.contention >= trigger || isContended(one, highFraction))) return
    const text = 'No contention was foreseen on it.'
    const stay = this.begin(
      JSON.stringify(['', host, 'host-comfortable']),
      { host, reason: 'host-comfortable', text, vms: last.vms },
      last.at,
      past,
    )
    follow(stay, row, foresight)
  }

  private begin(key: string, { text, ...told }: StayTold, at: EpochMs, past: HostPast): Stay {
    const stay: Stay = {
      ...told,
      id: `${at}-${hashText(key).toString(36)}`,
      ...(text === undefined ? {} : { text: text.slice(0, TEXT_LENGTH_MAX) }),
      firstAt: at,
      lastAt: at,
      turns: 1,
      rows: [],
      horizonMs: this.latest?.horizonMs ?? HOUR_MS,
      highFraction: this.latest?.highFraction ?? 1,
      windowMs: this.latest?.windowMs ?? 5 * MINUTE_MS,
    }
    const known = past.of(told.host).findLast((row) => row.at <= at)
    if (known !== undefined && this.latest !== undefined) note(stay, known, this.latest)
    this.all.set(stay.id, stay)
    this.newest.set(key, stay)
    this.open.add(stay)
    for (const [id, oldest] of this.all) {
      if (this.all.size <= STAYS_MAX) break
      this.all.delete(id)
      this.open.delete(oldest)
    }
    return stay
  }

  /** Spans that are over and whose usage was not read. */
  unread(): readonly Stay[] {
    return [...this.all.values()].filter(
      (stay) =>
        stay.vm !== undefined && stay.avoidable === undefined && !this.open.has(stay) && lackedOf(stay).length > 0,
    )
  }

  get newestAt(): EpochMs {
    return this.latest?.at ?? -Infinity
  }
}

/** Adds a slot of its host. */
function follow(stay: Stay, row: HostRow, foresight: Foresight): void {
  stay.horizonMs = foresight.horizonMs
  stay.highFraction = foresight.highFraction
  stay.windowMs = foresight.windowMs
  if (row.at <= stay.lastAt) note(stay, row, foresight)
  if (row.at <= stay.firstAt || row.at > stay.lastAt + stay.horizonMs) return
  if (row.at > (stay.rows.at(-1)?.at ?? -Infinity)) stay.rows.push(row)
}

function note(stay: Stay, { contention }: HostRow, { models }: Foresight): void {
  if (Number.isNaN(contention)) return
  if (stay.foreseen === undefined || contention > stay.foreseen.contention)
    stay.foreseen = { model: models.contention, contention }
}

/** Slots in which its host lacked something. */
export function lackedOf(stay: Stay): readonly HostRow[] {
  return stay.rows.filter((row) => above(row) > 0)
}

/** @param wantedAt what the VM wanted in the slot that ends at an instant; NaN: nobody measured it */
export function avoidableIn(stay: Stay, wantedAt: (at: EpochMs) => number): number {
  const hours = stay.windowMs / HOUR_MS
  return lackedOf(stay).reduce((sum, row) => {
    const wanted = wantedAt(row.at)
    return Number.isNaN(wanted) ? sum : sum + avoidableBy(wanted, row) * hours
  }, 0)
}

/** Whether leaving it was right, and why that is said. */
export function verdictOf(stay: Stay, newestAt: EpochMs, now: EpochMs): { verdict: Verdict; why: string } {
  const { rows, lastAt, horizonMs, windowMs, firstAt, reason } = stay
  if (reason === 'host-not-worth-emptying')
    return { verdict: 'unknown', why: 'What emptying the host would have saved is not kept.' }
  const contended = rows.find((row) => isContended(row, stay.highFraction))
  if (contended !== undefined) {
    const share = ((contended.demand / contended.capacity) * 100).toFixed(0)
    return { verdict: 'wrong', why: `Contention came: ${share} % of what the host has was wanted.` }
  }
  const until = lastAt + horizonMs
  const slots = Math.floor((until - firstAt) / windowMs)
  if (newestAt < until && now < until + GIVEN_UP_MS)
    return { verdict: 'not-yet-known', why: 'The span that was looked ahead to is not over.' }
  if (rows.length < slots * RECORDED_SHARE_MIN)
    return { verdict: 'unknown', why: `Its host was recorded in ${rows.length} of ${slots} slots.` }
  return { verdict: 'right', why: 'No contention came on the host.' }
}

export function stayView(stay: Stay, newestAt: EpochMs, now: EpochMs): LedgerStayView {
  const { id, vm, host, reason, text, firstAt, lastAt, turns, vms, foreseen, avoidable } = stay
  return {
    id,
    ...(vm === undefined ? {} : { vm }),
    host,
    reason,
    ...(text === undefined ? {} : { text }),
    firstAt,
    lastAt,
    turns,
    ...(vms === undefined ? {} : { vms }),
    ...(foreseen === undefined ? {} : { foreseen }),
    ...(stay.rows.length === 0 ? {} : { came: cameOf(stay, avoidable) }),
    ...verdictOf(stay, newestAt, now),
  }
}

function cameOf(
  { vm, rows, highFraction, windowMs }: Stay,
  avoidable: number | undefined,
): NonNullable<LedgerStayView['came']> {
  const contended = rows.find((row) => isContended(row, highFraction))
  const hours = windowMs / HOUR_MS
  const lacked = avoidable ?? (vm !== undefined && rows.every((row) => above(row) === 0) ? 0 : undefined)
  const most = rows.reduce((highest, row) => (row.demand > highest.demand ? row : highest))
  return {
    contention: contended !== undefined,
    // It is known of the slot that ends there.
    ...(contended === undefined ? {} : { at: contended.at - windowMs }),
    demandMost: most.demand,
    capacity: most.capacity,
    unserved: rows.reduce((sum, row) => sum + above(row) * hours, 0),
    ...(lacked === undefined ? {} : { avoidable: lacked }),
  }
}
