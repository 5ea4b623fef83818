import { type EpochMs, SECOND_MS } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'
import { nap, TIMER_MS_MAX } from './nap.ts'

/** A clock that goes otherwise than time passes, by more than this between two looks, was set. NTP slews what is less. */
const SLACK_MS = SECOND_MS

/** The machine's clock for whoever remembers instants: where it is set forward, that is told before it gives anybody an instant of the new time, so that what
 *  is remembered can be set forward as well, and does not end early. Who reads `Date.now` beside it, as connections to libvirt do for when they looked, may
 *  have one before. Time in which the machine slept counts as set forward too. A clock that goes back is its
 *  reader's to notice; what it catches up on later is told with 0, for what was remembered is right again. */
export class WatchedClock implements Clock {
  private readonly wall: () => EpochMs
  private readonly ran: () => number
  private readonly listeners = new Set<(steppedMs: number) => void>()
  private last: { readonly wall: EpochMs; readonly ran: number }
  /** How far it is behind where it would be had it not been set back. */
  private behindMs = 0

  /** @param ran a clock in ms that is never set */
  constructor(wall: () => EpochMs = Date.now, ran: () => number = () => performance.now()) {
    this.wall = wall
    this.ran = ran
    this.last = { wall: wall(), ran: ran() }
  }

  now(): EpochMs {
    const now = { wall: this.wall(), ran: this.ran() }
    const steppedMs = now.wall - this.last.wall - (now.ran - this.last.ran)
    this.last = now
    if (Math.abs(steppedMs) > SLACK_MS) this.tell(Math.round(steppedMs))
    return now.wall
  }

  /** By time that passes, not by what the clock is set to meanwhile. */
  async sleepUntil(at: EpochMs): Promise<void> {
    for (let leftMs = at - this.now(); leftMs > 0; leftMs -= TIMER_MS_MAX) await nap(leftMs)
  }

  /** Told by how much what is remembered is to be set forward, at least 0: each time that the clock was set. */
  onStep(listener: (steppedMs: number) => void): void {
    this.listeners.add(listener)
  }

  private tell(steppedMs: number): void {
    const forwardMs = Math.max(0, steppedMs - this.behindMs)
    this.behindMs = Math.max(0, this.behindMs - steppedMs)
    for (const listener of this.listeners) listener(forwardMs)
  }
}
