import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, perSecond, rise, Scanner } from './scan.ts'

const BYTES_MAX = 256 * 1024
/** A sector of /proc/diskstats is 512 bytes whatever the disk's own are (Documentation/admin-guide/iostats.rst). */
const SECTOR_BYTES = 512
/** Fields of a line after the name: reads, merged, sectors, ms; writes, merged, sectors, ms; in flight, ms busy, ms weighted; discards... */
const FIELDS = 11
const READS = 0
const READ_SECTORS = 2
const READ_MS = 3
const WRITES = 4
const WRITTEN_SECTORS = 6
const WRITE_MS = 7
const IN_FLIGHT = 8
const BUSY_MS = 9
/** Guests have few disks; a thousand are read and more are left out. */
const DISKS_MAX = 1024
/** Which devices are whole disks is asked again this often: disks are plugged in while we run. */
const NAMES_EVERY_MS = 60_000

interface Disk {
  readonly counters: Float64Array
}

/** Disks of the guest from /proc/diskstats: whole disks only, and not what is stacked on others (loop, device mapper, RAID, RAM), which
 *  would count the same bytes twice. Latency is the mean time of the requests that ended in the span. */
export class DiskSampler implements Sampler {
  readonly name = 'disk'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private readonly is = new Float64Array(FIELDS)
  private disks = new Map<string, Disk>()
  private wholes: ReadonlySet<string> | undefined
  private namesAtMs = -Infinity
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const text = this.looks.readText('/proc/diskstats', BYTES_MAX)
    if (text === undefined) return
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    if (look.monotonicMs - this.namesAtMs >= NAMES_EVERY_MS) {
      this.wholes = wholeDisks(this.looks)
      this.namesAtMs = look.monotonicMs
    }
    const sum = new Float64Array(FIELDS)
    let known = 0
    const seen = new Map<string, Disk>()
    for (let at = 0; at < text.length && seen.size < DISKS_MAX; at = lineEnd(text, at) + 1) {
      const name = this.scanLine(text, at)
      if (!this.isWhole(name)) continue
      const disk = this.disks.get(name)
      if (disk !== undefined && this.add(disk, sum)) known++
      if (look.wantsDetails && disk !== undefined) this.putDetails(name, disk, { spanMs, into })
      const counters = disk?.counters ?? new Float64Array(FIELDS)
      counters.set(this.is)
      seen.set(name, disk ?? { counters })
    }
    this.disks = seen
    if (known > 0) putSum(sum, spanMs, into)
  }

  findings(): readonly Finding[] {
    const what = 'disk operations, bytes, latency, queue'
    const text = this.looks.readText('/proc/diskstats', BYTES_MAX)
    if (text === undefined)
      return [
        {
          sampler: 'disk',
          what,
          state: 'absent',
          because: '/proc/diskstats can not be read',
          remedy: 'mount /proc in the guest',
        },
      ]
    const wholes = wholeDisks(this.looks)
    if (wholes === undefined) {
      const because = '/sys/block can not be read: whole disks are told by their names'
      return [{ sampler: 'disk', what, state: 'partly', because, remedy: 'mount /sys in the guest' }]
    }
    return [
      {
        sampler: 'disk',
        what,
        state: 'seen',
        because: `/proc/diskstats: ${[...wholes].toSorted().join(', ') || 'no disk'}`,
      },
    ]
  }

  /** Reads one line into `is` and returns the device's name. */
  private scanLine(text: string, at: number): string {
    const end = lineEnd(text, at)
    this.scanner.reset(text, at, end).skip(2)
    let from = at
    for (let field = 0; field < 3; field++) {
      while (from < end && text.charCodeAt(from) === 32) from++
      if (field < 2) while (from < end && text.charCodeAt(from) !== 32) from++
    }
    let to = from
    while (to < end && text.charCodeAt(to) !== 32) to++
    this.scanner.reset(text, to, end)
    for (let i = 0; i < FIELDS; i++) this.is[i] = this.scanner.next()
    return text.slice(from, to)
  }

  private isWhole(name: string): boolean {
    if (name === '') return false
    return this.wholes === undefined ? isWholeByName(name) : this.wholes.has(name)
  }

  /** Adds what a disk did since the last look; false if a counter went back, as when a disk was taken out and put in again. */
  private add({ counters }: Disk, sum: Float64Array): boolean {
    for (let i = 0; i < FIELDS; i++) {
      if (i !== IN_FLIGHT && !(this.is[i] >= counters[i])) return false
    }
    for (let i = 0; i < FIELDS; i++) sum[i] += i === IN_FLIGHT ? this.is[i] : this.is[i] - counters[i]
    return true
  }

  private putDetails(
    name: string,
    { counters }: Disk,
    { spanMs, into }: { spanMs: number; into: ReadingWriter },
  ): void {
    const busy = rise(counters[BUSY_MS], this.is[BUSY_MS]) / spanMs
    if (Number.isFinite(busy)) into.detail({ name: `${name} busy`, unit: 'fraction', value: Math.min(1, busy) })
    into.detail({ name: `${name} queue`, unit: 'requests', value: this.is[IN_FLIGHT] })
  }
}

function putSum(sum: Float64Array, spanMs: number, into: ReadingWriter): void {
  into.put('diskReadOpsPerSec', perSecond(sum[READS], spanMs))
  into.put('diskWriteOpsPerSec', perSecond(sum[WRITES], spanMs))
  into.put('diskReadBytesPerSec', perSecond(sum[READ_SECTORS], spanMs) * SECTOR_BYTES)
  into.put('diskWriteBytesPerSec', perSecond(sum[WRITTEN_SECTORS], spanMs) * SECTOR_BYTES)
  const ops = sum[READS] + sum[WRITES]
  // Without a request there is no latency: absent, not zero.
  if (ops > 0) into.put('diskLatencyMs', (sum[READ_MS] + sum[WRITE_MS]) / ops)
}

const STACKED = ['loop', 'ram', 'dm-', 'md', 'zram', 'sr', 'fd', 'nbd']

/** Names under /sys/block that are disks of their own; undefined where /sys can't be read. */
function wholeDisks(looks: Looks): ReadonlySet<string> | undefined {
  const names = looks.list('/sys/block')
  return names === undefined
    ? undefined
    : new Set(names.filter((name) => !STACKED.some((prefix) => name.startsWith(prefix))))
}

/** Without /sys: sda but not sda1, vda but not vda1, nvme0n1 but not nvme0n1p1, mmcblk0 but not mmcblk0p1. */
function isWholeByName(name: string): boolean {
  if (STACKED.some((prefix) => name.startsWith(prefix))) return false
  return /^(?:(?:s|v|h|xv)d[a-z]{1,3}|nvme\d+n\d+|mmcblk\d+|pmem\d+)$/.test(name)
}
