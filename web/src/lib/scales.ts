/** From loads to steps of the scale, and from time to places. */

import { DAY_MS, MINUTE_MS } from '../../../src/terms/units.ts'

/** Steps of `--load-0` to `--load-6` in tokens.css; above is `--load-over`. */
export const LOAD_STEPS = 7

/** Name of the colour of a load. @param share of the capacity; null: nobody measured. @param high above this it is contention */
export function loadToken(share: number | null | undefined, high: number): string {
  if (share === null || share === undefined || Number.isNaN(share)) return '--load-none'
  if (share > high) return '--load-over'
  return `--load-${Math.min(LOAD_STEPS - 1, Math.max(0, Math.floor((share / high) * LOAD_STEPS)))}`
}

/** Rows of a long list that are in sight, with some beyond, so that scrolling shows no gap.
 *  @param scrollTop of the list, px
 *  @param height of what is in sight, px */
export function rowsInSight(
  { rows, rowHeight }: { readonly rows: number; readonly rowHeight: number },
  { scrollTop, height }: { readonly scrollTop: number; readonly height: number },
  beyond = 4,
): { readonly from: number; readonly to: number } {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight) - beyond
  const last = Math.ceil((Math.max(0, scrollTop) + height) / rowHeight) + beyond
  const from = Math.min(Math.max(0, first), rows)
  return { from, to: Math.max(from, Math.min(rows, last)) }
}

/** Instants at which an axis is marked: whole steps of a clock, at most `most` of them. */
export function timeTicks(from: number, to: number, most: number): readonly number[] {
  const step = TICKS_MS.find((ms) => (to - from) / ms <= most) ?? TICKS_MAX_MS
  const ticks: number[] = []
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at)
  return ticks
}

const TICKS_MS = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map((minutes) => minutes * MINUTE_MS)
const TICKS_MAX_MS = 7 * DAY_MS
