import { ParseError } from '../../terms/parse.ts'
import { amount } from './amount.ts'
import { NAME_LENGTH_MAX, type CsvCursor } from './csv-cursor.ts'
import { CELLS_MAX, checkName, checkPercent, notPercent, PERCENT_MAX, STEPS_MAX, VMS_MAX } from './csv-values.ts'

/** The matrix of one or more resources as read, rows in order of appearance. */
export interface WideTable {
  readonly vmNames: readonly string[]
  readonly steps: number
  /** Row-major VM x step, shares of the VM's size. */
  readonly cpu: Float32Array
}

/** One row per VM: its name, then a percentage per step. The first row says how many steps there are. */
export function readWide(cursor: CsvCursor, lineCount: number, isStrict: boolean): WideTable {
  const steps = cursor.countCells() - 1
  const place = cursor.place()
  if (steps < 1)
    throw new ParseError(place, 'one cell', 'Expected a name and at least one percentage, separated by commas.')
  if (steps > STEPS_MAX) throw new ParseError(place, steps, `Expected at most ${STEPS_MAX} steps in a row.`)
  if (steps * lineCount > CELLS_MAX)
    throw new ParseError(place, steps * lineCount, `Expected at most ${CELLS_MAX} values in all. Split the file.`)
  const cpu = new Float32Array(steps * lineCount)
  const lineOfName = new Map<string, number>()
  while (cursor.beginRow()) {
    const name = checkName(cursor.readText(), cursor.place(), NAME_LENGTH_MAX)
    const firstLine = lineOfName.get(name)
    if (firstLine !== undefined)
      throw new ParseError(
        cursor.place(),
        name,
        `Duplicate VM name: it stands on line ${firstLine} too. Give each VM one row.`,
      )
    if (lineOfName.size >= VMS_MAX)
      throw new ParseError(cursor.place(), VMS_MAX + 1, `Expected at most ${VMS_MAX} VMs.`)
    readRow(cursor, cpu, { start: lineOfName.size * steps, steps, isStrict })
    lineOfName.set(name, cursor.line)
    cursor.endRow()
  }
  const vmNames = [...lineOfName.keys()]
  return { vmNames, steps, cpu: cpu.subarray(0, vmNames.length * steps) }
}

interface Row {
  readonly start: number
  readonly steps: number
  readonly isStrict: boolean
}

function readRow(cursor: CsvCursor, cpu: Float32Array, row: Row): void {
  const refuse = (text: string): ParseError => notPercent(`${cursor.place()} column ${column + 2}`, text)
  const highest = row.isStrict ? 100 : PERCENT_MAX
  let column = 0
  for (; column < row.steps && !cursor.isRowEnd; column++) {
    const percent = cursor.readNumber(refuse)
    if (percent < 0 || percent > highest) checkPercent(percent, `${cursor.place()} column ${column + 2}`, row.isStrict)
    cpu[row.start + column] = percent / 100
  }
  if (cursor.isRowEnd && column === row.steps) return
  const expected = amount(row.steps, 'value', 'values')
  const remedy = `Expected ${expected}, as in the first row: every VM has a value or an empty cell per step.`
  throw new ParseError(
    cursor.place(),
    cursor.isRowEnd ? amount(column, 'value', 'values') : `more than ${expected}`,
    remedy,
  )
}
