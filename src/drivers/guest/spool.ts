/** What was measured and not yet acknowledged, on disk: survives kills, damage and a full disk, and says what was lost. Every record has an
 *  ordinal; whichever are neither acknowledged nor there any more were lost, so that the count of them is a subtraction and can't drift. */
import { type AppendFile, type Files, type Looks, MachineError } from './machine.ts'
import { encodeCursor, encodeRecord, RECORD_BYTES_MAX, scanSegment, SEGMENT_HEADER } from './spool-records.ts'
import { countFrom, cursorPath, type Segment, SEGMENT_BYTES_MAX, segmentPath, surveySpool } from './spool-survey.ts'

/** While the disk takes nothing, as many of the newest lines are held in memory: a day of one every five minutes, some 170 KiB. */
export const HELD_MAX = 288
/** A segment that can't be read is passed over when it could not be so often in a row. */
const UNREADABLE_TRIES_MAX = 3
/** More files than that only come of a disk that fails again and again. */
const SEGMENTS_MAX = 512
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/** What waits and what was lost; `degraded` says what is wrong with the disk, while it is. */
export interface SpoolState {
  readonly waiting: number
  readonly lost: number
  readonly degraded?: string
}

/** A line that waits. */
export interface WaitingLine {
  readonly ordinal: number
  readonly line: string
}

type Disk = Looks & { readonly files: Files }

/** A first-in-first-out queue of lines. Never throws for what the disk does: what it can't take is held in memory, within bounds. */
export class Spool {
  private readonly machine: Disk
  private readonly folder: string
  private readonly bytesMax: number
  private readonly segments: Segment[]
  /** The newest segment, while it is open for appending. */
  private file: AppendFile | undefined
  /** Whether the newest segment may be appended to: nothing behind its records, and all of them known to be on disk. */
  private isNewestGood: boolean
  /** A sync failed: what the newest segment holds is not known to be on disk, whatever a later sync says. */
  private isNewestSuspect = false
  private readonly held: string[] = []
  private cursor: number
  private lostBehind: number
  private next: number
  private unreadable = 0
  private why: string | undefined
  private whyCode = ''

  /** Reads what is there. Each segment ends at its first damage; whatever else lies in the folder is left alone. */
  constructor(machine: Disk, folder: string, bytesMax: number) {
    this.machine = machine
    this.folder = folder
    this.bytesMax = bytesMax
    this.guard(() => machine.files.makeFolder(folder, FOLDER_MODE))
    const { segments, damaged, cursor, next } = surveySpool(machine, folder)
    this.segments = [...segments]
    this.cursor = cursor?.next ?? segments[0]?.first ?? next
    this.lostBehind = cursor?.lost ?? 0
    this.next = next
    const newest = this.segments.at(-1)
    this.isNewestGood = newest !== undefined && newest.bytes > 0 && damaged.at(-1)?.path !== newest.path
    // The next segment's name keeps the count of what was lost at the end of the last, so it is made before the damage is cut away.
    if (damaged.length > 0 && this.guard(() => void this.open(next))) {
      const made = this.segments.at(-1)?.path
      for (const { path, soundBytes } of damaged)
        if (path !== made) this.attempt(() => machine.files.truncate(path, soundBytes))
    }
    // Without a cursor a later start could not tell what was dropped from what was acknowledged: this writes it.
    this.dropAcknowledged()
  }

  get state(): SpoolState {
    const waiting = this.segments.reduce((sum, segment) => sum + countFrom(segment, this.cursor), this.held.length)
    const lost = this.lostBehind + this.next - this.cursor - waiting
    return { waiting, lost, ...(this.why === undefined ? {} : { degraded: this.why }) }
  }

  /** Keeps a line. When this returns it is durable, or held in memory with `degraded` saying why. */
  add(line: string): void {
    if (line.length === 0 || line.length > RECORD_BYTES_MAX)
      throw new Error(`a line of ${line.length} bytes is no vector: 1 to ${RECORD_BYTES_MAX} are`)
    this.held.push(line)
    this.next++
    this.settle()
    // Those that are dropped here leave a gap in the ordinals, and so count as lost.
    if (this.held.length > HELD_MAX) this.held.splice(0, this.held.length - HELD_MAX)
  }

  /** Writes what is held in memory, if the disk takes it now. */
  settle(): void {
    while (this.held.length > 0) {
      if (!this.guard(() => this.write(this.held[0], this.next - this.held.length))) return
      this.held.shift()
      this.why = undefined
    }
  }

  /** The oldest lines that wait, in order, within bounds; at least one if any waits and can be read. */
  peek(bounds: { readonly lines: number; readonly bytes: number }): readonly WaitingLine[] {
    const found: WaitingLine[] = []
    let bytes = 0
    const take = (ordinal: number, line: string): boolean => {
      bytes += line.length + 1
      if (found.length > 0 && (found.length >= bounds.lines || bytes > bounds.bytes)) return false
      found.push({ ordinal, line })
      return true
    }
    for (const segment of this.segments) {
      const skip = segment.count - countFrom(segment, this.cursor)
      const lines = skip === segment.count ? [] : this.read(segment, skip, skip + bounds.lines - found.length)
      if (lines === undefined) return found
      for (const [i, line] of lines.entries()) if (!take(segment.first + skip + i, line)) return found
      if (found.length >= bounds.lines) return found
    }
    const heldFirst = this.next - this.held.length
    for (const [i, line] of this.held.entries()) if (!take(heldFirst + i, line)) break
    return found
  }

