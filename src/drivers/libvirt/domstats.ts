/** What libvirt tells of its domains from outside, as `virsh domstats` prints it: readings of guests that have no agent. */
import { ParseError } from '../../terms/parse.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { type Measure, type Reading, READING_LENGTH } from '../../terms/reading.ts'
import { type EpochMs, KiB, MiB } from '../../terms/units.ts'

/** Counters and levels of one domain at one instant, by libvirt's names. */
export interface DomainStats {
  readonly domain: string
  readonly at: EpochMs
  readonly fields: ReadonlyMap<string, number>
}

const RECORDING_BYTES_MAX = 64 * MiB
const NAME_LENGTH_MAX = 256
const FIELDS_MAX = 4096
const CPUS_MAX = 1024
const DEVICES_MAX = 256
const NS_PER_MS = 1e6

/** Reads a recording: before each `virsh domstats` the time in whole seconds on a line of its own. Fields that are no numbers are left out.
 *  Throws `ParseError` with file and line. */
export function parseDomstats(text: string, file: string): readonly DomainStats[] {
  if (text.length > RECORDING_BYTES_MAX)
    throw new ParseError(file, text.length, `A recording has at most ${RECORDING_BYTES_MAX / MiB} MiB.`)
  const found: DomainStats[] = []
  let at: EpochMs | undefined
  let fields: Map<string, number> | undefined
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim()
    const place = `${file}:${i + 1}`
    if (line === '') return
    if (/^\d{1,11}$/.test(line)) {
      at = Number(line) * 1000
      fields = undefined
      return
    }
    if (line.startsWith('Domain: ')) {
      if (at === undefined)
        throw new ParseError(
          place,
          line,
          'Expected the time in seconds before the first domain, as `date +%s` prints it.',
        )
      fields = new Map()
      found.push({ domain: parseName(line, place), at, fields })
      return
    }
    if (fields === undefined) throw new ParseError(place, line, "Expected the time in seconds, or `Domain: 'name'`.")
    const equals = line.indexOf('=')
    const value = Number(line.slice(equals + 1))
    if (equals > 0 && line.length > equals + 1 && Number.isFinite(value) && fields.size < FIELDS_MAX)
      fields.set(line.slice(0, equals), value)
  })
  return found
}

function parseName(line: string, place: string): string {
  const name = /^Domain: '(.+)'$/.exec(line)?.[1]
  if (name === undefined || name.length > NAME_LENGTH_MAX)
    throw new ParseError(place, line, "Expected `Domain: 'name'`.")
  return name
}

/** CPUs that a domain has now; 1 where libvirt does not say. */
export function coresOf({ fields }: DomainStats): number {
  return Math.min(CPUS_MAX, Math.max(1, fields.get('vcpu.current') ?? 1))
}

/** A reading from two looks at one domain. Undefined where no time has passed, or the domain was started anew in between: its CPU time went
 *  back. What libvirt has no counter of stays absent. */
export function readingBetween(was: DomainStats, is: DomainStats): Reading | undefined {
  const spanMs = is.at - was.at
  const used = rise(was, is, 'cpu.time') / NS_PER_MS / spanMs
  if (!(spanMs > 0) || is.fields.has('cpu.time') !== Number.isFinite(used)) return undefined
  const values = new Float64Array(READING_LENGTH).fill(Number.NaN)
  const put = (measure: Measure, value: number): void => {
    if (Number.isFinite(value)) values[dimensionIndex(measure)] = value
  }
  const perSec = (risen: number): number => (risen * 1000) / spanMs
  // Runnable and not run: what the host calls CPU ready and the guest steal. Demand is what ran plus what waited.
  const waited = sumOf(coresOf(is), (cpu) => rise(was, is, `vcpu.${cpu}.delay`)) / NS_PER_MS / spanMs
  const demand = used + (Number.isFinite(waited) ? waited : 0)
  put('cpuRefCoresMean', demand)
  if (demand > 0) put('cpuStealShare', waited / demand)
  putMemory(was, is, put, perSec)
  const disks = Math.min(DEVICES_MAX, is.fields.get('block.count') ?? 0)
  const ofDisks = (name: string): number => sumOf(disks, (disk) => rise(was, is, `block.${disk}.${name}`))
  put('diskReadBytesPerSec', perSec(ofDisks('rd.bytes')))
  put('diskWriteBytesPerSec', perSec(ofDisks('wr.bytes')))
  put('diskReadOpsPerSec', perSec(ofDisks('rd.reqs')))
  put('diskWriteOpsPerSec', perSec(ofDisks('wr.reqs')))
  const requests = ofDisks('rd.reqs') + ofDisks('wr.reqs')
  if (requests > 0) put('diskLatencyMs', (ofDisks('rd.times') + ofDisks('wr.times')) / NS_PER_MS / requests)
  const cards = Math.min(DEVICES_MAX, is.fields.get('net.count') ?? 0)
  const ofCards = (name: string): number => perSec(sumOf(cards, (card) => rise(was, is, `net.${card}.${name}`)))
  put('netReceiveBytesPerSec', ofCards('rx.bytes'))
  put('netSendBytesPerSec', ofCards('tx.bytes'))
  put('netReceivePacketsPerSec', ofCards('rx.pkts'))
  put('netSendPacketsPerSec', ofCards('tx.pkts'))
  return { at: is.at, spanMs, values }
}

/** The balloon's figures are the guest's own, told through its driver: they are there only where it has one and is asked to tell. In KiB. */
function putMemory(
  was: DomainStats,
  is: DomainStats,
  put: (measure: Measure, value: number) => void,
  perSec: (risen: number) => number,
): void {
  const kib = (name: string): number => (is.fields.get(`balloon.${name}`) ?? Number.NaN) * KiB
  put('memoryUsedBytes', kib('available') - kib('usable'))
  put('memoryCachedBytes', kib('disk_caches'))
  put('majorFaultsPerSec', perSec(rise(was, is, 'balloon.major_fault')))
  put('swapBytesPerSec', perSec((rise(was, is, 'balloon.swap_in') + rise(was, is, 'balloon.swap_out')) * KiB))
  put('memoryDirtiedBytesPerSec', (is.fields.get('dirtyrate.megabytes_per_second') ?? Number.NaN) * MiB)
}

/** How much a counter rose; NaN where it is missing or went back. */
function rise(was: DomainStats, is: DomainStats, name: string): number {
  const from = was.fields.get(name) ?? Number.NaN
  const to = is.fields.get(name) ?? Number.NaN
  return to >= from ? to - from : Number.NaN
}

/** Sum over devices; NaN where there is none, or where one of them can't be told: a part is not the whole. */
function sumOf(count: number, of: (index: number) => number): number {
  let sum = count > 0 ? 0 : Number.NaN
  for (let i = 0; i < count; i++) sum += of(i)
  return sum
}
