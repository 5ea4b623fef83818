/** What hosts used of what they have, over time, as columns for all of them. */
import { hostCapacityRefCores } from '../../../terms/host.ts'
import { DAY_MS, type EpochMs } from '../../../terms/units.ts'
import { type HostUsageSeries, SLOT_MS } from '../../../terms/usage.ts'
import { slotsWithin } from '../../../terms/usage-fold.ts'
import { fragment, JsonBytes } from '../json-bytes.ts'
import { CELLS_MAX, type HostPastView, PAST_MS, SLOTS_READ_MAX } from '../views/outlook.ts'
import type { ApiParts } from './parts.ts'
import { invalid, JSON_TYPE, type Reply, UNKNOWN } from './reply.ts'
import type { SeenHost, SiteView } from './site-view.ts'
import { withoutAbsent } from './vm-routes.ts'

const SPAN_MS_MAX = 31 * DAY_MS

export interface PastQuery {
  readonly host?: string
  readonly from?: EpochMs
  readonly to?: EpochMs
  readonly stepMs?: number
  readonly isMaxShown?: boolean
}

/** What is answered of whom. */
interface Window {
  readonly from: EpochMs
  readonly to: EpochMs
  readonly stepMs: number
}

/** Rejects with a `StoreError`. */
export async function tellLoadHistory(
  { store, clock }: Pick<ApiParts, 'store' | 'clock'>,
  site: SiteView,
  query: PastQuery,
): Promise<Reply> {
  const { at, hosts } = await site.read()
  const wanted = query.host === undefined ? hosts : hosts.filter(({ host }) => host === query.host)
  if (query.host !== undefined && wanted.length === 0) return UNKNOWN
  const window = windowOf(query, wanted.length, clock.now())
  if (typeof window === 'string') return invalid(window, 'Ask for a longer step, a shorter span, or one host.')
  const series = await store.usage.hostSeries(
    wanted.map(({ host }) => host),
    window,
  )
  const { firstSlotAt: first, slots } = slotsWithin(window)
  const steps = Math.ceil(slots / (window.stepMs / SLOT_MS))
  const json = new JsonBytes(1024 + wanted.length * (256 + steps * (query.isMaxShown === true ? 18 : 12)))
  json.raw(fragment(`{"asOf":${at},"from":${first},"stepMs":${window.stepMs},"steps":${steps},"hosts":[`))
  const columns = new Columns(steps, window.stepMs / SLOT_MS)
  wanted.forEach((seen, i) => {
    if (i > 0) json.raw(COMMA)
    writeHost(json, seen, { series: series[i], columns, isMaxShown: query.isMaxShown === true })
  })
  return { kind: 'text', text: json.raw(END).take(), type: JSON_TYPE }
}

const COMMA = fragment(',')
const END = fragment(']}')
const CPU = fragment(',"cpu":')
const CPU_MAX = fragment(',"cpuMax":')
const MEMORY = fragment(',"memory":')
const HOST_END = fragment('}')

/** A sentence where it can't be answered. */
function windowOf(query: PastQuery, hosts: number, now: EpochMs): Window | string {
  const to = query.to ?? now + 1
  const from = query.from ?? Math.max(0, to - PAST_MS)
  if (from >= to) return `from (${from}) must lie before to (${to}).`
  const spanMs = to - from
  if (spanMs > SPAN_MS_MAX) return `The span is ${spanMs} ms; at most ${SPAN_MS_MAX} (31 days) are answered.`
  const slots = Math.ceil(spanMs / SLOT_MS) + 1
  if (hosts * slots > SLOTS_READ_MAX)
    return `${hosts} hosts over ${spanMs} ms would be ${hosts * slots} slots of 5 minutes; at most ${SLOTS_READ_MAX} are read.`
  // Of no host there is nothing to fold, and a step all the same.
  const least = Math.max(1, Math.ceil((hosts * slots) / CELLS_MAX)) * SLOT_MS
  const stepMs = Math.ceil((query.stepMs ?? least) / SLOT_MS) * SLOT_MS
  const cells = hosts * Math.ceil(spanMs / stepMs)
  if (cells > CELLS_MAX) return `That would be ${cells} hosts times steps; at most ${CELLS_MAX} are answered.`
  return { from, to, stepMs }
}

interface HostPast {
  readonly series: HostUsageSeries
  readonly columns: Columns
  readonly isMaxShown: boolean
}

function writeHost(json: JsonBytes, seen: SeenHost, { series, columns, isMaxShown }: HostPast): void {
  const { characteristics } = seen
  json.raw(fragment(JSON.stringify(headOf(seen)).slice(0, -1)))
  if (characteristics !== undefined) {
    const capacity = hostCapacityRefCores(characteristics)
    const { cpuRefCoresMean, cpuRefCoresMax, memoryUsedBytes } = series
    json.raw(CPU).shares(columns.means(cpuRefCoresMean, capacity))
    // Of a slot whose highest is not known, its mean counts: it is the highest of what is known.
    if (isMaxShown) json.raw(CPU_MAX).shares(columns.highest(cpuRefCoresMax, cpuRefCoresMean, capacity))
    json.raw(MEMORY).shares(columns.means(memoryUsedBytes, characteristics.memoryBytes))
  }
  json.raw(HOST_END)
}

function headOf({ host, characteristics, lacking, report }: SeenHost): HostPastView {
  const capacity =
    characteristics === undefined
      ? {}
      : { cpuRefCores: hostCapacityRefCores(characteristics), memoryBytes: characteristics.memoryBytes }
  return withoutAbsent<HostPastView>({
    host,
    capacity,
    lacking: characteristics === undefined ? (lacking ?? 'Nobody measured it.') : undefined,
    cpuFrom: report !== undefined && report.cpuRefCoresMean === undefined ? 'vms' : 'host',
    memoryFrom: report !== undefined && report.memoryUsedBytes === undefined ? 'vms' : 'host',
    cpu: undefined,
    cpuMax: undefined,
    memory: undefined,
  })
}

/** Slots folded into steps, as shares of what there is. The column that is returned is good until the next is asked for. */
class Columns {
  private readonly perStep: number
  private readonly column: Float64Array

  constructor(steps: number, perStep: number) {
    this.perStep = perStep
    this.column = new Float64Array(steps)
  }

  /** The mean of the slots of each step that were measured. */
  means(slots: Float32Array | undefined, of: number): Float64Array {
    const { column, perStep } = this
    if (slots === undefined) return column.fill(Number.NaN)
    for (let step = 0; step < column.length; step++) {
      const end = Math.min(slots.length, (step + 1) * perStep)
      let sum = 0
      let count = 0
      for (let i = step * perStep; i < end; i++) {
        if (Number.isNaN(slots[i])) continue
        sum += slots[i]
        count++
      }
      column[step] = sum / count / of
    }
    return column
  }

  /** The highest of the slots of each step, and of means where no highest is known. */
  highest(max: Float32Array | undefined, mean: Float32Array | undefined, of: number): Float64Array {
    const { column, perStep } = this
    for (let step = 0; step < column.length; step++) {
      let highest = -Infinity
      for (let i = step * perStep; i < (step + 1) * perStep; i++) {
        const known = max?.[i] ?? Number.NaN
        const value = Number.isNaN(known) ? (mean?.[i] ?? Number.NaN) : known
        if (value > highest) highest = value
      }
      column[step] = highest / of
    }
    return column
  }
}
