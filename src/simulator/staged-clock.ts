import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'
import { EventQueue } from './event-queue.ts'

/** After each event whoever waited for it goes on; so many turns of waiting are let pass before the next. */
const TURNS = 40

/** Time in which several actors wait at once: it passes from event to event when the test says so, and nobody's waiting makes it pass. */
export class StagedClock implements Clock {
  private readonly queue = new EventQueue()
  private truth: EpochMs
  private backMs = 0

  constructor(startAt: EpochMs = 0) {
    this.truth = startAt
  }

  now(): EpochMs {
    return this.truth - this.backMs
  }

  /** Time that has passed, however the clock is set. */
  passed(): number {
    return this.truth
  }

  sleepUntil(at: EpochMs): Promise<void> {
    if (at <= this.now()) return Promise.resolve()
    return new Promise((resolve) => {
      this.in(at - this.now(), resolve)
    })
  }

  /** Lets something happen after a while, however the clock is set meanwhile. */
  in(delayMs: number, happen: () => void): void {
    this.queue.schedule(this.truth + Math.max(0, delayMs), happen)
  }

  /** Somebody sets the clock back, or on again. */
  setBack(byMs: number): void {
    this.backMs += byMs
  }

  /** Lets so much time pass, and all that falls into it happen. */
  async pass(ms: number): Promise<void> {
    const until = this.truth + ms
    await settle()
    while (this.queue.nextAt() <= until) {
      this.truth = Math.max(this.truth, this.queue.nextAt())
      this.queue.happenNext()
      await settle()
    }
    this.truth = until
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await Promise.resolve()
}
