import { setTimeout as sleep } from 'node:timers/promises'
import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'

/** Longest delay that a Node timer takes; longer sleeps are made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** The machine's clock. Sleeping ends with the signal's reason when the signal is aborted. */
export class WallClock implements Clock {
  private readonly signal: AbortSignal | undefined

  constructor(signal?: AbortSignal) {
    this.signal = signal
  }

  now(): EpochMs {
    return Date.now()
  }

  async sleepUntil(at: EpochMs): Promise<void> {
    this.signal?.throwIfAborted()
    for (let leftMs = at - this.now(); leftMs > 0; leftMs = at - this.now()) {
      await this.sleepFor(Math.min(Math.ceil(leftMs), TIMER_MS_MAX))
    }
  }

  private async sleepFor(delayMs: number): Promise<void> {
    try {
      await sleep(delayMs, undefined, this.signal === undefined ? {} : { signal: this.signal })
    } catch (cause) {
      this.signal?.throwIfAborted()
      throw cause
    }
  }
}
