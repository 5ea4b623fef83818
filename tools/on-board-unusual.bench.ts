/** How often change and anomaly are told of ordinary days, and how much of what was planted is found. `npm run bench -- on-board-unusual` prints it for
 *  Azure V1 (CPU alone) and, where the data are, for Bitbrains (all that a hypervisor sees). */
import { readAzure } from '../src/drivers/traces/azure.ts'
import { readBitbrains } from '../src/drivers/traces/bitbrains.ts'
import { findDataFolder } from '../src/drivers/traces/data-folder.ts'
import { OnBoard } from '../src/engine/profile/on-board.ts'
import { PHASES_1 } from '../src/engine/profile/phases-1.ts'
import { parseVmId } from '../src/terms/ids.ts'
import { dimensionIndex, readDimension } from '../src/terms/personality.ts'
import { type Measure, READING_LENGTH } from '../src/terms/reading.ts'
import type { Resource } from '../src/terms/sample.ts'
import type { Trace } from '../src/terms/trace.ts'
import { HOUR_MS } from '../src/terms/units.ts'
import { bench } from './benchmark.ts'

const SLOT_MS = 300_000
/** Slots that are watched before anything is judged: a day and a half. */
const WATCHED = 432
const CHANGE_BOUNDS = [3, 5, 8] as const
const ANOMALY_BOUNDS = [0.5, 0.9] as const
const MEASURES: Readonly<Partial<Record<Resource, Measure>>> = {
  cpu: 'cpuRefCoresMean',
  diskRead: 'diskReadBytesPerSec',
  diskWrite: 'diskWriteBytesPerSec',
  netReceive: 'netReceiveBytesPerSec',
  netSend: 'netSendBytesPerSec',
}

/** What is planted into a VM's life from a slot on, a value at a time. */
interface Plant {
  readonly name: string
  readonly from: number
  readonly apply: (measure: Measure, value: number) => number
}

interface Told {
  readonly change: number
  readonly anomaly: number
}

/** Lives a VM's slots up to `to`, and tells its scores at those asked for. */
function live(trace: Trace, vm: number, slots: readonly number[], plant?: Plant): readonly Told[] {
  const options = { vmId: parseVmId('vm'), sender: 'bench', cores: 1, refCoresPerCore: 1, windowMs: HOUR_MS }
  const subject = new OnBoard({ ...options, phases: PHASES_1 })
  const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
  const columns = Object.entries(MEASURES).flatMap(([resource, measure]) => {
    const column = trace.columns[resource as Resource]
    const isReal = column !== undefined && !trace.synthetic.includes(resource as Resource)
    return isReal ? [{ measure, column }] : []
  })
  const told: Told[] = []
  const last = Math.max(...slots)
  for (let slot = 0; slot <= last; slot++) {
    for (const { measure, column } of columns) {
      const value = column[vm * trace.steps + slot]
      values[dimensionIndex(measure)] = plant !== undefined && slot >= plant.from ? plant.apply(measure, value) : value
    }
    // A little into the next slot, so that this one is closed.
    const end = (slot + 1) * SLOT_MS
    subject.observe({ at: end, spanMs: SLOT_MS, values })
    if (!slots.includes(slot)) continue
    subject.observe({ at: end + 1, spanMs: 1, values })
    const vector = subject.vector(end + 1, 0)
    told.push({
      change: Math.abs(readDimension(vector, 'changeScore') ?? 0),
      anomaly: readDimension(vector, 'anomalyScore') ?? 0,
    })
  }
  return told
}

const PLANTS: readonly Omit<Plant, 'from'>[] = [
  {
    name: 'CPU up by 20 % of the size',
    apply: (measure, value) => (measure === 'cpuRefCoresMean' ? Math.min(1, value + 0.2) : value),
  },
  { name: 'CPU at 100 %', apply: (measure, value) => (measure === 'cpuRefCoresMean' ? 1 : value) },
  {
    name: 'writes 20 MB/s to disk',
    apply: (measure, value) => (measure === 'diskWriteBytesPerSec' ? value + 2e7 : value),
  },
  {
    name: 'all at 20 times',
    apply: (measure, value) => (measure === 'cpuRefCoresMean' ? Math.min(1, 20 * value) : 20 * value),
  },
]

/** Share of those that reach the bound. */
function share(told: readonly Told[], key: keyof Told, bound: number): string {
  return (told.filter((scores) => scores[key] >= bound).length / told.length).toFixed(4)
}

function row(name: string, told: readonly Told[]): string {
  const cells = [
    ...CHANGE_BOUNDS.map((bound) => share(told, 'change', bound)),
    ...ANOMALY_BOUNDS.map((bound) => share(told, 'anomaly', bound)),
  ]
  return `| ${name} | ${told.length} | ${cells.join(' | ')} |\n`
}

function printTable(trace: Trace): void {
  const heads = [
    ...CHANGE_BOUNDS.map((bound) => `change >= ${bound}`),
    ...ANOMALY_BOUNDS.map((bound) => `anomaly >= ${bound}`),
  ]
  process.stdout.write(
    `${trace.name}, ${trace.vmNames.length} VMs: share of slots\n| what | slots | ${heads.join(' | ')} |\n|---|${'---|'.repeat(6)}\n`,
  )
  const vms = trace.vmNames.map((_, vm) => vm)
  const everySeventh = Array.from({ length: Math.floor((trace.steps - WATCHED) / 7) }, (_, k) => WATCHED + 7 * k)
  process.stdout.write(
    row(
      'ordinary days',
      vms.flatMap((vm) => live(trace, vm, everySeventh)),
    ),
  )
  for (const { name, apply } of PLANTS) {
    // Where disks are not measured, nothing would be planted.
    if (name.includes('disk') && trace.synthetic.includes('diskWrite')) continue
    const told = vms.flatMap((vm) => {
      const from = WATCHED + ((vm * 37) % (trace.steps - WATCHED - 3))
      return live(trace, vm, [from + 2], { name, apply, from })
    })
    process.stdout.write(row(`${name}, after 15 minutes`, told))
  }
}

if (process.env['ETHOS_BENCH'] === 'full') {
  printTable(readAzure({ days: '7-13', vmCount: 124 }).trace)
  const folder = findDataFolder()
  if (folder !== undefined) printTable(readBitbrains({ days: '7-13' }, folder).trace)
}

const { trace: days } = readAzure({ days: '3-4', vmCount: 4 })

bench('tell change and anomaly of one VM, a vector', { smoke: 20, full: 2000 }, (size) => {
  const slots = Array.from({ length: 100 }, (_, k) => 400 + k)
  let sum = 0
  for (let done = 0; done < size; done += slots.length)
    for (const { change, anomaly } of live(days, (done / slots.length) % 4, slots)) sum += change + anomaly
  return sum
})
