import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'

/** Time that passes only when somebody sleeps. Whoever owns the clock says what happens meanwhile. */
export class VirtualClock implements Clock {
  private nowMs: EpochMs
  private readonly livesThrough: (until: EpochMs, tick: (at: EpochMs) => void) => void

  /** `livesThrough` lets everything up to and including `until` happen, in order, calling `tick` with the instant of
   *  each. */
  constructor(startAt: EpochMs = 0, livesThrough: (until: EpochMs, tick: (at: EpochMs) => void) => void = () => {}) {
    this.nowMs = startAt
    this.livesThrough = livesThrough
  }

  now(): EpochMs {
    return this.nowMs
  }

  sleepUntil(at: EpochMs): Promise<void> {
    if (at > this.nowMs) {
      this.livesThrough(at, (instant) => {
        this.nowMs = instant
      })
      this.nowMs = at
    }
    return Promise.resolve()
  }
}
