import { MINUTE_MS } from '../../../terms/units.ts'
import type { Machine } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { LeftResults } from '../left-results.ts'
import { DIRTY_RESULT_BYTES_MAX, DIRTY_RESULT_FILE, type DirtyResults, parseDirtyResults } from './dirty-results.ts'
import { lineEnd, numberAfter, perSecond, rise, Scanner, startOfLine } from './scan.ts'
import { SoftDirty } from './soft-dirty.ts'
import { findingOf, tell } from './tell.ts'

/** What it asks of the machine. */
type SampledMachine = Pick<
  Machine,
  'readText' | 'readAt' | 'list' | 'readLink' | 'access' | 'files' | 'now' | 'monotonicMs'
>

const BYTES_MAX = 64 * 1024
/** Soft-dirty bits are looked at this often, over the span between two looks: clearing them costs each writer a fault a page. */
const SOFT_DIRTY_EVERY_MS = MINUTE_MS

/** How fast the guest writes memory: what a live migration has to copy again. Three ways, the best that is open here:
 *  1. soft-dirty bits of the largest processes (kernel with CONFIG_MEM_SOFT_DIRTY): pages written in a span, each once; by ourselves where
 *     we are root, else as the dirty-pages helper left it;
 *  2. pages that the kernel gave out, or that went dirty in the page cache (/proc/vmstat), whichever is more: what is given out is about to be
 *     written, by a program or by a disk. Blind to memory that is written again and again in place, and counts a page as often as it
 *     is given out. docs/agent-measures.md has what it read for programs of known rate;
 *  3. absent. */
export class DirtyPagesSampler implements Sampler {
  readonly name = 'dirty-pages'
  readonly isCheap = false
  private readonly looks: SampledMachine
  private readonly left: LeftResults<DirtyResults>
  private readonly pageBytes: number
  private readonly softDirty: SoftDirty
  private readonly scanner = new Scanner()
  private allocated = Number.NaN
  private dirtied = Number.NaN
  private lastMs = Number.NaN
  private clearedAtMs = -Infinity
  private isCleared = false
  private measuredBytesPerSec = Number.NaN
  private workingSetBytes = Number.NaN

  constructor(looks: SampledMachine, pageBytes: number, resultFile = DIRTY_RESULT_FILE) {
    this.looks = looks
    this.left = new LeftResults(looks, {
      by: 'the dirty-pages helper',
      path: resultFile,
      bytesMax: DIRTY_RESULT_BYTES_MAX,
      parse: parseDirtyResults,
    })
    this.pageBytes = pageBytes
    this.softDirty = new SoftDirty(looks, pageBytes)
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    const text = this.looks.readText('/proc/vmstat', BYTES_MAX) ?? ''
    const allocated = allocatedPages(text, this.scanner)
    const dirtied = numberAfter(text, 'nr_dirtied ')
    const givenOut = perSecond(rise(this.allocated, allocated), spanMs) * this.pageBytes
    const files = perSecond(rise(this.dirtied, dirtied), spanMs) * this.pageBytes
    this.allocated = allocated
    this.dirtied = dirtied
    if (this.softDirty.isOpen) this.turn(look)
    else this.readLeft(look.monotonicMs)
    // What the bits leave out (small processes, page cache) the kernel's counters may still have seen: the larger is nearer.
    into.put('memoryDirtiedBytesPerSec', largest(givenOut, files, this.measuredBytesPerSec))
    if (!look.wantsDetails) return
    tell(into, 'memory given out', 'bytes/s', givenOut)
    tell(into, 'page cache dirtied', 'bytes/s', files)
    tell(into, 'writable working set, each page once', 'bytes', this.workingSetBytes)
    tell(into, 'written by the largest processes', 'bytes/s', this.measuredBytesPerSec)
  }

  findings(): readonly Finding[] {
    const what = 'dirty page rate, writable working set'
    if (this.softDirty.isOpen) {
      const because =
        'soft-dirty bits of the largest processes, once a minute; each page they write then costs them a fault'
      return [{ sampler: 'dirty-pages', what, state: 'seen', because }]
    }
    const left = this.left.read(this.looks.monotonicMs())
    if (left !== undefined) {
      const because = `soft-dirty bits of the ${left.processes} largest processes, counted by the dirty-pages helper`
      return [{ sampler: 'dirty-pages', what, state: 'seen', because }]
    }
    const text = this.looks.readText('/proc/vmstat', BYTES_MAX) ?? ''
    const isCounted = !Number.isNaN(allocatedPages(text, this.scanner))
    if (!isCounted) return [findingOf('dirty-pages', what, '/proc/vmstat', false)]
    const because = `pages given out or dirtied in files; blind to what is rewritten in place: ${this.softDirty.because}, and ${this.left.whyNot()}`
    const remedy =
      'systemctl enable --now ethos-agent-dirty-pages.timer; or let the hypervisor measure it (virsh domdirtyrate-calc)'
    return [{ sampler: 'dirty-pages', what, state: 'partly', because, remedy }]
  }

  private readLeft(nowMs: number): void {
    const results = this.left.read(nowMs)
    this.measuredBytesPerSec = results === undefined ? Number.NaN : (results.shortBytes * 1000) / results.shortMs
    this.workingSetBytes = results?.longBytes ?? Number.NaN
  }

  /** Clears the bits at one look and reads them at the next. */
  private turn(look: Look): void {
    if (this.isCleared) {
      const bytes = this.softDirty.dirtyBytes()
      this.measuredBytesPerSec = perSecond(bytes, look.monotonicMs - this.clearedAtMs)
      this.workingSetBytes = bytes
      this.isCleared = false
    } else if (look.monotonicMs - this.clearedAtMs >= SOFT_DIRTY_EVERY_MS) {
      this.isCleared = this.softDirty.clear() > 0
      this.clearedAtMs = look.monotonicMs
    }
  }
}

/** Pages given out since boot: a huge page counts as all its small ones. One line per zone: `pgalloc_dma32 123`. */
function allocatedPages(text: string, scanner: Scanner): number {
  const from = startOfLine(text, 'pgalloc_')
  if (from < 0) return Number.NaN
  let pages = 0
  for (let at = from; text.startsWith('pgalloc_', at); at = lineEnd(text, at) + 1) {
    // The zone's name may hold a digit itself.
    const count = scanner.reset(text, text.indexOf(' ', at), lineEnd(text, at)).next()
    pages += count
  }
  return pages
}

/** The largest of those that are there; NaN if none is. */
function largest(...values: readonly number[]): number {
  let found = Number.NaN
  for (const value of values) if (!(value <= found) && !Number.isNaN(value)) found = value
  return found
}
