import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'
import { nap } from './nap.ts'

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
    for (let leftMs = at - this.now(); leftMs > 0; leftMs = at - this.now()) await nap(leftMs, this.signal)
  }
}
