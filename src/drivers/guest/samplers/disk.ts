import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, perSecond, rise, Scanner } from './scan.ts'
import { tell } from './tell.ts'

const BYTES_MAX = 256 * 1024
/** A sector of /proc/diskstats is 512 bytes whatever the disk's own are (Documentation/admin-guide/iostats.rst). */
const SECTOR_BYTES = 512
/** Fields of a line after the name. Discards came with Linux 4.18, flushes with 5.5: absent before. */
const READS = 0
const READ_SECTORS = 2
const READ_MS = 3
const WRITES = 4
const WRITTEN_SECTORS = 6
const WRITE_MS = 7
const IN_FLIGHT = 8
const BUSY_MS = 9
const WAITED_MS = 10
const DISCARDED_SECTORS = 13
const FLUSHES = 15
const FLUSH_MS = 16
const FIELDS = 17
/** Guests have few disks; a thousand are read and more are left out. */
const DISKS_MAX = 1024
/** Which devices are whole disks is asked again this often: disks are plugged in while we run. */
const NAMES_EVERY_MS = 60_000

interface Disk {
  readonly was: Float64Array
  /** Number of the look in which it was last seen. */
  seenIn: number
}

/** Disks of the guest from /proc/diskstats: whole disks only, and not what is stacked on others (partitions, loop, device mapper, RAID) or in
 *  memory, which would count the same bytes twice. Latency is the mean time of the requests that ended in the span. */
export class DiskSampler implements Sampler {
  readonly name = 'disk'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly scanner = new Scanner()
  private readonly is = new Float64Array(FIELDS)
  private readonly sum = new Float64Array(FIELDS)
  private readonly disks = new Map<string, Disk>()
  private wholes: ReadonlySet<string> | undefined
  private namesAtMs = -Infinity
  private look = 0
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
  }

  sample(look: Look, into: ReadingWriter): void {
    const text = this.looks.readText('/proc/diskstats', BYTES_MAX)
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    if (look.monotonicMs - this.namesAtMs >= NAMES_EVERY_MS) {
      this.wholes = wholeDisks(this.looks)
      this.namesAtMs = look.monotonicMs
    }
    this.look++
    // Without a look before this one nothing is known to have risen.
    this.sum.fill(this.disks.size === 0 ? Number.NaN : 0)
    if (text !== undefined) this.addLines(text, { spanMs, look, into })
    let known = 0
    for (const [name, { seenIn }] of this.disks) {
      if (seenIn === this.look) known++
      else this.disks.delete(name)
    }
    if (known > 0) putSum(this.sum, spanMs, into)
  }

  findings(): readonly Finding[] {
    const what = 'disk operations, bytes, latency, queue'
    if (this.looks.readText('/proc/diskstats', BYTES_MAX) === undefined) {
      const because = '/proc/diskstats can not be read'
      return [{ sampler: 'disk', what, state: 'absent', because, remedy: 'mount /proc in the guest' }]
    }
    const wholes = wholeDisks(this.looks)
    if (wholes === undefined) {
      const because = '/sys/block can not be read: whole disks are told by their names'
      return [{ sampler: 'disk', what, state: 'partly', because, remedy: 'mount /sys in the guest' }]
    }
    if (wholes.size === 0) return [{ sampler: 'disk', what, state: 'absent', because: 'this guest has no disk' }]
    return [{ sampler: 'disk', what, state: 'seen', because: `/proc/diskstats: ${[...wholes].toSorted().join(', ')}` }]
  }

  private addLines(
    text: string,
    { spanMs, look, into }: { readonly spanMs: number; readonly look: Look; readonly into: ReadingWriter },
  ): void {
    let count = 0
    for (let at = 0; at < text.length && count < DISKS_MAX; at = lineEnd(text, at) + 1) {
      const name = this.scanLine(text, at)
      if (!this.isWhole(name)) continue
      count++
      let disk = this.disks.get(name)
      if (disk === undefined) {
        // Of a disk that was just plugged in only the rise from now on is known.
        disk = { was: Float64Array.from(this.is), seenIn: this.look }
        this.disks.set(name, disk)
      }
      this.add(disk)
      if (look.wantsDetails) this.putDetails(name, disk, { spanMs, into })
      disk.was.set(this.is)
      disk.seenIn = this.look
    }
  }

  /** Reads one line into `is` and returns the device's name: `254 0 vda 628655 ...`. */
  private scanLine(text: string, at: number): string {
    const end = lineEnd(text, at)
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

  /** A counter that went back (a disk taken out and put in again; milliseconds, which wrap at 2^32) makes the sum absent: a sum that
   *  lacks a disk would be taken for the whole. */
  private add({ was }: Disk): void {
    for (let i = 0; i < FIELDS; i++) this.sum[i] += i === IN_FLIGHT ? this.is[i] : rise(was[i], this.is[i])
  }

  private putDetails(
    name: string,
    { was }: Disk,
    { spanMs, into }: { readonly spanMs: number; readonly into: ReadingWriter },
  ): void {
    const { is } = this
    const risen = (field: number) => rise(was[field], is[field])
    if (!(spanMs > 0)) return
    tell(into, `${name} busy`, 'fraction', Math.min(1, risen(BUSY_MS) / spanMs))
    // Milliseconds of waiting in a millisecond of time: requests that waited or were served, on average.
    tell(into, `${name} queue`, 'requests', risen(WAITED_MS) / spanMs)
    tell(into, `${name} in flight`, 'requests', is[IN_FLIGHT])
    tell(into, `${name} read latency`, 'ms', risen(READ_MS) / risen(READS))
    tell(into, `${name} write latency`, 'ms', risen(WRITE_MS) / risen(WRITES))
    tell(into, `${name} discarded`, 'bytes/s', perSecond(risen(DISCARDED_SECTORS), spanMs) * SECTOR_BYTES)
    tell(into, `${name} flushes`, '1/s', perSecond(risen(FLUSHES), spanMs))
    tell(into, `${name} flush latency`, 'ms', risen(FLUSH_MS) / risen(FLUSHES))
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

/** Loop and RAM disks, tape-like and removable ones, and names of what is stacked on others. */
const STACKED = ['loop', 'ram', 'zram', 'sr', 'fd', 'dm-', 'md', 'bcache'] as const

/** Names under /sys/block that are disks of their own: not stacked on others, which `slaves` lists, and not a path of several to one disk,
 *  which is `hidden`. Undefined where /sys can't be read. */
function wholeDisks(looks: Looks): ReadonlySet<string> | undefined {
  const names = looks.list('/sys/block')
  if (names === undefined) return undefined
  const isOwn = (name: string) =>
    !isStacked(name) &&
    (looks.list(`/sys/block/${name}/slaves`)?.length ?? 0) === 0 &&
    looks.readText(`/sys/block/${name}/hidden`, 1) !== '1'
  return new Set(names.slice(0, DISKS_MAX).filter(isOwn))
}

function isStacked(name: string): boolean {
  return STACKED.some((prefix) => name.startsWith(prefix))
}

/** Without /sys: sda but not sda1, vda but not vda1, nvme0n1 but not nvme0n1p1, mmcblk0 but not mmcblk0p1. */
function isWholeByName(name: string): boolean {
  return !isStacked(name) && /^(?:(?:s|v|h|xv)d[a-z]{1,3}|nvme\d+n\d+|mmcblk\d+|pmem\d+|nbd\d+|rbd\d+)$/.test(name)
}
