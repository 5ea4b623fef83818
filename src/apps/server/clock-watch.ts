/** Sees our own clock go back. What arrives until it is where it was gets a time of arrival before that of what came first, so that nothing is to be
 *  started meanwhile. A clock that goes forward needs no watching: whatever is measured in time is then merely older. */
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trouble } from './trouble.ts'

/** A step back that is none of ours: NTP slews what is less. */
const BACK_MS_MAX = SECOND_MS
const LOOK_MS = SECOND_MS
const KEY = 'clock'

export class ClockWatch {
  private readonly clock: Pick<Clock, 'now'>
  private readonly trouble: Trouble
  private highest: EpochMs = -Infinity
  private readonly timer: NodeJS.Timeout

  constructor(clock: Pick<Clock, 'now'>, trouble: Trouble) {
    this.clock = clock
    this.trouble = trouble
    this.look()
    // Timers of Node run by the monotonic clock.
    this.timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  /** Compares now with the latest instant that was seen. */
  look(): void {
    const now = this.clock.now()
    const backMs = this.highest - now
    this.highest = Math.max(this.highest, now)
    if (backMs <= 0) return this.trouble.clear(KEY)
    if (backMs <= BACK_MS_MAX) return
    const seconds = Math.round(backMs / SECOND_MS)
    const until = new Date(this.highest).toISOString()
    const sentence = `The clock of this machine went back, and is ${seconds} s behind where it was: what arrives before ${until} is out of order.`
    this.trouble.add(KEY, `${sentence} Does chronyc tracking tell why?`)
  }

  close(): void {
    clearInterval(this.timer)
  }
}
