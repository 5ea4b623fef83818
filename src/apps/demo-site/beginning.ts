/** With which hour of the recording the demo begins, and with which first placement. */
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'

export interface Beginning {
  /** Draws where VMs run first, and minutes within recorded slots. */
  readonly seed: number
  /** The recording's slot. */
  readonly slot: number
}

const SLOTS_PER_DAY = DAY_MS / SLOT_MS
/** Day 14, 03:30, when web servers get busier for hours. It was searched for: docs/demo.md. */
export const BEGINNING: Beginning = { seed: 20, slot: 14 * SLOTS_PER_DAY + 42 }

/** This day of the recording is a Wednesday, and 1970 began on a Thursday. */
const WEDNESDAY = 14
const DAYS_BEFORE_WEDNESDAY = 6
const WEEK_MS = 7 * DAY_MS

/** The newest instant of the hour and day of the week that the recording has there: the site's hours are the recording's, whenever the demo is started. */
export function lastInstantOf({ slot }: Beginning, now: EpochMs): EpochMs {
  const since = (slot - WEDNESDAY * SLOTS_PER_DAY) * SLOT_MS + DAYS_BEFORE_WEDNESDAY * DAY_MS
  const first = ((since % WEEK_MS) + WEEK_MS) % WEEK_MS
  return first + Math.floor((now - first) / WEEK_MS) * WEEK_MS
}
