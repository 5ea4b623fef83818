import { ParseError } from '../../terms/parse.ts'

/** Days of a recording, counted from 0, first and last included. */
export interface DayRange {
  readonly first: number
  readonly last: number
}

/** `3` or `3-9`, up to `dayMax`; nothing said is `fallback`. `trace` is what stands before the days: `azure`. */
export function parseDays(text: string | undefined, dayMax: number, trace: string, fallback: number): DayRange {
  if (text === undefined) return { first: fallback, last: fallback }
  const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(text)
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  if (match !== null && first <= last && last <= dayMax) return { first, last }
  const remedy = `Expected a day from 0 to ${dayMax}, such as ${trace}/${fallback}, or several, such as ${trace}/2-8.`
  throw new ParseError('--trace', `${trace}/${text}`, remedy)
}

export function daysOf({ first, last }: DayRange): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
