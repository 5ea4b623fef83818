/** Moves from a CSV file: what was known before each, and where the file has it, what came of it. */
import { MIGRATION_MODES, type MoveFacts } from '../../terms/move-facts.ts'
import { ParseError } from '../../terms/parse.ts'
import { CsvCursor } from './csv-cursor.ts'

/** One line of the file. */
export interface MoveRow {
  /** As the file has it in `row`, else the number of the line's move, from 1. */
  readonly row: string
  readonly facts: MoveFacts
}

export type MoveCells = ReadonlyMap<string, string>

interface Column {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly what: string
}

/** All that a promise reads. Names are those of the recorded moves (traces/live-migrations). */
const COLUMNS: readonly Column[] = [
  { name: 'mem_mb', min: 1, max: 64 * 1024 * 1024, what: 'memory of the VM in MiB' },
  { name: 'link_mbit', min: 0, max: 1e7, what: 'limit of the link in Mbit/s, 0 where there is none' },
  { name: 'downtime_limit_ms', min: 1, max: 2_000_000, what: 'downtime limit in ms' },
  { name: 'timeout_s', min: 0.001, max: 1e7, what: 'time allowed in s' },
  { name: 'dirtyrate_calc_s', min: 0.001, max: 60, what: 'window of the page sampling in s' },
  { name: 'load1_before', min: 0, max: 1e5, what: 'load average of the source' },
  { name: 'probe_bw_mb_s', min: 0.001, max: 1e6, what: 'payload of the probe in MB/s' },
  { name: 'pre_dirtyrate_mib_s', min: 0, max: 1e7, what: 'dirty rate by page sampling in MiB/s' },
  { name: 'pre_cpu_time_ms_per_s', min: 0, max: 1e7, what: 'CPU time of the QEMU process in ms/s' },
  { name: 'pre_balloon_rss_mb', min: 1, max: 64 * 1024 * 1024, what: 'resident memory of the QEMU process in MiB' },
  { name: 'pre_balloon_unused_mb', min: 0, max: 64 * 1024 * 1024, what: 'memory that the guest does not use in MiB' },
]
/** Where it is there: further windows of the page sampling, as `seconds:MiB/s` with spaces between. */
const MORE_WINDOWS = 'pre_dirtyrate_more'
const ROWS_MAX = 1_000_000

/** What a promise needs of each move. Throws `ParseError` with file, line and reason.
 *  @param seen is given each move's cells by column: for those who read what came of it */
export function readMoves(
  bytes: Uint8Array,
  name: string,
  seen: (cells: MoveCells, place: string) => void = () => {},
): readonly MoveRow[] {
  const cursor = new CsvCursor(bytes, name)
  if (!cursor.beginRow()) throw new ParseError(name, 'the file', 'It is empty. Expected a line of column names.')
  const head = readCells(cursor)
  checkHead(head, cursor.place())
  const rows: MoveRow[] = []
  const known = new Set<string>()
  cursor.endRow()
  while (cursor.beginRow()) {
    const place = cursor.place()
    if (rows.length >= ROWS_MAX) throw new ParseError(place, ROWS_MAX, 'Too many rows. Split the file?')
    const texts = readCells(cursor)
    if (texts.length !== head.length) {
      throw new ParseError(place, texts.length, `Expected ${head.length} cells, as in the line of column names.`)
    }
    const cells: MoveCells = new Map(head.map((column, i) => [column, texts[i]]))
    const row = rowName(cells, { place, number: rows.length + 1 })
    if (known.has(row)) throw new ParseError(`${place}, row`, row, 'Another move has the same number.')
    known.add(row)
    rows.push({ row, facts: factsOf(cells, `${place} (row ${row})`) })
    seen(cells, place)
    cursor.endRow()
  }
  if (rows.length === 0) throw new ParseError(name, 'the file', 'It has column names and no moves.')
  return rows
}

/** A cell as a number. Absent: empty, or there is no such column. */
export function numberIn(cells: MoveCells, column: string, place: string): number | undefined {
  const text = cells.get(column)
  if (text === undefined || text === '') return undefined
  const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isFinite(value)) throw new ParseError(`${place}, ${column}`, text, 'Expected a finite number.')
  return value
}

