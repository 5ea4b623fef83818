/** Steps of a strip of load over time, from the oldest that was measured to the last that is forecast, and how keys go along them. */

export interface HeatStep {
  readonly isAhead: boolean
  /** Within the past, or within what is ahead. */
  readonly index: number
}

export interface StripSize {
  readonly past: number
  readonly ahead: number
}

/** So many steps at once, by the keys of a page. */
const LEAP = 12

/** The step at a place along the strip; undefined: it has none. */
export function stepAt(place: number, { past, ahead }: StripSize): HeatStep | undefined {
  if (place < 0 || place >= past + ahead) return undefined
  return place < past ? { isAhead: false, index: place } : { isAhead: true, index: place - past }
}

/** Where keys begin: with the last that was measured. */
export function firstPlace({ past }: StripSize): number {
  return Math.max(0, past - 1)
}

/** Where a key leads; undefined: it is none of ours. */
export function placeAfter(key: string, place: number, { past, ahead }: StripSize): number | undefined {
  const last = past + ahead - 1
  const next = {
    ArrowLeft: place - 1,
    ArrowDown: place - 1,
    ArrowRight: place + 1,
    ArrowUp: place + 1,
    PageDown: place - LEAP,
    PageUp: place + LEAP,
    Home: 0,
    End: last,
  }[key]
  return next === undefined || last < 0 ? undefined : Math.min(last, Math.max(0, next))
}
