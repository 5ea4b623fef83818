import { join } from 'node:path'
import { hashText, Luck } from '../../terms/luck.ts'
import { ParseError, parseFields, parseJson, parseList, parseNumber, parseText } from '../../terms/parse.ts'
import type { Trace } from '../../terms/trace.ts'
import { DAY_MS } from '../../terms/units.ts'
import type { Vm } from '../../terms/vm.ts'
import { type Flavour, flavourAt, parseFlavourMap } from './azure-flavours.ts'
import { type ByteGrid, byteValues, copyRows, type GridRow, readByteGrid } from './byte-grid.ts'
import { PROJECT_FOLDER } from './data-folder.ts'
import { type DayRange, daysOf, parseDays } from './days.ts'
import { SYNTHETIC_RESOURCES, syntheticColumns } from './synthetic.ts'
import { readTraceBytes } from './trace-bytes.ts'
import { countTrace } from './trace-counts.ts'
import { sizedVms } from './vm-sizes.ts'

const AZURE_FOLDER = join(PROJECT_FOLDER, 'traces', 'azure-v1')
const STEP_MS = 300_000
const SLOTS_PER_DAY = DAY_MS / STEP_MS
/** Two samples of Azure V1 that share no VM. */
const SETS = [
  { file: 'microsoft', suffix: '_70', vms: 70, slots: 8004 },
  { file: 'periodic', suffix: '_54', vms: 54, slots: 8400 },
] as const
/** VMs of both sets. */
export const AZURE_VMS = 124
/** Days that all 124 VMs have in full; one more is cut short for 70 of them. */
export const AZURE_FULL_DAYS = 27
export const AZURE_DAY_DEFAULT = 3
export const AZURE_VM_COUNT_DEFAULT = 400
export const AZURE_VM_COUNT_MAX = AZURE_VMS * AZURE_FULL_DAYS

export interface AzureRequest {
  /** `3`, or `2-8` for several days; from 0 to 27. */
  readonly days?: string
  readonly vmCount?: number
  /** Draws sizes and the synthetic resources. */
  readonly seed?: number
  /** `max` takes the highest CPU within each 300 s in place of the mean. */
  readonly level?: 'avg' | 'max'
}

/** CPU of Azure VMs of 2017 (Cortez et al., SOSP'17; CC BY 4.0), with sizes by seed and all else synthetic.
 *  Rows beyond the 124 VMs are the same VMs on other days: the second 124 are shifted by one day, and so on. */
export function readAzure(request: AzureRequest = {}): { readonly trace: Trace; readonly vms: readonly Vm[] } {
  const source = request.level === 'max' ? 'azure-max' : 'azure'
  const days = parseDays(request.days, AZURE_FULL_DAYS, source, AZURE_DAY_DEFAULT)
  const seed = request.seed ?? 1
  const bounds = { min: 1, max: AZURE_VM_COUNT_MAX, integer: true }
  const vmCount = parseNumber(request.vmCount ?? AZURE_VM_COUNT_DEFAULT, 'number of VMs', bounds)
  const columns = parseFields(readJson('columns.json'), 'columns.json')
  const sets = SETS.map((set) => readSet(set, columns, { days, vmCount, level: request.level ?? 'avg' }))
  const { vmNames, keys, cpu } = interleave(sets, vmCount, SLOTS_PER_DAY * daysOf(days).length)
  const steps = cpu.length / vmCount
  const trace: Trace = {
    name: `${source}/${days.first === days.last ? days.first : `${days.first}-${days.last}`}`,
    stepMs: STEP_MS,
    steps,
    vmNames,
    columns: { cpu, ...syntheticColumns({ keys, steps, cpu }, seed) },
    synthetic: SYNTHETIC_RESOURCES,
    notes: notesOf(vmCount, days, seed, request.level ?? 'avg'),
    counts: countTrace(cpu, steps),
  }
  const flavours = readFlavours()
  const sizeOf = (_: string, row: number) =>
    flavourAt(flavours, new Luck(hashText(`size ${keys[row]}`, seed)).fraction()).size
  return { trace, vms: sizedVms(vmNames, sizeOf) }
}

/** CPU of the 124 VMs on all full days as it is kept: a byte for each VM and slot of 300 s, row by row. */
export interface AzureCpu {
  /** `m964235`: the set's letter and the VM's number there. */
  readonly ids: readonly string[]
  readonly slots: number
  readonly bytes: Uint8Array
  /** The share that a byte stands for; NaN where nobody measured. */
  readonly shareOf: Float32Array
}

/** The same without sizes and what is synthetic: in little memory, for who follows single VMs. */
export function readAzureCpu(level: 'avg' | 'max'): AzureCpu {
  const columns = parseFields(readJson('columns.json'), 'columns.json')
  const slots = AZURE_FULL_DAYS * SLOTS_PER_DAY
  const ids: string[] = []
  const bytes = new Uint8Array(AZURE_VMS * slots)
  for (const set of SETS) {
    const key = `${set.file}_${level}${set.suffix}`
    const grid = readByteGrid(join(AZURE_FOLDER, `${key}.u8.gz`), set.vms, set.slots)
    idsOf(columns, key).forEach((id, vm) => {
      bytes.set(grid.bytes.subarray(vm * set.slots, vm * set.slots + slots), ids.length * slots)
      ids.push(`${set.file[0]}${id}`)
    })
  }
  return { ids: unique(ids), slots, bytes, shareOf: PERCENT_HALVES }
}

