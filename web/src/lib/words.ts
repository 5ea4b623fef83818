/** Words that only the page needs; all others are those of the command line, in src/terms/shown.ts. */
import { isoText } from '../../../src/terms/shown.ts'

/** The time of day alone, of UTC, such as `07:05`. */
export function hourText(at: number): string {
  return isoText(at).slice(11, 16)
}
