/** Words that only the page needs; all others are those of the command line, in src/terms/shown.ts. */
import { isoText, minuteText } from '../../../src/terms/shown.ts'
import { DAY_MS } from '../../../src/terms/units.ts'

/** The time of day alone, of UTC, such as `07:05`. */
export function hourText(at: number): string {
  return isoText(at).slice(11, 16)
}

/** A mark of an axis of UTC: `07:05`, and at midnight the day, `11-28`. */
export function tickText(at: number): string {
  return at % DAY_MS === 0 ? minuteText(at).slice(5, 10) : hourText(at)
}
