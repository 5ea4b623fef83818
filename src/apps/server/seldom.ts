/** Says the same thing once a minute at most, and how often it was to be said in between: what fails for one fails for a fleet, and a disk that is full
 *  need not be filled with lines that say so. */
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'

export class Seldom {
  private readonly now: () => EpochMs
  private saidAt = -Infinity
  private withheld = 0

  constructor(now: () => EpochMs) {
    this.now = now
  }

  /** How many were withheld since the last, if it is to be said now; undefined if it is not. A clock that goes back says it. */
  ask(): number | undefined {
    const passedMs = this.now() - this.saidAt
    if (passedMs >= 0 && passedMs < MINUTE_MS) {
      this.withheld++
      return undefined
    }
    const { withheld } = this
    this.saidAt = this.now()
    this.withheld = 0
    return withheld
  }
}
