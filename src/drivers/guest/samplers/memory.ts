import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { numberAfter, perSecond, rise } from './scan.ts'
import { findingOf, tell } from './tell.ts'

const BYTES_MAX = 64 * 1024
/** /proc/meminfo says kB and means KiB. */
const KB = 1024
/** What people are told beside the measures: names of lines of /proc/meminfo. */
const BREAKDOWN = [
  ['total', 'MemTotal:'],
  ['free', 'MemFree:'],
  ['anonymous', 'AnonPages:'],
  ['mapped files', 'Mapped:'],
  ['shared', 'Shmem:'],
  ['kernel, not reclaimable', 'SUnreclaim:'],
  ['dirty', 'Dirty:'],
  ['being written back', 'Writeback:'],
  ['swap in use, cached part', 'SwapCached:'],
  ['committed', 'Committed_AS:'],
  ['huge pages, transparent', 'AnonHugePages:'],
  ['huge pages, reserved', 'Hugetlb:'],
] as const
/** Events of /proc/vmstat that people are told. */
const EVENTS = [
  ['faults', 'pgfault '],
  ['pages reclaimed in need', 'pgsteal_direct '],
  ['pages read again soon after reclaim', 'workingset_refault_file '],
  ['processes killed for want of memory', 'oom_kill '],
] as const

/** Memory and paging of the guest, from /proc/meminfo and /proc/vmstat. *Used* is what could not be had without swapping (total less
 *  available); *cached* is page cache, buffers and reclaimable slab without shared memory; the *working set* is used memory plus the
 *  part of the page cache that the kernel keeps as active. */
export class MemorySampler implements Sampler {
  readonly name = 'memory'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly pageBytes: number
  private readonly events = new Float64Array(EVENTS.length).fill(Number.NaN)
  private majorFaults = Number.NaN
  private swappedIn = Number.NaN
  private swappedOut = Number.NaN
  private lastMs = Number.NaN

  /** @param pageBytes size of a page: swapping is counted in pages */
  constructor(looks: Looks, pageBytes: number) {
    this.looks = looks
    this.pageBytes = pageBytes
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    putLevels(this.looks.readText('/proc/meminfo', BYTES_MAX) ?? '', look, into)
    this.putPaging(this.looks.readText('/proc/vmstat', BYTES_MAX) ?? '', { look, spanMs, into })
  }

  findings(): readonly Finding[] {
    const memory = this.looks.readText('/proc/meminfo', BYTES_MAX) ?? ''
    const paging = this.looks.readText('/proc/vmstat', BYTES_MAX) ?? ''
    const hasLevels = numberAfter(memory, 'MemAvailable:') >= 0
    return [
      findingOf('memory', 'used, cached, working set', '/proc/meminfo', hasLevels),
      findingOf('memory', 'major faults and swapping', '/proc/vmstat', numberAfter(paging, 'pgmajfault ') >= 0),
    ]
  }

  private putPaging(
    text: string,
    { look, spanMs, into }: { readonly look: Look; readonly spanMs: number; readonly into: ReadingWriter },
  ): void {
    const majorFaults = numberAfter(text, 'pgmajfault ')
    into.put('majorFaultsPerSec', perSecond(rise(this.majorFaults, majorFaults), spanMs))
    this.majorFaults = majorFaults
    const swappedIn = numberAfter(text, 'pswpin ')
    const swappedOut = numberAfter(text, 'pswpout ')
    const inBytesPerSec = perSecond(rise(this.swappedIn, swappedIn), spanMs) * this.pageBytes
    const outBytesPerSec = perSecond(rise(this.swappedOut, swappedOut), spanMs) * this.pageBytes
    into.put('swapBytesPerSec', inBytesPerSec + outBytesPerSec)
    this.swappedIn = swappedIn
    this.swappedOut = swappedOut
    if (look.wantsDetails) {
      tell(into, 'swapped in', 'bytes/s', inBytesPerSec)
      tell(into, 'swapped out', 'bytes/s', outBytesPerSec)
    }
    for (let i = 0; i < EVENTS.length; i++) {
      const count = numberAfter(text, EVENTS[i][1])
      if (look.wantsDetails) tell(into, EVENTS[i][0], '1/s', perSecond(rise(this.events[i], count), spanMs))
      this.events[i] = count
    }
  }
}

function putLevels(text: string, look: Look, into: ReadingWriter): void {
  const used = (numberAfter(text, 'MemTotal:') - numberAfter(text, 'MemAvailable:')) * KB
  const cached =
    numberAfter(text, 'Cached:') +
    numberAfter(text, 'Buffers:') +
    numberAfter(text, 'SReclaimable:') -
    numberAfter(text, 'Shmem:')
  // Lines of the file are counted one after the other: a small difference may come out negative.
  into.put('memoryUsedBytes', Math.max(0, used))
  into.put('memoryCachedBytes', Math.max(0, cached * KB))
  into.put('memoryWorkingSetBytes', Math.max(0, used) + numberAfter(text, 'Active(file):') * KB)
  if (!look.wantsDetails) return
  for (const [name, line] of BREAKDOWN) tell(into, name, 'bytes', numberAfter(text, line) * KB)
  const swapBytes = (numberAfter(text, 'SwapTotal:') - numberAfter(text, 'SwapFree:')) * KB
  tell(into, 'swap in use', 'bytes', swapBytes)
}
