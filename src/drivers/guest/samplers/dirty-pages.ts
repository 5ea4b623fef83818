import { MINUTE_MS } from '../../../terms/units.ts'
import type { Files, Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { numberAfter, perSecond, rise } from './scan.ts'
import { SoftDirty } from './soft-dirty.ts'

const BYTES_MAX = 64 * 1024
/** Soft-dirty bits are looked at this often, over the span between two looks: clearing them costs each writer a fault a page. */
const SOFT_DIRTY_EVERY_MS = MINUTE_MS

/** How fast the guest writes memory: what a live migration has to copy again. Three ways, the best that is open here:
 *  1. soft-dirty bits of the largest processes (kernel with CONFIG_MEM_SOFT_DIRTY, and root): pages written in a span, each once;
 *  2. faults and pages dirtied in the page cache (/proc/vmstat): sees first touches, copies on write and file writes, and is blind to memory
 *     that is written again and again: a floor, not an estimate;
 *  3. absent. */
export class DirtyPagesSampler implements Sampler {
  readonly name = 'dirty-pages'
  readonly isCheap = false
  private readonly looks: Looks
  private readonly pageBytes: number
  private readonly softDirty: SoftDirty
  private faults = Number.NaN
  private dirtied = Number.NaN
  private lastMs = Number.NaN
  private clearedAtMs = -Infinity
  private isCleared = false
  private measured = Number.NaN
  private workingSetBytes = Number.NaN

  constructor(looks: Looks & { readonly files: Files }, pageBytes: number) {
    this.looks = looks
    this.pageBytes = pageBytes
    this.softDirty = new SoftDirty(looks, pageBytes)
  }

  sample(look: Look, into: ReadingWriter): void {
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    const floor = this.floorBytesPerSec(spanMs)
    if (this.softDirty.isOpen) this.turn(look)
    into.put('memoryDirtiedBytesPerSec', Number.isNaN(this.measured) ? floor : Math.max(floor || 0, this.measured))
    if (look.wantsDetails && Number.isFinite(this.workingSetBytes))
      into.detail({ name: 'writable working set', unit: 'bytes', value: this.workingSetBytes })
  }

  findings(): readonly Finding[] {
    const what = 'dirty page rate, writable working set'
    if (this.softDirty.isOpen) {
      const because = 'soft-dirty bits of the largest processes, once a minute'
      return [{ sampler: 'dirty-pages', what, state: 'seen', because }]
    }
    const text = this.looks.readText('/proc/vmstat', BYTES_MAX) ?? ''
    if (Number.isNaN(numberAfter(text, 'pgfault ')))
      return [
        {
          sampler: 'dirty-pages',
          what,
          state: 'absent',
          because: '/proc/vmstat can not be read',
          remedy: 'mount /proc in the guest',
        },
      ]
    const because = `faults and dirtied file pages only, a floor: ${this.softDirty.because}`
    return [
      {
        sampler: 'dirty-pages',
        what,
        state: 'partly',
        because,
        remedy: 'let the hypervisor measure it (virsh domdirtyrate-calc)',
      },
    ]
  }

  private floorBytesPerSec(spanMs: number): number {
    const text = this.looks.readText('/proc/vmstat', BYTES_MAX) ?? ''
    const faults = numberAfter(text, 'pgfault ') - numberAfter(text, 'pgmajfault ')
    const dirtied = numberAfter(text, 'nr_dirtied ')
    const pages = rise(this.faults, faults) + rise(this.dirtied, dirtied)
    this.faults = faults
    this.dirtied = dirtied
    return perSecond(pages, spanMs) * this.pageBytes
  }

  /** Clears the bits at one look and reads them at the next. */
  private turn(look: Look): void {
    if (this.isCleared) {
      const bytes = this.softDirty.dirtyBytes()
      this.measured = perSecond(bytes, look.monotonicMs - this.clearedAtMs)
      this.workingSetBytes = bytes
      this.isCleared = false
    } else if (look.monotonicMs - this.clearedAtMs >= SOFT_DIRTY_EVERY_MS) {
      this.isCleared = this.softDirty.clear()
      this.clearedAtMs = look.monotonicMs
    }
  }
}
