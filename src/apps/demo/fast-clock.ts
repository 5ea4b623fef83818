import { setTimeout as sleep } from 'node:timers/promises'
import type { EpochMs } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'

/** A clock that runs so many times as fast as the machine's, from 0 on, once it is started. Sleeping ends with the signal's reason when that is aborted. */
export class FastClock implements Clock {
  readonly speed: number
  private readonly signal: AbortSignal
  private readonly realNow: () => number
  private startedAt = NaN

  /** @param realNow milliseconds of the machine's, for tests */
  constructor(speed: number, signal: AbortSignal, realNow: () => number = () => Date.now()) {
    this.speed = speed
    this.signal = signal
    this.realNow = realNow
  }

  start(): void {
    this.startedAt = this.realNow()
  }

  now(): EpochMs {
    return Number.isNaN(this.startedAt) ? 0 : this.at(this.realNow())
  }

  /** What this clock showed at an instant of the machine's. */
  at(realMs: EpochMs): EpochMs {
    return (realMs - this.startedAt) * this.speed
  }

  async sleepUntil(at: EpochMs): Promise<void> {
    this.signal.throwIfAborted()
    for (let leftMs = at - this.now(); leftMs > 0; leftMs = at - this.now())
      await sleep(Math.ceil(leftMs / this.speed), undefined, { signal: this.signal }).catch((cause: unknown) => {
        this.signal.throwIfAborted()
        throw cause
      })
  }
}
