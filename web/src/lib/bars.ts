/** Where values stand on a bar: promised and realised on one scale, so that they can be compared by eye. */

/** A scale holds zero always: a bar that does not begin at nothing lies about its length. */
export interface Scale {
  readonly from: number
  readonly to: number
}

/** A scale that all of them fit on; what is absent or no number counts for nothing. */
export function scaleOf(values: readonly (number | null | undefined)[]): Scale {
  const known = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
  // Not by spreading: a ledger has more rows than a call takes arguments.
  const from = known.reduce((least, value) => Math.min(least, value), 0)
  const to = known.reduce((most, value) => Math.max(most, value), 0)
  return from === to ? { from: 0, to: 1 } : { from, to }
}

/** Where a value stands, from 0 to 1; what lies beyond stands at the end. */
export function placeOn({ from, to }: Scale, value: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)))
}

/** A stretch of the scale in percent of its length, as CSS takes it. */
export function stretchOn(scale: Scale, low: number, high: number): { readonly left: string; readonly width: string } {
  const begin = placeOn(scale, Math.min(low, high))
  const end = placeOn(scale, Math.max(low, high))
  return { left: percent(begin), width: percent(end - begin) }
}

/** A share as CSS takes it. */
export function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`
}