function readCells(cursor: CsvCursor): readonly string[] {
  const texts: string[] = []
  do texts.push(cursor.readText())
  while (!cursor.isRowEnd)
  return texts
}

function checkHead(head: readonly string[], place: string): void {
  const twice = head.find((name, i) => head.indexOf(name) !== i)
  if (twice !== undefined) throw new ParseError(place, twice, 'This column stands twice.')
  const lacking = ['mode', ...COLUMNS.map(({ name }) => name)].filter((name) => !head.includes(name))
  if (lacking.length === 0) return
  throw new ParseError(
    place,
    lacking.join(', '),
    'These columns are missing. docs/migration-cost.md says what each is.',
  )
}

/** Printed as it is: what could break the lines of a CSV is refused. */
function rowName(cells: MoveCells, at: { readonly place: string; readonly number: number }): string {
  const text = cells.get('row') ?? ''
  if (text === '') return String(at.number)
  if (/^[\w.:-]{1,64}$/.test(text)) return text
  throw new ParseError(`${at.place}, row`, text, 'Expected letters, digits or one of _ . : - as name of the row.')
}

function factsOf(cells: MoveCells, place: string): MoveFacts {
  const mode = MIGRATION_MODES.find((word) => word === cells.get('mode'))
  if (mode === undefined) {
    throw new ParseError(`${place}, mode`, cells.get('mode'), `Expected one of ${MIGRATION_MODES.join(', ')}.`)
  }
  const values = new Map(COLUMNS.map((column) => [column.name, valueOf(cells, column, place)]))
  const read = (column: string): number => values.get(column) ?? Number.NaN
  if (read('pre_balloon_unused_mb') > read('mem_mb')) {
    throw new ParseError(
      `${place}, pre_balloon_unused_mb`,
      read('pre_balloon_unused_mb'),
      `More than the VM's memory of ${read('mem_mb')} MiB. Are the units mixed up?`,
    )
  }
  const link = read('link_mbit')
  const more = moreWindowsOf(cells.get(MORE_WINDOWS) ?? '', `${place}, ${MORE_WINDOWS}`)
  return {
    memoryMib: read('mem_mb'),
    ...(link > 0 ? { linkMbitPerSec: link } : {}),
    mode,
    downtimeLimitMs: read('downtime_limit_ms'),
    timeoutSec: read('timeout_s'),
    probeBytesPerSec: read('probe_bw_mb_s') * 1e6,
    dirtyMibPerSec: read('pre_dirtyrate_mib_s'),
    dirtyWindowSec: read('dirtyrate_calc_s'),
    ...(more.length > 0 ? { moreDirtyWindows: more } : {}),
    load1: read('load1_before'),
    cpuMsPerSec: read('pre_cpu_time_ms_per_s'),
    residentMib: read('pre_balloon_rss_mb'),
    unusedMib: read('pre_balloon_unused_mb'),
  }
}

function moreWindowsOf(text: string, place: string): NonNullable<MoveFacts['moreDirtyWindows']> {
  return text.split(' ').flatMap((word) => {
    if (word === '') return []
    const [, seconds, rate] = /^(\d{1,2}(?:\.\d+)?):(\d{1,7}(?:\.\d+)?)$/.exec(word) ?? []
    const windowSec = Number(seconds)
    if (windowSec > 0) return [{ windowSec, mibPerSec: Number(rate) }]
    throw new ParseError(place, text, 'Expected windows as seconds:MiB/s with spaces between, like "4:12 1:14".')
  })
}

function valueOf(cells: MoveCells, { name, min, max, what }: Column, place: string): number {
  const value = numberIn(cells, name, place)
  if (value === undefined) {
    throw new ParseError(`${place}, ${name}`, '', `Nobody measured it, and no promise holds without: ${what}.`)
  }
  if (value < min || value > max) {
    throw new ParseError(`${place}, ${name}`, value, `Expected ${what}, from ${min} to ${max}.`)
  }
  return value
}
