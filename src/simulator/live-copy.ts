/** A copy of a running VM as time passes, by the same physics as `copyInRounds`: whoever looks at it sees rounds, bytes, and what is left. */
import type { MoveFigures, MoveProgress } from '../terms/intent.ts'
import type { Fraction } from '../terms/units.ts'
import { SECOND_MS } from '../terms/units.ts'
import { DOWNTIME_LIMIT_MS, SET_UP_MS, SWITCH_OVER_MS } from './migration-physics.ts'

/** Pre-copy is taken not to converge where a round leaves more than this share of what it sent. */
const SHRINKING: Fraction = 0.5
/** QEMU's auto-converge: by so much at first, then so much more each time, at most so much. */
const THROTTLE_FIRST: Fraction = 0.2
const THROTTLE_STEP: Fraction = 0.1
const THROTTLE_MAX: Fraction = 0.99

/** What the copy meets while a span of time passes. */
export interface CopyPace {
  readonly bytesPerSec: number
  readonly dirtyBytesPerSec: number
  /** Memory that is written again and again: at most so much is dirty. */
  readonly hotBytes: number
}

export class LiveCopy {
  private readonly isThrottling: boolean
  private state: 'setting-up' | 'copying' | 'switching' | 'over' = 'setting-up'
  private passedMs = 0
  /** Of the step under way: ms until it ends by itself; not while copying. */
  private leftMs = SET_UP_MS
  private roundBytes: number
  private sentBytes = 0
  private roundMs = 0
  private copied = 0
  private rounds = 1
  private throttle: Fraction = 0
  private downtimeMs = 0

  /** @param about.usedBytes memory that holds anything
   *  @param about.isThrottling the VM is slowed down where it writes too fast */
  constructor({ usedBytes, isThrottling }: { readonly usedBytes: number; readonly isThrottling: boolean }) {
    this.roundBytes = usedBytes
    this.isThrottling = isThrottling
  }

  get phase(): 'setting-up' | 'copying' | 'switching' | 'over' {
    return this.state
  }

  /** So much of its speed is taken from the VM. */
  get throttled(): Fraction {
    return this.throttle
  }

  /** Lets time pass. */
  advance(ms: number, pace: CopyPace): void {
    for (let left = ms; left > 0 && this.state !== 'over'; ) {
      const step = this.state === 'copying' ? this.copy(left, pace) : this.wait(left)
      this.passedMs += step
      left -= step
    }
  }

  progress(): MoveProgress {
    return {
      elapsedMs: Math.round(this.passedMs),
      copiedBytes: Math.round(this.copied),
      remainingBytes: Math.round(Math.max(0, this.roundBytes - this.sentBytes)),
      rounds: this.rounds,
      ...(this.throttle === 0 ? {} : { throttle: this.throttle }),
      isPostCopy: false,
    }
  }

  /** What it took, once it is over. */
  figures(): MoveFigures {
    return {
      totalMs: Math.round(this.passedMs),
      downtimeMs: Math.round(this.downtimeMs),
      copiedBytes: Math.round(this.copied),
      rounds: this.rounds,
    }
  }

  private wait(ms: number): number {
    const step = Math.min(ms, this.leftMs)
    this.leftMs -= step
    if (this.leftMs > 0) return step
    this.state = this.state === 'setting-up' ? 'copying' : 'over'
    return step
  }

  private copy(ms: number, pace: CopyPace): number {
    const wholeMs = ((this.roundBytes - this.sentBytes) / pace.bytesPerSec) * SECOND_MS
    const step = Math.min(ms, wholeMs)
    const sent = (pace.bytesPerSec * step) / SECOND_MS
    this.sentBytes += sent
    this.copied += sent
    this.roundMs += step
    if (step === wholeMs) this.endRound(pace)
    return step
  }

  /** What was written meanwhile is the next round; the last one is sent while the VM stands still. */
  private endRound({ bytesPerSec, dirtyBytesPerSec, hotBytes }: CopyPace): void {
    const written = (dirtyBytesPerSec * (1 - this.throttle) * this.roundMs) / SECOND_MS
    const dirty = hotBytes > 0 ? hotBytes * (1 - Math.exp(-written / hotBytes)) : 0
    if (dirty <= (bytesPerSec * DOWNTIME_LIMIT_MS) / SECOND_MS) {
      this.downtimeMs = (dirty / bytesPerSec) * SECOND_MS + SWITCH_OVER_MS
      this.leftMs = this.downtimeMs
      this.copied += dirty
      this.roundBytes = this.sentBytes = 0
      this.state = 'switching'
      return
    }
    const isShrinking = dirty <= this.roundBytes * SHRINKING
    if (this.isThrottling && !isShrinking && this.rounds > 1)
      this.throttle = Math.min(THROTTLE_MAX, this.throttle === 0 ? THROTTLE_FIRST : this.throttle + THROTTLE_STEP)
    this.roundBytes = dirty
    this.sentBytes = 0
    this.roundMs = 0
    this.rounds++
  }
}
