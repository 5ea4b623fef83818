/** Units end a number's name; these types and constants are the few that need one of their own. */

/** Milliseconds since 1970-01-01 UTC; in a simulation, since the start of the trace. */
export type EpochMs = number
/** A share from 0 to 1, never percent. */
export type Fraction = number

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** Joules in a kilowatt-hour. */
export const JOULES_PER_KWH = 3.6e6

export function clampFraction(value: number): Fraction {
  return value <= 0 ? 0 : value >= 1 ? 1 : value
}
