import { ParseError } from '../../terms/parse.ts'
import { RESOURCES, type Resource } from '../../terms/sample.ts'
import { amount } from './amount.ts'
import { NAME_LENGTH_MAX, type CsvCursor } from './csv-cursor.ts'
import { BYTES_PER_KB, CELLS_MAX, checkName, checkPercent, checkRate, notPercent, VMS_MAX } from './csv-values.ts'
import { checkGrid, fillSlots, Grid } from './time-grid.ts'

/** Columns of the long form and the resource each one tells. */
export const LONG_COLUMNS: Readonly<Record<string, Resource>> = {
  cpu_percent: 'cpu',
  memory_percent: 'memory',
  disk_read_kBps: 'diskRead',
  disk_write_kBps: 'diskWrite',
  net_rx_kBps: 'netReceive',
  net_tx_kBps: 'netSend',
}

export const LONG_HEADER_HELP =
  `Expected a header with vm, second and cpu_percent, and any of ${Object.keys(LONG_COLUMNS).slice(1).join(', ')}; ` +
  'or no header and one row per VM: its name, then a percentage per 300 s.'

export interface LongTable {
  readonly vmNames: readonly string[]
  readonly steps: number
  readonly stepMs: number
  /** Row-major VM x step: shares of the VM's size, and bytes/s. */
  readonly columns: Partial<Record<Resource, Float32Array>> & { cpu: Float32Array }
  readonly notes: readonly string[]
}

/** One row per VM and second, in any order. `header` has been read from the cursor. */
export function readLong(
  cursor: CsvCursor,
  header: readonly string[],
  lineCount: number,
  isStrict: boolean,
): LongTable {
  const columns = parseHeader(header, cursor.place())
  cursor.endRow()
  const rows = readRows(cursor, columns, { lineCount, isStrict })
  const grid = new Grid(rows.seconds)
  checkGrid(grid, rows.place)
  const cells = rows.vmNames.length * grid.steps
  if (cells > CELLS_MAX) {
    const size = `${rows.vmNames.length} VMs x ${grid.steps} steps of ${grid.stepSeconds} s`
    throw new ParseError(
      cursor.place(),
      size,
      `Expected at most ${CELLS_MAX} cells. Are the seconds right? Else split the file.`,
    )
  }
  const slots = fillSlots(grid, rows, cells)
  return {
    vmNames: rows.vmNames,
    steps: grid.steps,
    stepMs: grid.stepSeconds * 1000,
    columns: slots.columns as LongTable['columns'],
    notes: grid.notes(slots.averaged),
  }
}

/** Rows as columns, in file order. */
export interface LongRows {
  readonly place: string
  readonly vmNames: readonly string[]
  readonly vm: Int32Array
  readonly seconds: Float64Array
  readonly line: Int32Array
  readonly values: Partial<Record<Resource, Float32Array>>
}

type Role = 'vm' | 'second' | Resource

function parseHeader(header: readonly string[], place: string): readonly Role[] {
  const roles = header.map((name, i): Role => {
    if (header.indexOf(name) !== i) throw new ParseError(place, name, 'This column stands twice in the header.')
    if (name === 'vm' || name === 'second') return name
    if (Object.hasOwn(LONG_COLUMNS, name)) return LONG_COLUMNS[name]
    throw new ParseError(place, name, `Unknown column. ${LONG_HEADER_HELP}`)
  })
  for (const [role, name] of [
    ['vm', 'vm'],
    ['second', 'second'],
    ['cpu', 'cpu_percent'],
  ] as const)
    if (!roles.includes(role))
      throw new ParseError(place, header.join(','), `The column ${name} is missing. ${LONG_HEADER_HELP}`)
  return roles
}

function readRows(
  cursor: CsvCursor,
  roles: readonly Role[],
  limits: { readonly lineCount: number; readonly isStrict: boolean },
): LongRows {
  const resources = RESOURCES.filter((resource) => roles.includes(resource))
  const values: Partial<Record<Resource, Float32Array>> = {}
  for (const resource of resources) values[resource] = new Float32Array(limits.lineCount)
  const vm = new Int32Array(limits.lineCount)
  const seconds = new Float64Array(limits.lineCount)
  const line = new Int32Array(limits.lineCount)
  const indexOfName = new Map<string, number>()
  const place = cursor.place()
  let row = 0
  for (; cursor.beginRow(); row++) {
    line[row] = cursor.line
    roles.forEach((role, i) => {
      if (cursor.isRowEnd)
        throw new ParseError(cursor.place(), amount(i, 'cell', 'cells'), `Expected ${roles.length}, as in the header.`)
      if (role === 'vm')
        vm[row] = indexOf(checkName(cursor.readText(), cursor.place(), NAME_LENGTH_MAX), indexOfName, cursor)
      else if (role === 'second') seconds[row] = readSecond(cursor)
      else (values[role] as Float32Array)[row] = readValue(cursor, role, limits.isStrict)
    })
    if (!cursor.isRowEnd)
      throw new ParseError(
        cursor.place(),
        `more than ${roles.length} cells`,
        `Expected ${roles.length}, as in the header.`,
      )
    cursor.endRow()
  }
  return {
    place: place.slice(0, place.lastIndexOf(':')),
    vmNames: [...indexOfName.keys()],
    vm: vm.subarray(0, row),
    seconds: seconds.subarray(0, row),
    line: line.subarray(0, row),
    values: Object.fromEntries(resources.map((resource) => [resource, values[resource]?.subarray(0, row)])),
  }
}

function indexOf(name: string, known: Map<string, number>, cursor: CsvCursor): number {
  const index = known.get(name)
  if (index !== undefined) return index
  if (known.size >= VMS_MAX) throw new ParseError(cursor.place(), VMS_MAX + 1, `Expected at most ${VMS_MAX} VMs.`)
  known.set(name, known.size)
  return known.size - 1
}

function readSecond(cursor: CsvCursor): number {
  const place = cursor.place()
  const remedy = 'Expected seconds as a whole number of at least 0, since any fixed start.'
  const second = cursor.readNumber((text) => new ParseError(`${place} second`, text, remedy))
  if (Number.isNaN(second)) throw new ParseError(`${place} second`, '', remedy)
  refuseFinerUnit(second, place)
  if (second < 0 || second > Number.MAX_SAFE_INTEGER || !Number.isInteger(second))
    throw new ParseError(`${place} second`, second, remedy)
  return second
}

/** Seconds since 1970 pass 1e11 in the year 5138: what is larger counts something shorter. */
function refuseFinerUnit(second: number, place: string): void {
  if (second <= 1e11) return
  const [unit, perSecond] = second > 1e14 ? ['microseconds', 1_000_000] : ['milliseconds', 1000]
  const remedy = `It looks like ${unit}. Expected seconds: divide by ${perSecond}.`
  throw new ParseError(`${place} second`, second, remedy)
}

function readValue(cursor: CsvCursor, resource: Resource, isStrict: boolean): number {
  const place = cursor.place()
  if (resource === 'cpu' || resource === 'memory') {
    const where = `${place} ${resource === 'cpu' ? 'cpu_percent' : 'memory_percent'}`
    return (
      checkPercent(
        cursor.readNumber((text) => notPercent(where, text)),
        where,
        isStrict,
      ) / 100
    )
  }
  const where = `${place} ${Object.keys(LONG_COLUMNS).find((name) => LONG_COLUMNS[name] === resource)}`
  const remedy = 'Expected kB/s; empty means that nobody measured.'
  return (
    checkRate(
      cursor.readNumber((text) => new ParseError(where, text, remedy)),
      where,
    ) * BYTES_PER_KB
  )
}
