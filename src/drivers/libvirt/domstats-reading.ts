/** Readings of a guest from two looks at its domain. Host and guest see the same things by other counters: what a dimension means is the same. */
import { cpuDemand } from '../../terms/cpu-demand.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { type Measure, type Reading, READING_LENGTH } from '../../terms/reading.ts'
import { KiB, MiB, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { DomainStats } from './domstats.ts'

const CPUS_MAX = 1024
/** So much of what a VM's CPUs ran may its QEMU have worked beside them; more is of a move. */
const BESIDE_MAX = 0.5
const DEVICES_MAX = 256
const NS_PER_MS = 1e6
/** What the balloon told longer ago than this is not of now: the guest has stopped telling. */
const BALLOON_AGE_MS_MAX = 5 * MINUTE_MS
/** `dirtyrate.calc_status`: measured. */
const DIRTY_RATE_MEASURED = 2
/** libvirt's virDomainState. */
const PAUSED = 3
const SHUT_OFF = 5
const CRASHED = 6
/** And reasons for being paused: on its way to or from another host, and so on a new one at first. */
const PAUSED_FOR_MOVE = new Set([2, 11])

/** CPUs that a domain has now; 1 where libvirt does not say. */
export function coresOf({ fields }: DomainStats): number {
  return Math.min(CPUS_MAX, Math.max(1, fields.get('vcpu.current') ?? 1))
}

/** Two looks at one domain, the earlier first. */
interface Pair {
  readonly was: DomainStats
  readonly is: DomainStats
  readonly spanMs: number
  readonly put: (measure: Measure, value: number) => void
}

/** A reading from two looks at one domain. Undefined where no time has passed, the domain was off, it did not run here yet at the first look (its
 *  process takes it in then), or it was started anew in between: its CPU time went back. What libvirt has no counter of, or a counter that went back, is
 *  absent. */
export function readingBetween(was: DomainStats, is: DomainStats): Reading | undefined {
  const spanMs = is.at - was.at
  const used = rise(was, is, 'cpu.time') / NS_PER_MS / spanMs
  if (!(spanMs > 0) || is.fields.has('cpu.time') !== Number.isFinite(used)) return undefined
  if (isOff(was) || isOff(is) || isOnItsWay(was)) return undefined
  const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
  const put = (measure: Measure, value: number): void => {
    if (Number.isFinite(value)) values[dimensionIndex(measure)] = value
  }
  const pair = { was, is, spanMs, put }
  putCpu(pair, used)
  putMemory(pair)
  putDisks(pair)
  putCards(pair)
  return { at: is.at, spanMs, values }
}

/** A domain that is shut off or crashed has no counters of now. One that is paused has: it uses nothing, and that is measured. */
function isOff({ fields }: DomainStats): boolean {
  const state = fields.get('state.state')
  return state === SHUT_OFF || state === CRASHED
}

/** A span that begins so is not of a guest at work: it lay here as memory that arrived, or in the instant of its handing over. */
function isOnItsWay({ fields }: DomainStats): boolean {
  return fields.get('state.state') === PAUSED && PAUSED_FOR_MOVE.has(fields.get('state.reason') ?? Number.NaN)
}

/** Demand is what ran plus, of what the VM's CPUs waited, as much as would have run (see `cpuDemand`). Runnable and not run is what the host calls CPU ready
 *  and the guest steal. What QEMU works beside the CPUs, for disks and cards, is a part of what the VM costs wherever it is: left to the host as work of its
 *  own, it would make hosts doubted. Copying the VM's memory to another host is no such part, takes a core and more, and is counted in with it by the
 *  kernel. So there is a bound to it.
 *  @param process CPU time of the whole process, in cores: taken as it is where libvirt does not tell that of each CPU */
function putCpu({ was, is, spanMs, put }: Pair, process: number): void {
  let [ran, told] = [0, 0]
  let [waited, wanted] = [Number.NaN, 0]
  const inCores = (cpu: number, name: string): number => rise(was, is, `vcpu.${cpu}.${name}`) / NS_PER_MS / spanMs
  // CPUs that were unplugged leave holes in the numbers.
  const numbers = Math.min(CPUS_MAX, is.fields.get('vcpu.maximum') ?? coresOf(is))
  for (let cpu = 0; cpu < numbers; cpu++) {
    const its = inCores(cpu, 'time')
    if (Number.isFinite(its)) [ran, told] = [ran + its, told + 1]
    if (!is.fields.has(`vcpu.${cpu}.delay`)) continue
    const delay = inCores(cpu, 'delay')
    waited = (Number.isNaN(waited) ? 0 : waited) + delay
    // Where nobody tells how long this CPU ran, all that it waited may have been wanted.
    wanted += Number.isFinite(its) ? cpuDemand({ ran: its, waited: delay }) - its : delay
  }
  const used = told >= coresOf(is) ? Math.min(process, (1 + BESIDE_MAX) * ran) : process
  put('cpuRefCoresMean', used + (Number.isFinite(wanted) ? wanted : 0))
  if (used + waited > 0) put('cpuStealShare', waited / (used + waited))
}

/** The balloon's figures are the guest's own, told through its driver: they are there only where it has one and is asked to tell. In KiB. */
function putMemory({ was, is, spanMs, put }: Pair): void {
  const dirty = is.fields.get('dirtyrate.megabytes_per_second') ?? Number.NaN
  const isMeasured = (is.fields.get('dirtyrate.calc_status') ?? DIRTY_RATE_MEASURED) === DIRTY_RATE_MEASURED
  // The last measurement stays in the statistics until the next: an old one says nothing of now.
  const start = is.fields.get('dirtyrate.calc_start_time')
  const isNew = start === undefined || start !== was.fields.get('dirtyrate.calc_start_time')
  if (isMeasured && isNew) put('memoryDirtiedBytesPerSec', dirty * MiB)
  const toldSec = is.fields.get('balloon.last-update')
  if (toldSec !== undefined && is.at - toldSec * SECOND_MS > BALLOON_AGE_MS_MAX) return
  const kib = (name: string): number => is.fields.get(`balloon.${name}`) ?? Number.NaN
  const cached = kib('disk_caches')
  // Older guests do not tell what is usable: what is neither free nor cache is used then.
  const free = is.fields.has('balloon.usable') ? kib('usable') : kib('unused') + cached
  put('memoryUsedBytes', Math.max(0, kib('available') - free) * KiB)
  put('memoryCachedBytes', cached * KiB)
  put('majorFaultsPerSec', (rise(was, is, 'balloon.major_fault') * SECOND_MS) / spanMs)
  const swapped = rise(was, is, 'balloon.swap_in') + rise(was, is, 'balloon.swap_out')
  put('swapBytesPerSec', (swapped * KiB * SECOND_MS) / spanMs)
}

function putDisks(pair: Pair): void {
  const { spanMs, put } = pair
  const of = (name: string): number => riseOfDevices(pair, 'block', name)
  const reads = of('rd.reqs')
  const writes = of('wr.reqs')
  put('diskReadBytesPerSec', (of('rd.bytes') * SECOND_MS) / spanMs)
  put('diskWriteBytesPerSec', (of('wr.bytes') * SECOND_MS) / spanMs)
  put('diskReadOpsPerSec', (reads * SECOND_MS) / spanMs)
  put('diskWriteOpsPerSec', (writes * SECOND_MS) / spanMs)
  // Without a request there is no latency: absent, not zero.
  if (reads + writes > 0) put('diskLatencyMs', (of('rd.times') + of('wr.times')) / NS_PER_MS / (reads + writes))
}

function putCards(pair: Pair): void {
  const { spanMs, put } = pair
  const of = (name: string): number => (riseOfDevices(pair, 'net', name) * SECOND_MS) / spanMs
  put('netReceiveBytesPerSec', of('rx.bytes'))
  put('netSendBytesPerSec', of('tx.bytes'))
  put('netReceivePacketsPerSec', of('rx.pkts'))
  put('netSendPacketsPerSec', of('tx.pkts'))
}

/** How much a counter rose over all devices of a kind; NaN where there is none, or one of them can't be told: a part is not the whole. */
function riseOfDevices({ was, is }: Pair, kind: 'block' | 'net', name: string): number {
  const count = Math.min(DEVICES_MAX, is.fields.get(`${kind}.count`) ?? 0)
  const seen = new Set<string>()
  let sum = count > 0 ? 0 : Number.NaN
  for (let i = 0; i < count; i++) {
    const device = is.texts.get(`${kind}.${i}.name`)
    // With --backing, the layers below a disk follow it under its name.
    if (device !== undefined && seen.has(device)) continue
    if (device !== undefined) seen.add(device)
    // After a device was plugged, the number may be another's.
    const isSame = device === undefined || device === (was.texts.get(`${kind}.${i}.name`) ?? device)
    sum += isSame ? rise(was, is, `${kind}.${i}.${name}`) : Number.NaN
  }
  return sum
}

/** How much a counter rose; NaN where it is missing or went back. */
function rise(was: DomainStats, is: DomainStats, name: string): number {
  const from = was.fields.get(name) ?? Number.NaN
  const to = is.fields.get(name) ?? Number.NaN
  return to >= from ? to - from : Number.NaN
}
