/** Soft-dirty bits of processes: Documentation/admin-guide/mm/soft-dirty.rst and pagemap.rst of Linux. */
import type { Files, Looks } from '../machine.ts'

/** Bit 55 of an entry of /proc/PID/pagemap. */
const SOFT_DIRTY_BYTE = 6
const SOFT_DIRTY_MASK = 0x80
/** Bits 62 and 63, swapped and present: where memory was only mapped since the clearing, the kernel marks what is not there as dirty too. */
const HELD_MASK = 0xc0
const ENTRY_BYTES = 8
/** The largest processes are looked at, as many as this. */
const PROCESSES_MAX = 8
/** Smaller ones are not worth it. */
const RESIDENT_BYTES_MIN = 4 * 1024 * 1024
/** At most this much of the page table is read of one process: 1 GiB of writable memory. */
const PAGEMAP_BYTES_MAX = 2 * 1024 * 1024
const CHUNK_BYTES = 64 * 1024
const MAPS_BYTES_MAX = 1024 * 1024

/** Clears and reads the bits; says whether that is open here, and if not, why. */
export class SoftDirty {
  readonly isOpen: boolean
  readonly because: string
  private readonly looks: Looks & { readonly files: Files }
  private readonly pageBytes: number
  private cleared: readonly string[] = []

  constructor(looks: Looks & { readonly files: Files }, pageBytes: number) {
    this.looks = looks
    this.pageBytes = pageBytes
    const why = this.whyNot()
    this.isOpen = why === undefined
    this.because = why ?? ''
  }

  /** Clears the bits of the largest processes. Returns of how many. */
  clear(): number {
    this.cleared = this.largest().filter((pid) => this.clearOne(pid))
    return this.cleared.length
  }

  /** Bytes written since `clear` in those that still live. */
  dirtyBytes(): number {
    let pages = 0
    for (const pid of this.cleared) pages += this.dirtyPages(pid)
    return pages * this.pageBytes
  }

  /** Tried on ourselves: after clearing, a page that we write must read as dirty, and the rest as clean. */
  private whyNot(): string | undefined {
    if (!this.clearOne('self')) return 'soft-dirty bits can not be cleared'
    const dirty = this.dirtyPages('self')
    // Where the kernel has none no right would help: that comes first.
    if (dirty === 0) return 'this kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)'
    if (this.looks.readText('/proc/1/maps', 1) === undefined) return 'no right to look into other processes'
    return undefined
  }

  private clearOne(pid: string): boolean {
    try {
      const file = this.looks.files.openAppend(`/proc/${pid}/clear_refs`, 0o200)
      try {
        file.append(Uint8Array.of(52))
      } finally {
        file.close()
      }
      return true
    } catch {
      return false
    }
  }

  private largest(): readonly string[] {
    const pids = (this.looks.list('/proc') ?? []).filter((name) => name >= '1' && name < ':')
    return pids
      .map((pid) => ({ pid, bytes: this.residentBytes(pid) }))
      .filter(({ bytes }) => bytes >= RESIDENT_BYTES_MIN)
      .toSorted((a, b) => b.bytes - a.bytes)
      .slice(0, PROCESSES_MAX)
      .map(({ pid }) => pid)
  }

  private residentBytes(pid: string): number {
    const text = this.looks.readText(`/proc/${pid}/statm`, 128) ?? ''
    return Number.parseInt(text.slice(text.indexOf(' ') + 1), 10) * this.pageBytes
  }

  private dirtyPages(pid: string): number {
    const maps = this.looks.readText(`/proc/${pid}/maps`, MAPS_BYTES_MAX)
    if (maps === undefined) return 0
    let pages = 0
    let bytesLeft = PAGEMAP_BYTES_MAX
    for (const line of maps.split('\n')) {
      const space = line.indexOf(' ')
      if (line[space + 2] !== 'w' || bytesLeft <= 0) continue
      const dash = line.indexOf('-')
      const from = Number.parseInt(line.slice(0, dash), 16) / this.pageBytes
      const to = Number.parseInt(line.slice(dash + 1, space), 16) / this.pageBytes
      const bytes = Math.min((to - from) * ENTRY_BYTES, bytesLeft)
      bytesLeft -= bytes
      pages += this.countDirty(pid, from * ENTRY_BYTES, bytes)
    }
    return pages
  }

  private countDirty(pid: string, from: number, bytes: number): number {
    let dirty = 0
    for (let done = 0; done < bytes; ) {
      const entries = this.looks.readAt(`/proc/${pid}/pagemap`, from + done, Math.min(CHUNK_BYTES, bytes - done))
      if (entries === undefined || entries.length < ENTRY_BYTES) return dirty
      for (let at = SOFT_DIRTY_BYTE; at < entries.length; at += ENTRY_BYTES)
        if ((entries[at] & SOFT_DIRTY_MASK) !== 0 && (entries[at + 1] & HELD_MASK) !== 0) dirty++
      done += entries.length
    }
    return dirty
  }
}
