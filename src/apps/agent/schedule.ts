import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'

/** Soonest after a vector that a change of phase brings the next one: a VM that flutters is told at most once a minute. */
const SOONER_MS_MIN = MINUTE_MS
/** How long cheap looks go on after somebody asked for them, and how often they are taken then. */
export const ON_DEMAND_MS = 5 * MINUTE_MS
const ON_DEMAND_EVERY_MS = SECOND_MS

/** Which samplers a look asks. */
export type LookKind = 'all' | 'cheap'

export interface ScheduleOptions {
  /** Monotonic now: the first look is due at once, the first vector after one interval. */
  readonly startMs: number
  readonly lookEveryMs: number
  /** Looks at what is cheap, between those at all. Absent: none, unless somebody asks. */
  readonly cheapEveryMs?: number
  readonly vectorEveryMs: number
}

/** When looks and vectors are due, in monotonic time: what the wall clock does to itself does not move them. */
export class Schedule {
  private readonly lookEveryMs: number
  private readonly cheapEveryMs: number
  private readonly vectorEveryMs: number
  private nextLookMs: number
  private nextCheapMs = Number.POSITIVE_INFINITY
  private demandUntilMs = Number.NEGATIVE_INFINITY
  private nextVectorMs: number
  private lastVectorMs: number

  constructor({ startMs, lookEveryMs, cheapEveryMs = lookEveryMs, vectorEveryMs }: ScheduleOptions) {
    this.lookEveryMs = lookEveryMs
    this.cheapEveryMs = cheapEveryMs
    this.vectorEveryMs = vectorEveryMs
    this.nextLookMs = startMs
    this.nextVectorMs = startMs + vectorEveryMs
    this.lastVectorMs = startMs
  }

  /** From the next look on, what is cheap is looked at each second until then, in monotonic time. */
  demandUntil(untilMs: number): void {
    this.demandUntilMs = untilMs
  }

  /** Whether cheap looks are taken because somebody asked. */
  isOnDemand(nowMs: number): boolean {
    return nowMs < this.demandUntilMs
  }

  /** Time to sleep until the next look of either kind. */
  waitMs(nowMs: number): number {
    return Math.max(0, Math.min(this.nextLookMs, this.nextCheapMs) - nowMs)
  }

  /** What the look that is due now asks. */
  kindOfNext(): LookKind {
    return this.nextCheapMs < this.nextLookMs ? 'cheap' : 'all'
  }

  /** A look was taken. The next of its kind is due one interval after the last was *due*, so that looks keep their rhythm; after a stop (a
   *  suspended guest) those missed are not made up for. */
  looked(nowMs: number, kind: LookKind = 'all'): void {
    const everyMs = this.isOnDemand(nowMs) ? Math.min(ON_DEMAND_EVERY_MS, this.cheapEveryMs) : this.cheapEveryMs
    const dueMs = kind === 'all' ? this.nextLookMs : this.nextCheapMs
    if (kind === 'all') {
      this.nextLookMs += this.lookEveryMs
      if (this.nextLookMs <= nowMs) this.nextLookMs = nowMs + this.lookEveryMs
    }
    this.nextCheapMs = dueMs + everyMs
    if (this.nextCheapMs <= nowMs) this.nextCheapMs = nowMs + everyMs
    // One that would come just before a look at all is left to that.
    if (this.nextCheapMs > this.nextLookMs - everyMs / 2) this.nextCheapMs = Number.POSITIVE_INFINITY
  }

  /** Whether a vector is due: its time has come, or the phase has changed and the last is a minute old. */
  isVectorDue(nowMs: number, hasPhaseChanged: boolean): boolean {
    if (nowMs >= this.nextVectorMs) return true
    return hasPhaseChanged && nowMs - this.lastVectorMs >= SOONER_MS_MIN
  }

  /** A vector was made. One that came sooner does not move those that are due anyway. */
  made(nowMs: number): void {
    this.lastVectorMs = nowMs
    if (nowMs < this.nextVectorMs) return
    this.nextVectorMs += this.vectorEveryMs
    if (this.nextVectorMs <= nowMs) this.nextVectorMs = nowMs + this.vectorEveryMs
  }
}