  /** All up to and with this ordinal were acknowledged, `sent` lines of those that `peek` gave; also if they were dropped meanwhile. */
  acknowledge(through: number, sent: number): void {
    const next = Math.min(through + 1, this.next)
    if (next <= this.cursor) return
    this.lostBehind += next - this.cursor - Math.min(sent, next - this.cursor)
    const heldFirst = this.next - this.held.length
    this.held.splice(0, Math.max(0, next - heldFirst))
    this.cursor = next
    this.dropAcknowledged()
  }

  close(): void {
    this.closeFile()
  }

  private write(line: string, ordinal: number): void {
    if (this.isNewestSuspect) this.rewriteNewest()
    const record = encodeRecord(line)
    let newest = this.segments.at(-1)
    const follows = newest !== undefined && newest.first + newest.count === ordinal
    const fits = newest !== undefined && newest.bytes + record.length <= SEGMENT_BYTES_MAX
    if (newest === undefined || !follows || !fits || !this.isNewestGood) newest = this.open(ordinal)
    this.file ??= this.machine.files.openAppend(newest.path, FILE_MODE)
    this.makeRoom(record.length)
    this.append(newest, record)
  }

  private append(newest: Segment, record: Uint8Array): void {
    const { file } = this
    try {
      file?.append(record)
    } catch (error) {
      // Part of it may be written. If it can't be cut away it stays behind the last record, where nobody takes it for one.
      this.closeFile()
      this.isNewestGood = this.attempt(() => this.machine.files.truncate(newest.path, newest.bytes))
      throw error
    }
    try {
      file?.sync()
    } catch (error) {
      this.closeFile()
      this.isNewestSuspect = true
      throw error
    }
    newest.count++
    newest.bytes += record.length
  }

  /** After a failed sync the kernel may call pages clean that never reached the disk: a later sync that succeeds proves nothing about them
   *  (Rebello and others, Can Applications Recover from fsync Failures?, 2020). So all of the segment is written anew, to another file. */
  private rewriteNewest(): void {
    const newest = this.segments.at(-1)
    const bytes = newest && this.machine.readAt(newest.path, 0, newest.bytes)
    this.isNewestGood = newest !== undefined && bytes !== undefined
    if (newest !== undefined && bytes !== undefined) {
      const { count, soundBytes } = scanSegment(bytes, { from: 0, to: 0 })
      const sound = soundBytes > 0 ? bytes.subarray(0, soundBytes) : SEGMENT_HEADER
      this.machine.files.writeWhole(newest.path, sound, FILE_MODE)
      newest.count = count
      newest.bytes = sound.length
    }
    this.isNewestSuspect = false
  }

  /** The file is made whole, header and name durable, before anything is appended. */
  private open(first: number): Segment {
    this.closeFile()
    const path = segmentPath(this.machine, this.folder, first)
    this.machine.files.writeWhole(path, SEGMENT_HEADER, FILE_MODE)
    const segment = { path, first, count: 0, bytes: SEGMENT_HEADER.length }
    if (this.segments.at(-1)?.path === path) this.segments.pop()
    this.segments.push(segment)
    this.isNewestGood = true
    return segment
  }

  /** The oldest lines go first: a newer vector says more. */
  private makeRoom(bytes: number): void {
    let total = this.segments.reduce((sum, segment) => sum + segment.bytes, bytes)
    while (this.segments.length > 1 && (total > this.bytesMax || this.segments.length > SEGMENTS_MAX)) {
      total -= this.segments[0].bytes
      this.dropOldest()
    }
  }

  /** The cursor is on disk before a segment goes: else what it held would be counted as lost. Only where the disk is too full for the
   *  cursor goes a segment first. The newest stays, to be appended to. */
  private dropAcknowledged(): void {
    const isDone = (segment: Segment): boolean => segment.first + segment.count <= this.cursor
    let isKept = this.guard(() => this.writeCursor())
    while (this.segments.length > 1 && isDone(this.segments[0])) {
      if (!isKept && this.whyCode !== 'ENOSPC') return
      this.dropOldest()
      if (!isKept) isKept = this.guard(() => this.writeCursor())
    }
    if (isKept && this.held.length === 0) this.why = undefined
  }

  private dropOldest(): void {
    const oldest = this.segments.shift()
    this.unreadable = 0
    if (oldest !== undefined) this.attempt(() => this.machine.files.remove(oldest.path))
  }

  /** Lines of a segment by their place in it. Undefined if it can't be read now; one that can't be read again and again counts as lost. */
  private read(segment: Segment, from: number, to: number): readonly string[] | undefined {
    const bytes = this.machine.readAt(segment.path, 0, segment.bytes)
    if (bytes === undefined && ++this.unreadable < UNREADABLE_TRIES_MAX) {
      this.why = `${segment.path} can not be read`
      return undefined
    }
    this.unreadable = 0
    const { lines, count } = scanSegment(bytes ?? SEGMENT_HEADER, { from, to: Math.min(to, segment.count) })
    // Fewer, if somebody damaged it since we wrote it. It is not appended to then: what follows has no place in it.
    segment.count = Math.min(segment.count, count)
    return lines
  }

  private writeCursor(): void {
    const text = encodeCursor({ next: this.cursor, lost: this.lostBehind })
    this.machine.files.writeWhole(cursorPath(this.folder), text, FILE_MODE)
  }

  private closeFile(): void {
    const { file } = this
    this.file = undefined
    if (file !== undefined) this.attempt(() => file.close())
  }

  /** False if the disk refused, and why is kept. */
  private guard(call: () => void): boolean {
    try {
      call()
      return true
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
      this.why = error.message
      this.whyCode = error.code
      return false
    }
  }

  /** False if the disk refused; nobody need know why. */
  private attempt(call: () => void): boolean {
    const { why } = this
    const isDone = this.guard(call)
    this.why = why
    return isDone
  }
}
