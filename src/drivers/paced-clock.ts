import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'
import { nap } from './nap.ts'

/** How the time of a site goes that does not live by the machine's clock: handed to each thread and process that judges it, so that all have the same. */
export interface ClockPace {
  /** What the clock shows at the beginning. */
  readonly from: EpochMs
  /** When that was, in ms by the machine's monotonic clock, which all of its processes share (`ranMs`). */
  readonly ranAt: number
  /** How many times faster than the machine's it goes. */
  readonly speed: number
}

/** Ms by the machine's monotonic clock: never set, the same in each process and thread, and at a standstill while the machine sleeps. */
export function ranMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** A clock that begins at an instant and goes faster than the machine's, by time that passes: whoever sets the machine's clock does not set this one. */
export class PacedClock implements Clock {
  readonly pace: ClockPace
  private readonly signal: AbortSignal | undefined

  constructor(pace: ClockPace, signal?: AbortSignal) {
    this.pace = pace
    this.signal = signal
  }

  /** One that shows `from` now. */
  static begin(from: EpochMs, speed: number): PacedClock {
    return new PacedClock({ from, ranAt: ranMs(), speed })
  }

  /** Whole milliseconds, as the machine's has. */
  now(): EpochMs {
    const { from, ranAt, speed } = this.pace
    return Math.floor(from + (ranMs() - ranAt) * speed)
  }

  async sleepUntil(at: EpochMs): Promise<void> {
    this.signal?.throwIfAborted()
    for (let leftMs = at - this.now(); leftMs > 0; leftMs = at - this.now())
      await nap(leftMs / this.pace.speed, this.signal)
  }
}
