import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { numberAfter, perSecond, rise } from './scan.ts'

const BYTES_MAX = 64 * 1024
const KB = 1024

/** Memory and paging of the guest, from /proc/meminfo and /proc/vmstat. *Used* is what could not be had without swapping (total less
 *  available); the *working set* is used memory plus the part of the page cache that is in active use. */
export class MemorySampler implements Sampler {
  readonly name = 'memory'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly pageBytes: number
  private majorFaults = Number.NaN
  private swapped = Number.NaN
  private lastMs = Number.NaN

  /** @param pageBytes size of a page: swapping is counted in pages */
  constructor(looks: Looks, pageBytes: number) {
    this.looks = looks
    this.pageBytes = pageBytes
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    const memory = this.looks.readText('/proc/meminfo', BYTES_MAX)
    if (memory !== undefined) this.putMemory(memory, look, into)
    const paging = this.looks.readText('/proc/vmstat', BYTES_MAX)
    if (paging === undefined) return
    const majorFaults = numberAfter(paging, 'pgmajfault ')
    into.put('majorFaultsPerSec', perSecond(rise(this.majorFaults, majorFaults), spanMs))
    this.majorFaults = majorFaults
    const swapped = numberAfter(paging, 'pswpin ') + numberAfter(paging, 'pswpout ')
    into.put('swapBytesPerSec', perSecond(rise(this.swapped, swapped), spanMs) * this.pageBytes)
    this.swapped = swapped
  }

  findings(): readonly Finding[] {
    const memory = this.looks.readText('/proc/meminfo', BYTES_MAX)
    const paging = this.looks.readText('/proc/vmstat', BYTES_MAX)
    return [
      finding(
        'used, cached, working set',
        '/proc/meminfo',
        memory !== undefined && numberAfter(memory, 'MemAvailable:') >= 0,
      ),
      finding(
        'major faults and swapping',
        '/proc/vmstat',
        paging !== undefined && numberAfter(paging, 'pgmajfault ') >= 0,
      ),
    ]
  }

  private putMemory(text: string, look: Look, into: ReadingWriter): void {
    const kb = (name: string) => numberAfter(text, name) * KB
    const used = kb('MemTotal:') - kb('MemAvailable:')
    const cached = kb('Cached:') + kb('Buffers:') + kb('SReclaimable:') - kb('Shmem:')
    into.put('memoryUsedBytes', used)
    into.put('memoryCachedBytes', Math.max(0, cached))
    into.put('memoryWorkingSetBytes', used + kb('Active(file):'))
    if (!look.wantsDetails) return
    for (const name of [
      'MemTotal',
      'MemFree',
      'Dirty',
      'Writeback',
      'AnonPages',
      'Mapped',
      'Shmem',
      'SwapFree',
      'HugePages_Total',
    ]) {
      const value = name === 'HugePages_Total' ? numberAfter(text, `${name}:`) : kb(`${name}:`)
      if (Number.isFinite(value)) into.detail({ name, unit: name === 'HugePages_Total' ? 'pages' : 'bytes', value })
    }
  }
}

function finding(what: string, path: string, isSeen: boolean): Finding {
  return isSeen
    ? { sampler: 'memory', what, state: 'seen', because: path }
    : {
        sampler: 'memory',
        what,
        state: 'absent',
        because: `${path} can not be read`,
        remedy: 'mount /proc in the guest',
      }
}
