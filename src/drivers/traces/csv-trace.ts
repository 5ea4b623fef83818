import { basename } from 'node:path'
import { ParseError } from '../../terms/parse.ts'
import type { Resource } from '../../terms/sample.ts'
import type { Trace } from '../../terms/trace.ts'
import { amount } from './amount.ts'
import { CsvCursor } from './csv-cursor.ts'
import { LONG_COLUMNS, LONG_HEADER_HELP, readLong } from './csv-long.ts'
import { readWide } from './csv-wide.ts'
import { STEP_SECONDS_DEFAULT } from './time-grid.ts'
import { readTraceBytes } from './trace-bytes.ts'
import { countTrace, lifeSpans } from './trace-counts.ts'

export interface CsvTraceOptions {
  /** Said in tables and reports. Default: the name of the file. */
  readonly name?: string
  /** Refuse values over 100 % instead of counting them. */
  readonly isStrict?: boolean
  readonly notes?: readonly string[]
  /** What to tell whoever lacks the file: where to get it. */
  readonly missingRemedy?: string
}

/** Reads a trace from a `.csv` or `.csv.gz`, in wide or long form: see docs/traces.md. Throws only `ParseError`. */
export function readTraceFile(path: string, options: CsvTraceOptions = {}): Trace {
  return parseTraceCsv(readTraceBytes(path, options.missingRemedy), basename(path), options)
}

/** The trace in `bytes`; `fileName` is the place that messages name. Where the first row names columns, it is in long
 *  form. */
export function parseTraceCsv(bytes: Uint8Array, fileName: string, options: CsvTraceOptions = {}): Trace {
  const isStrict = options.isStrict ?? false
  const lineCount = countLines(bytes)
  const header = readHeader(bytes, fileName)
  const cursor = new CsvCursor(bytes, fileName)
  if (!cursor.beginRow()) throw emptyTrace(fileName)
  const table =
    header === undefined ? wideTable(cursor, lineCount, isStrict) : longTable(cursor, header, lineCount, isStrict)
  return toTrace(table, fileName, options)
}

interface Table {
  readonly vmNames: readonly string[]
  readonly steps: number
  readonly stepMs: number
  readonly columns: Partial<Record<Resource, Float32Array>> & { cpu: Float32Array }
  readonly notes: readonly string[]
}

function wideTable(cursor: CsvCursor, lineCount: number, isStrict: boolean): Table {
  const { vmNames, steps, cpu } = readWide(cursor, lineCount, isStrict)
  return { vmNames, steps, stepMs: STEP_SECONDS_DEFAULT * 1000, columns: { cpu }, notes: [] }
}

function longTable(cursor: CsvCursor, header: readonly string[], lineCount: number, isStrict: boolean): Table {
  while (!cursor.isRowEnd) cursor.readText()
  return readLong(cursor, header, lineCount, isStrict)
}

function toTrace(table: Table, fileName: string, options: CsvTraceOptions): Trace {
  const { steps, stepMs } = table
  const { firstStep } = lifeSpans(table.columns.cpu, steps)
  const silent = firstStep.reduce((count, first) => count + (first < 0 ? 1 : 0), 0)
  if (silent === firstStep.length) throw emptyTrace(fileName)
  const { vmNames, columns } = silent === 0 ? table : withoutSilent(table, firstStep)
  const left = amount(silent, 'VM without any CPU value was', 'VMs without any CPU value were')
  const silentNotes = silent === 0 ? [] : [`${left} left out`]
  return {
    name: options.name ?? fileName,
    stepMs,
    steps,
    vmNames,
    columns,
    synthetic: [],
    notes: [...(options.notes ?? []), ...table.notes, ...silentNotes],
    counts: countTrace(columns.cpu, steps, columns.memory),
  }
}

function withoutSilent(table: Table, firstStep: Int32Array): Pick<Table, 'vmNames' | 'columns'> {
  const kept = table.vmNames.flatMap((_, vm) => (firstStep[vm] < 0 ? [] : [vm]))
  const columns: Partial<Record<Resource, Float32Array>> = {}
  for (const [resource, column] of Object.entries(table.columns) as [Resource, Float32Array][]) {
    const rows = new Float32Array(kept.length * table.steps)
    kept.forEach((vm, i) => rows.set(column.subarray(vm * table.steps, (vm + 1) * table.steps), i * table.steps))
    columns[resource] = rows
  }
  return { vmNames: kept.map((vm) => table.vmNames[vm]), columns: columns as Table['columns'] }
}

/** The names of the columns when the first row has such; nothing when it is a VM already. */
function readHeader(bytes: Uint8Array, fileName: string): readonly string[] | undefined {
  const cursor = new CsvCursor(bytes, fileName)
  if (!cursor.beginRow()) return undefined
  const cells = [cursor.readText()]
  while (!cursor.isRowEnd && cells.length < 3) cells.push(cursor.readText())
  const isNamed = cells.some((cell) => cell === 'second' || Object.hasOwn(LONG_COLUMNS, cell)) || cells[0] === 'vm'
  const looksNamed =
    cells.length > 1 && cells.slice(1).every((cell) => /^[A-Za-z_%]/.test(cell) && !/^(nan|inf)/i.test(cell))
  if (!isNamed && (looksNamed || (cells.length === 1 && cells[0].includes(';'))))
    throw new ParseError(cursor.place(), cells.join(','), `These are no columns of a trace. ${LONG_HEADER_HELP}`)
  if (!isNamed) return undefined
  while (!cursor.isRowEnd && cells.length < 100) cells.push(cursor.readText())
  return cells
}

function countLines(bytes: Uint8Array): number {
  let count = 1
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++
  return count
}

function emptyTrace(fileName: string): ParseError {
  return new ParseError(fileName, 'an empty trace', `No VM has a CPU value in it. ${LONG_HEADER_HELP}`)
}
