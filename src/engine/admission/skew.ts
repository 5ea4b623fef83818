import { type EpochMs, SECOND_MS } from '../../terms/units.ts'

/** A clock that is off by more is told of (decision 0009): live migration steps a guest's clock by a few seconds, and that is normal. */
export const SKEW_MS_MAX = 300 * SECOND_MS

export interface TimesTold {
  /** The guest's clock when it sent, if it said so. */
  readonly guestClock?: EpochMs
  readonly windowEnd: EpochMs
}

/** Whether a guest's clock is off. Where it does not tell its clock, only a window that ends in our future shows it: one in our past may
 *  have waited for the network. */
export function isSkewed({ guestClock, windowEnd }: TimesTold, arrivedAt: EpochMs): boolean {
  if (guestClock !== undefined && Math.abs(guestClock - arrivedAt) > SKEW_MS_MAX) return true
  return windowEnd > arrivedAt + SKEW_MS_MAX
}
