import type { EpochMs } from '../terms/units.ts'

/** Time as a value: the wall clock in production, a virtual one in simulation and replay. */
export interface Clock {
  now(): EpochMs
  /** Returns when `at` has come; at once if it has passed. */
  sleepUntil(at: EpochMs): Promise<void>
}
