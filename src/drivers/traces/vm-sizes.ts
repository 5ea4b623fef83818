import { basename } from 'node:path'
import { ID_LENGTH_MAX, type VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { MiB } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import { CsvCursor, NAME_LENGTH_MAX } from './csv-cursor.ts'
import { checkName, VMS_MAX } from './csv-values.ts'
import { readTraceBytes } from './trace-bytes.ts'

/** What a VM was ordered with. */
export interface VmSize {
  /** In reference cores; whole vCPUs are made of it, so 2.5 is three vCPUs of 0.83. */
  readonly cpuCores: number
  readonly memoryBytes: number
}

/** The size of a VM of which nobody said it: 2 cores and 4,096 MB. Stated in the notes of the run. */
export const DEFAULT_VM_SIZE: VmSize = { cpuCores: 2, memoryBytes: 4096 * MiB }

/** CloudSim's four VM types (Constants.java): MIPS 2500/2000/1000/500 as reference cores, and MB of memory. */
const CLOUDSIM_TYPES: readonly VmSize[] = [
  { cpuCores: 2.5, memoryBytes: 870 * MiB },
  { cpuCores: 2, memoryBytes: 1740 * MiB },
  { cpuCores: 1, memoryBytes: 1740 * MiB },
  { cpuCores: 0.5, memoryBytes: 613 * MiB },
]

/** VMs as CloudSim's PlanetLab example orders them: four equal blocks in file order, one vCPU each. */
export function cloudsimVms(names: readonly string[]): readonly Vm[] {
  const block = Math.ceil(names.length / CLOUDSIM_TYPES.length)
  return safeVmIds(names).map((id, i) => {
    const type = CLOUDSIM_TYPES[Math.floor(i / block)]
    return { id, vcpus: 1, refCoresPerVcpu: type.cpuCores, memoryBytes: type.memoryBytes }
  })
}

/** One VM per name, with the size that `sizeOf` gives it. */
export function sizedVms(names: readonly string[], sizeOf: (name: string, row: number) => VmSize): readonly Vm[] {
  const ids = safeVmIds(names)
  return names.map((name, row) => {
    const { cpuCores, memoryBytes } = sizeOf(name, row)
    const vcpus = Math.max(1, Math.ceil(cpuCores))
    return { id: ids[row], vcpus, refCoresPerVcpu: cpuCores / vcpus, memoryBytes }
  })
}

/** Ids from names: what an id can't hold becomes `_`, long names are cut, and a second equal id gets `~2`. */
export function safeVmIds(names: readonly string[]): readonly VmId[] {
  const taken = new Set<string>()
  const nextOf = new Map<string, number>()
  return names.map((name) => {
    const base = name.replaceAll(/[^\x21\x23-\x5b\x5d-\x7e]/g, '_').slice(0, ID_LENGTH_MAX) || '_'
    let id = base
    let count = nextOf.get(base) ?? 2
    for (; taken.has(id); count++) id = `${base.slice(0, ID_LENGTH_MAX - 8)}~${count}`
    nextOf.set(base, count)
    taken.add(id)
    return id as VmId
  })
}

const COLUMNS = ['vm', 'cpu_cores', 'memory_mb'] as const
type Column = (typeof COLUMNS)[number]
const HEADER_HELP = `Expected the header ${COLUMNS.join(',')}.`

/** Reads `--vms FILE.csv`: `vm,cpu_cores,memory_mb`, one row per VM. Throws only `ParseError`. */
export function readVmSizes(path: string): ReadonlyMap<string, VmSize> {
  return parseVmSizes(readTraceBytes(path, 'Check the path given with --vms.'), basename(path))
}

export function parseVmSizes(bytes: Uint8Array, fileName: string): ReadonlyMap<string, VmSize> {
  const cursor = new CsvCursor(bytes, fileName)
  if (!cursor.beginRow()) throw new ParseError(fileName, 'an empty file', HEADER_HELP)
  const columns = readColumns(cursor)
  const sizes = new Map<string, VmSize>()
  while (cursor.beginRow()) {
    const place = cursor.place()
    const { name, size } = readSize(cursor, columns)
    if (sizes.has(name)) throw new ParseError(place, name, 'This VM has a row above. Keep one of the two.')
    if (sizes.size >= VMS_MAX) throw new ParseError(place, VMS_MAX + 1, `Expected at most ${VMS_MAX} VMs.`)
    sizes.set(name, size)
  }
  return sizes
}

function readColumns(cursor: CsvCursor): readonly Column[] {
  const place = cursor.place()
  const columns: string[] = []
  while (!cursor.isRowEnd && columns.length <= COLUMNS.length) columns.push(cursor.readText())
  cursor.endRow()
  if (columns.length !== COLUMNS.length || !COLUMNS.every((name) => columns.includes(name)))
    throw new ParseError(place, columns.join(','), HEADER_HELP)
  return columns as Column[]
}

function readSize(cursor: CsvCursor, columns: readonly Column[]): { readonly name: string; readonly size: VmSize } {
  const place = cursor.place()
  let name = ''
  let cpuCores = 0
  let memoryMb = 0
  for (const column of columns) {
    if (cursor.isRowEnd) throw new ParseError(place, 'a short row', HEADER_HELP)
    if (column === 'vm') name = checkName(cursor.readText(), place, NAME_LENGTH_MAX)
    else if (column === 'cpu_cores') cpuCores = readBetween(cursor, `${place} cpu_cores`, { min: 0.01, max: 4096 })
    else memoryMb = readBetween(cursor, `${place} memory_mb`, { min: 1, max: 1e8 })
  }
  if (!cursor.isRowEnd) throw new ParseError(place, 'a long row', HEADER_HELP)
  cursor.endRow()
  return { name, size: { cpuCores, memoryBytes: Math.round(memoryMb * MiB) } }
}

function readBetween(cursor: CsvCursor, place: string, bounds: { readonly min: number; readonly max: number }): number {
  const refuse = (value: unknown): ParseError =>
    new ParseError(place, value, `Expected a number from ${bounds.min} to ${bounds.max}.`)
  const value = cursor.readNumber(refuse)
  if (value >= bounds.min && value <= bounds.max) return value
  throw refuse(Number.isNaN(value) ? '' : value)
}