/** The flavours of Azure V1 with their arrivals over 21 days. */
export function readFlavours(): readonly Flavour[] {
  const text = new TextDecoder().decode(readTraceBytes(join(AZURE_FOLDER, 'flav_map.txt')))
  const arrivals = parseFields(
    parseFields(readJson('flavours.json'), 'flavours.json')['arrivals'],
    'flavours.json arrivals',
  )
  return [...parseFlavourMap(text, 'flav_map.txt')].map(([letter, size]) => ({
    letter,
    size,
    arrivals: parseNumber(arrivals[letter], `flavours.json arrivals.${letter}`, { min: 0, integer: true }),
  }))
}

interface Choice {
  readonly days: DayRange
  readonly vmCount: number
  readonly level: 'avg' | 'max'
}

interface SetRows {
  readonly vmsPerRound: number
  readonly names: readonly string[]
  /** The VM and the round, whatever the day: sizes and synthetic series are drawn by it. */
  readonly keys: readonly string[]
  readonly cpu: Float32Array
}

/** All rows of one set that the trace may take, round by round: round 0 is the days asked for, round 1 the days after. */
function readSet(set: (typeof SETS)[number], columns: Readonly<Record<string, unknown>>, choice: Choice): SetRows {
  const key = `${set.file}_${choice.level}${set.suffix}`
  const grid: ByteGrid = readByteGrid(join(AZURE_FOLDER, `${key}.u8.gz`), set.vms, set.slots)
  const ids = idsOf(columns, key)
  if (ids.length !== set.vms) throw new ParseError(`columns.json ${key}`, ids.length, `Expected ${set.vms} VMs.`)
  const rounds = Math.ceil(choice.vmCount / AZURE_VMS)
  const rows: GridRow[] = []
  const names: string[] = []
  const keys: string[] = []
  for (let round = 0; round < rounds; round++) {
    const daySlots = daysOf(choice.days).map((day) => dayOfRound(day, round) * SLOTS_PER_DAY)
    for (let vm = 0; vm < set.vms; vm++) {
      rows.push({ vm, daySlots })
      keys.push(`${set.file} ${ids[vm]} ${vm} ${round}`)
      // A name tells the day the row begins with, and is unique: the two sets share a VM id only by mischance.
      names.push(`azure-${set.file[0]}${ids[vm]}-d${String(dayOfRound(choice.days.first, round)).padStart(2, '0')}`)
    }
  }
  return { vmsPerRound: set.vms, names: unique(names), keys, cpu: copyRows(grid, rows, SLOTS_PER_DAY, PERCENT_HALVES) }
}

function idsOf(columns: Readonly<Record<string, unknown>>, key: string): readonly string[] {
  const place = `columns.json ${key}`
  return parseList(columns[key], place).map((id) => parseText(id, place).split(' ')[0])
}

/** Azure bytes are half percents. */
const PERCENT_HALVES = byteValues((byte) => byte / 200)

/** Days of later rounds wrap around within the full days; the day asked for is taken as it is. */
function dayOfRound(day: number, round: number): number {
  return round === 0 ? day : (day + round) % AZURE_FULL_DAYS
}

/** Round by round, the 70 VMs first and then the 54. */
function interleave(
  sets: readonly SetRows[],
  vmCount: number,
  steps: number,
): { readonly vmNames: readonly string[]; readonly keys: readonly string[]; readonly cpu: Float32Array } {
  const vmNames: string[] = []
  const keys: string[] = []
  const cpu = new Float32Array(vmCount * steps)
  for (let row = 0; row < vmCount; row++) {
    const round = Math.floor(row / AZURE_VMS)
    const within = row % AZURE_VMS
    const [set, vm] = within < sets[0].vmsPerRound ? [sets[0], within] : [sets[1], within - sets[0].vmsPerRound]
    const source = round * set.vmsPerRound + vm
    vmNames.push(set.names[source])
    keys.push(set.keys[source])
    cpu.set(set.cpu.subarray(source * steps, (source + 1) * steps), row * steps)
  }
  return { vmNames, keys, cpu }
}

function notesOf(vmCount: number, days: DayRange, seed: number, level: string): readonly string[] {
  const others =
    vmCount - AZURE_VMS === 1
      ? `1 of the ${vmCount} VMs is another day of one of the same ${AZURE_VMS} VMs`
      : `${vmCount - AZURE_VMS} of the ${vmCount} VMs are other days of the same ${AZURE_VMS} VMs`
  return [
    `CPU (${level === 'max' ? 'highest' : 'mean'} of each 300 s) of Azure VMs of 2017, quantised to 0.5 % (CC BY 4.0, Cortez et al. SOSP'17)`,
    `cores and memory drawn by seed ${seed} from Azure's flavours, weighted by arrivals`,
    `memory, disk and network are synthetic: generated from the CPU by seed ${seed}`,
    ...(vmCount > AZURE_VMS ? [others] : []),
    ...(days.last === AZURE_FULL_DAYS ? [`on day ${AZURE_FULL_DAYS} the recording of 70 VMs ends at 19:00`] : []),
  ]
}

function unique(names: readonly string[]): readonly string[] {
  const seen = new Map<string, number>()
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}.${count}`
  })
}

function readJson(file: string): unknown {
  return parseJson(new TextDecoder().decode(readTraceBytes(join(AZURE_FOLDER, file))), file)
}
