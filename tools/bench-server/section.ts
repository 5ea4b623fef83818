/** What a section of `npm run bench:server` is: it measures, and says what came of it beside its goals. */
import { showTable } from '../backtest/section.ts'

export interface SectionSize {
  /** For `npm test`: everything once, as little as it takes. */
  readonly isSmall: boolean
  readonly say: (what: string) => void
}

/** One number. */
export interface MeasuredNumber {
  readonly what: string
  /** As it is printed, with its unit. */
  readonly value: string
  /** As it is printed; absent: there is none. */
  readonly goal?: string
  readonly isMet?: boolean
}

export interface ServerSection {
  readonly name: string
  readonly summary: string
  readonly run: (size: SectionSize) => Promise<readonly MeasuredNumber[]>
}

/** A number and its goal. */
export function measuredNumber(
  what: string,
  value: number,
  { unit, goal }: { readonly unit: string; readonly goal?: { readonly atLeast: number } | { readonly atMost: number } },
): MeasuredNumber {
  const shown = `${shownNumber(value)} ${unit}`
  if (goal === undefined) return { what, value: shown }
  return 'atLeast' in goal
    ? { what, value: shown, goal: `>= ${shownNumber(goal.atLeast)}`, isMet: value >= goal.atLeast }
    : { what, value: shown, goal: `<= ${shownNumber(goal.atMost)}`, isMet: value <= goal.atMost }
}

export function showMeasured(measured: readonly MeasuredNumber[]): string {
  return showTable(
    ['what', 'measured', 'goal', ''],
    measured.map(({ what, value, goal, isMet }) => [
      what,
      value,
      goal ?? '',
      isMet === undefined ? '' : isMet ? 'met' : 'MISSED',
    ]),
  )
}

function shownNumber(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return String(Number(value.toPrecision(3)))
}
