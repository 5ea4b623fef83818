/** A host's load over time as a background: colours are those of tokens.css by name, so that light and dark need no drawing anew. */
import { loadToken } from './scales.ts'

/** Steps of one colour that follow each other are one piece. Empty where there is nothing.
 *  @param values shares of the capacity, one a step; null: nobody measured */
export function stripBackground(values: readonly (number | null)[], high: number): string {
  const pieces: string[] = []
  let from = 0
  values.forEach((value, i) => {
    const token = loadToken(value, high)
    if (i + 1 < values.length && loadToken(values[i + 1], high) === token) return
    pieces.push(`var(${token}) ${percent(from, values.length)} ${percent(i + 1, values.length)}`)
    from = i + 1
  })
  return pieces.length === 0 ? 'none' : `linear-gradient(to right, ${pieces.join(', ')})`
}

/** What is ahead, one value a step: nine of ten cases lie below `p90`, half of them below `p50`, one of ten below `p10`. */
export interface StripBand {
  readonly p10: readonly number[]
  readonly p50: readonly number[]
  readonly p90: readonly number[]
}

/** A forecast as a background of three rows, the upper end of its band on top, so that a risk that its median does not show is seen too. */
export function bandBackground(band: StripBand | undefined, high: number): string {
  if (band === undefined || band.p50.length === 0) return 'none'
  return [band.p90, band.p50, band.p10]
    .map((values, row, rows) => {
      const place = `0 ${percent(row, rows.length - 1)} / 100% ${percent(1, rows.length)}`
      return `${stripBackground(values, high)} ${place} no-repeat`
    })
    .join(', ')
}

/** Which of some steps lies below a place. @param share of the width, from the left */
export function stepUnder(share: number, steps: number): number {
  return Math.min(steps - 1, Math.max(0, Math.floor(share * steps)))
}

function percent(part: number, whole: number): string {
  return `${Number(((100 * part) / whole).toFixed(3))}%`
}
