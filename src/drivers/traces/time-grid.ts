import { ParseError } from '../../terms/parse.ts'
import type { Resource } from '../../terms/sample.ts'
import type { LongRows } from './csv-long.ts'
import { STEPS_MAX } from './csv-values.ts'

/** The step of every built-in trace, and of a file that does not show another one. */
export const STEP_SECONDS_DEFAULT = 300
/** Finest step taken from a file; what lies on no such grid is averaged into slots of the default step. */
const STEP_SECONDS_MIN = 10
/** No cluster is watched less often than once a day: what shows a coarser step counts something else than seconds. */
const STEP_SECONDS_MAX = 86_400
/** A step coarser than the default is believed only when at least so many different seconds agree on it. */
const AGREEING_SECONDS = 12

/** The time grid of a long-form file, found from its seconds:
 *  - all on a grid of 300 s: 300 s, and what is missing is a gap; but where 12 different seconds or more lie on a
 *    coarser grid (say 900 s), the data are taken to be sampled that way;
 *  - else all on a finer grid of at least 10 s (their greatest common divisor, counted from the first): that grid;
 *  - else 300 s, and rows that fall into one slot are averaged.
 *  The trace begins at the earliest second of the file. A step above a day is for `checkGrid` to refuse. */
export class Grid {
  readonly stepSeconds: number
  readonly firstSecond: number
  readonly steps: number
  /** Every second lies on the grid, so that two rows in one slot are duplicates. */
  readonly isExact: boolean

  constructor(seconds: Float64Array) {
    let first = Number.POSITIVE_INFINITY
    let last = 0
    for (const second of seconds) {
      first = Math.min(first, second)
      last = Math.max(last, second)
    }
    const divisor = commonDivisor(seconds, first)
    this.isExact = divisor >= STEP_SECONDS_MIN || divisor === 0
    this.stepSeconds = chooseStep(divisor, seconds)
    this.firstSecond = seconds.length === 0 ? 0 : first
    this.steps = seconds.length === 0 ? 0 : Math.floor((last - first) / this.stepSeconds) + 1
  }

  slotOf(second: number): number {
    return Math.floor((second - this.firstSecond) / this.stepSeconds)
  }

  notes(averaged: number): readonly string[] {
    if (averaged === 0) return []
    return [
      `${averaged} rows lay off any grid of ${STEP_SECONDS_MIN} s or more and were averaged within ${this.stepSeconds} s`,
    ]
  }
}

/** Lays the rows on the grid. A cell without a row, and an empty cell, is NaN. */
export function fillSlots(
  grid: Grid,
  rows: LongRows,
  cells: number,
): { readonly columns: Partial<Record<Resource, Float32Array>>; readonly averaged: number } {
  refuseDuplicates(grid, rows, cells)
  const columns: Partial<Record<Resource, Float32Array>> = {}
  for (const [resource, values] of Object.entries(rows.values) as [Resource, Float32Array][])
    columns[resource] = meanBySlot(grid, rows, values, cells)
  return { columns, averaged: grid.isExact ? 0 : rows.seconds.length }
}

function meanBySlot(grid: Grid, rows: LongRows, values: Float32Array, cells: number): Float32Array {
  const sums = new Float32Array(cells).fill(Number.NaN)
  const counts = grid.isExact ? undefined : new Uint32Array(cells)
  for (let row = 0; row < values.length; row++) {
    if (Number.isNaN(values[row])) continue
    const cell = rows.vm[row] * grid.steps + grid.slotOf(rows.seconds[row])
    if (counts === undefined || counts[cell] === 0) sums[cell] = values[row]
    else sums[cell] += values[row]
    if (counts !== undefined) counts[cell]++
  }
  if (counts !== undefined) for (let i = 0; i < cells; i++) if (counts[i] > 1) sums[i] /= counts[i]
  return sums
}

function refuseDuplicates(grid: Grid, rows: LongRows, cells: number): void {
  if (!grid.isExact) return refuseDuplicatesOffGrid(rows)
  const lineOfCell = new Int32Array(cells)
  for (let row = 0; row < rows.seconds.length; row++) {
    const cell = rows.vm[row] * grid.steps + grid.slotOf(rows.seconds[row])
    if (lineOfCell[cell] !== 0) throw duplicate(rows, row, lineOfCell[cell])
    lineOfCell[cell] = rows.line[row]
  }
}

function refuseDuplicatesOffGrid(rows: LongRows): void {
  const lineOfSecond = rows.vmNames.map(() => new Map<number, number>())
  for (let row = 0; row < rows.seconds.length; row++) {
    const lines = lineOfSecond[rows.vm[row]]
    const line = lines.get(rows.seconds[row])
    if (line !== undefined) throw duplicate(rows, row, line)
    lines.set(rows.seconds[row], rows.line[row])
  }
}

function duplicate(rows: LongRows, row: number, line: number): ParseError {
  const value = `${rows.vmNames[rows.vm[row]]}, second ${rows.seconds[row]}`
  return new ParseError(
    `${rows.place}:${rows.line[row]}`,
    value,
    `Duplicate (vm, second): it stands on line ${line} too. Keep one of the two.`,
  )
}

function chooseStep(divisor: number, seconds: Float64Array): number {
  if (divisor > STEP_SECONDS_MAX) return divisor
  const isFine = divisor >= STEP_SECONDS_MIN && divisor % STEP_SECONDS_DEFAULT !== 0
  if (isFine) return divisor
  if (divisor > STEP_SECONDS_DEFAULT && new Set(seconds).size >= AGREEING_SECONDS) return divisor
  return STEP_SECONDS_DEFAULT
}

function commonDivisor(seconds: Float64Array, first: number): number {
  let divisor = 0
  for (const second of seconds) {
    let rest = second - first
    while (rest > 0) [divisor, rest] = [rest, divisor % rest]
    if (divisor === 1) break
  }
  return divisor
}

/** Refuses a step above a day, and a span of more steps than any trace has, before memory is taken for it. */
export function checkGrid({ stepSeconds, steps }: Grid, place: string): void {
  if (stepSeconds > STEP_SECONDS_MAX)
    throw new ParseError(
      `${place} second`,
      stepSeconds,
      `The samples lie this many seconds or a multiple of it apart; expected a step of at most ${STEP_SECONDS_MAX} s, ` +
        'one day. Are these seconds? Divide milliseconds by 1000.',
    )
  if (steps > STEPS_MAX)
    throw new ParseError(place, steps, `Expected at most ${STEPS_MAX} steps. Are all seconds counted from one start?`)
}
