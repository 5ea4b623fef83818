import { MINUTE_MS } from '../../terms/units.ts'

/** Soonest after a vector that a change of phase brings the next one: a VM that flutters is told at most once a minute. */
const SOONER_MS_MIN = MINUTE_MS

/** When looks and vectors are due, in monotonic time: what the wall clock does to itself does not move them. */
export class Schedule {
  private readonly lookEveryMs: number
  private readonly vectorEveryMs: number
  private nextLookMs: number
  private nextVectorMs: number
  private lastVectorMs: number

  /** @param startMs monotonic now; the first look is due at once, the first vector after one interval */
  constructor({
    startMs,
    lookEveryMs,
    vectorEveryMs,
  }: { readonly startMs: number; readonly lookEveryMs: number; readonly vectorEveryMs: number }) {
    this.lookEveryMs = lookEveryMs
    this.vectorEveryMs = vectorEveryMs
    this.nextLookMs = startMs
    this.nextVectorMs = startMs + vectorEveryMs
    this.lastVectorMs = startMs
  }

  /** Time to sleep until the next look. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.nextLookMs - nowMs)
  }

  /** A look was taken. The next is due one interval after the last was *due*, so that looks keep their rhythm; after a stop (a suspended
   *  guest) those missed are not made up for. */
  looked(nowMs: number): void {
    this.nextLookMs += this.lookEveryMs
    if (this.nextLookMs <= nowMs) this.nextLookMs = nowMs + this.lookEveryMs
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
