import { dirname, join } from 'node:path'
import { ParseError, parseNumber } from '../../terms/parse.ts'
import type { Resource } from '../../terms/sample.ts'
import type { Trace } from '../../terms/trace.ts'
import { DAY_MS, KiB } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import { amount } from './amount.ts'
import { byteValues, copyRows, type GridRow, readByteGrid } from './byte-grid.ts'
import { BYTES_PER_KB } from './csv-values.ts'
import { dataFile } from './data-folder.ts'
import { daysOf, parseDays } from './days.ts'
import { readTraceBytes } from './trace-bytes.ts'
import { countTrace, lifeSpans } from './trace-counts.ts'
import { sizedVms, type VmSize } from './vm-sizes.ts'

const FOLDER = 'bitbrains_rnd_2013_08'
const STEP_MS = 300_000
const SLOTS_PER_DAY = DAY_MS / STEP_MS
const VMS = 350
const SLOTS = 8640
const DAY_MAX = SLOTS / SLOTS_PER_DAY - 1
/** A weekday: Thursday, 15 August 2013. */
export const BITBRAINS_DAY_DEFAULT = 14
/** The clock of most of the hosts: that many MHz of a VM's capacity are one reference core. */
const MHZ_PER_REF_CORE = 2600

/** Rates are kept as 10 x log2(kB/s + 1). */
const RATES = byteValues((byte) => (2 ** (byte / 10) - 1) * BYTES_PER_KB)

/** The byte files, by resource. */
const FILES: readonly { readonly resource: Resource; readonly file: string; readonly values: Float32Array }[] = [
  { resource: 'cpu', file: 'cpu', values: byteValues((byte) => byte / 200) },
  { resource: 'memory', file: 'mem', values: byteValues((byte) => byte / 250) },
  { resource: 'diskRead', file: 'dr', values: RATES },
  { resource: 'diskWrite', file: 'dw', values: RATES },
  { resource: 'netReceive', file: 'rx', values: RATES },
  { resource: 'netSend', file: 'tx', values: RATES },
]

export interface BitbrainsRequest {
  /** `14`, or `7-13` for several days; from 0 (1 August 2013) to 29. */
  readonly days?: string
  readonly vmCount?: number
  readonly isStrict?: boolean
}

/** Business VMs of Bitbrains, August 2013 (GWA-T-12 "rnd"; Shen, van Beek and Iosup, CCGrid 2015): every resource measured,
 *  real sizes. VMs that have no sample on the days asked for are left out, which is said. */
export function readBitbrains(
  request: BitbrainsRequest,
  dataFolder: string | undefined,
): { readonly trace: Trace; readonly vms: readonly Vm[] } {
  const days = parseDays(request.days, DAY_MAX, 'bitbrains', BITBRAINS_DAY_DEFAULT)
  const vmCount = parseVmCount(request.vmCount ?? VMS)
  const sizesFile = dataFile(dataFolder, `${FOLDER}/vms.csv`, 'bitbrains')
  const sizes = parseSizes(new TextDecoder().decode(readTraceBytes(sizesFile)))
  const rows = (vms: readonly number[]): GridRow[] =>
    vms.map((vm) => ({ vm, daySlots: daysOf(days).map((day) => day * SLOTS_PER_DAY) }))
  const steps = daysOf(days).length * SLOTS_PER_DAY
  const all = Array.from({ length: VMS }, (_, vm) => vm)
  const read = (index: number, vms: readonly number[]): Float32Array => {
    const grid = readByteGrid(join(dirname(sizesFile), `${FILES[index].file}.u8.gz`), VMS, SLOTS)
    return copyRows(grid, rows(vms), SLOTS_PER_DAY, FILES[index].values)
  }
  const { firstStep } = lifeSpans(read(0, all), steps)
  const alive = all.filter((vm) => firstStep[vm] >= 0).slice(0, vmCount)
  const columns = Object.fromEntries(FILES.map(({ resource }, i) => [resource, read(i, alive)])) as Trace['columns']
  if (request.isStrict === true) refuseAbove100(columns.cpu, steps)
  const vmNames = alive.map((vm) => sizes[vm].name)
  const trace: Trace = {
    name: `bitbrains/${days.first === days.last ? days.first : `${days.first}-${days.last}`}`,
    stepMs: STEP_MS,
    steps,
    vmNames,
    columns,
    synthetic: [],
    notes: [
      'Bitbrains GWA-T-12 "rnd", August 2013 (Shen, van Beek and Iosup, CCGrid 2015), quantised; memory is VMware active memory',
      ...(alive.length < vmCount
        ? [`${amount(vmCount - alive.length, 'VM has', 'VMs have')} no sample on these days: left out`]
        : []),
    ],
    counts: countTrace(columns.cpu, steps, columns.memory),
  }
  return { trace, vms: sizedVms(vmNames, (_, row) => sizes[alive[row]].size) }
}

function parseVmCount(vmCount: number): number {
  if (vmCount <= VMS) return parseNumber(vmCount, 'number of VMs', { min: 1, max: VMS, integer: true })
  const remedy = `Bitbrains has ${VMS} VMs, of which no copies are made. Expected a whole number from 1 to ${VMS}.`
  throw new ParseError('number of VMs', vmCount, remedy)
}

interface NamedSize {
  readonly name: string
  readonly size: VmSize
}

/** vms.csv: row, vm_id, cores, MHz of all cores, ..., memory in KiB. */
function parseSizes(text: string): readonly NamedSize[] {
  const sizes = text
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line, i): NamedSize => {
      const [, id, , mhz, , , memoryKb] = line.split(',')
      const place = `vms.csv:${i + 2}`
      // A VM that was never given CPU or memory in the month is told as 0: it gets the least there is.
      const cpuCores = Math.max(0.1, parseNumber(Number(mhz), `${place} MHz`, { min: 0, max: 1e7 }) / MHZ_PER_REF_CORE)
      const memoryBytes = Math.max(1, parseNumber(Number(memoryKb), `${place} memory`, { min: 0, max: 1e12 })) * KiB
      return { name: `bitbrains-${id}`, size: { cpuCores, memoryBytes } }
    })
  if (sizes.length !== VMS)
    throw new ParseError('vms.csv', `${sizes.length} VMs`, `Expected ${VMS}. Copy the file again.`)
  return sizes
}

function refuseAbove100(cpu: Float32Array, steps: number): void {
  const at = cpu.findIndex((share) => share > 1)
  if (at < 0) return
  const place = `bitbrains VM ${Math.floor(at / steps)}, step ${at % steps}`
  throw new ParseError(
    place,
    cpu[at] * 100,
    'It is over 100 %, which --strict refuses. Without --strict it is kept and counted.',
  )
}
