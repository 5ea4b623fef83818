/** What was measured and not yet acknowledged, on disk: survives kills, damage and a full disk, and says what was lost. */
import { type AppendFile, type Files, type Looks, MachineError } from './machine.ts'
import { encodeRecord, HEADER_BYTES, scanRecords } from './spool-records.ts'

/** A segment is closed at this size; the oldest goes as a whole once all of it was acknowledged, or when there is no room. */
const SEGMENT_BYTES = 16 * 1024
const SEGMENT_NAME = /^spool-(\d{10})$/
const STATE_NAME = 'spool-state'
/** While the disk takes nothing, as many of the newest lines are held in memory: a day of one every five minutes. */
const HELD_MAX = 288
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

interface Segment {
  readonly number: number
  /** Lines that are not acknowledged yet, oldest first. */
  lines: string[]
  bytes: number
  /** Lines at its beginning that were acknowledged. */
  done: number
}

/** What went wrong with the disk, while it does. */
export interface SpoolState {
  readonly waiting: number
  readonly lost: number
  readonly degraded?: string
}

/** A first-in-first-out queue of lines. Never throws for what the disk does: what it can't take is held in memory, within bounds. */
export class Spool {
  private readonly machine: Looks & { readonly files: Files }
  private readonly folder: string
  private readonly bytesMax: number
  private segments: Segment[] = []
  private file: AppendFile | undefined
  private held: string[] = []
  private lost = 0
  private why: string | undefined
  private next = 0

  /** Reads what is there. Each segment is cut at its first damage; whatever else lies in the folder is left alone. */
  constructor(machine: Looks & { readonly files: Files }, folder: string, bytesMax: number) {
    this.machine = machine
    this.folder = folder
    this.bytesMax = bytesMax
    this.guard(() => machine.files.makeFolder(folder, FOLDER_MODE))
    const { lost, segment, done } = this.readState()
    this.lost = lost
    for (const number of this.numbers()) this.readSegment(number, number === segment ? done : 0, segment)
    this.next = Math.max(segment, ...this.segments.map(({ number }) => number + 1), 0)
  }

  get state(): SpoolState {
    const waiting = this.held.length + this.segments.reduce((sum, { lines, done }) => sum + lines.length - done, 0)
    return { waiting, lost: this.lost, ...(this.why === undefined ? {} : { degraded: this.why }) }
  }

  /** Keeps a line. When this returns it is durable, or held in memory with `degraded` saying why. */
  add(line: string): void {
    this.held.push(line)
    while (this.held.length > 0) {
      if (!this.guard(() => this.write(this.held[0]))) break
      this.held.shift()
      this.why = undefined
    }
    while (this.held.length > HELD_MAX) {
      this.held.shift()
      this.lost++
    }
  }

  /** The oldest lines that wait, in order. */
  peek(count: number): readonly string[] {
    const lines: string[] = []
    for (const segment of this.segments) {
      lines.push(...segment.lines.slice(segment.done, segment.done + count - lines.length))
      if (lines.length >= count) return lines
    }
    return [...lines, ...this.held.slice(0, count - lines.length)]
  }

  /** The oldest lines were acknowledged, as many as this. */
  remove(count: number): void {
    let left = count
    while (left > 0 && this.segments.length > 0) {
      const [segment] = this.segments
      const taken = Math.min(left, segment.lines.length - segment.done)
      segment.done += taken
      left -= taken
      if (segment.done < segment.lines.length) break
      this.dropOldest()
    }
    this.held.splice(0, left)
    this.guard(() => this.writeState())
  }

  close(): void {
    this.closeFile()
  }

  private write(line: string): void {
    const record = encodeRecord(line)
    let newest = this.segments.at(-1)
    if (this.file === undefined || newest === undefined || newest.bytes + record.length > SEGMENT_BYTES)
      newest = this.open()
    try {
      this.makeRoom(record.length)
      this.file?.append(record)
      this.file?.sync()
    } catch (error) {
      // After a failed write or sync nobody knows what the disk holds: the rest goes to a new segment, and this one ends where it was sound.
      this.closeFile()
      const { bytes, number } = newest
      this.guard(() => this.machine.files.truncate(this.pathOf(number), bytes))
      throw error
    }
    newest.lines.push(line)
    newest.bytes += record.length
  }

  private open(): Segment {
    this.closeFile()
    const segment: Segment = { number: this.next, lines: [], bytes: 0, done: 0 }
    this.file = this.machine.files.openAppend(this.pathOf(segment.number), FILE_MODE)
    this.next++
    this.segments.push(segment)
    return segment
  }

  /** The oldest lines go first: a newer vector says more. */
  private makeRoom(bytes: number): void {
    const total = () => this.segments.reduce((sum, segment) => sum + segment.bytes, 0)
    while (this.segments.length > 1 && total() + bytes > this.bytesMax) {
      const [oldest] = this.segments
      this.lost += oldest.lines.length - oldest.done
      this.dropOldest()
      this.writeState()
    }
  }

  private dropOldest(): void {
    const oldest = this.segments.shift()
    if (oldest === undefined) return
    if (this.segments.length === 0) this.closeFile()
    this.guard(() => this.machine.files.remove(this.pathOf(oldest.number)))
  }

  private readSegment(number: number, done: number, oldestAlive: number): void {
    const path = this.pathOf(number)
    this.guard(() => {
      if (number < oldestAlive) {
        this.machine.files.remove(path)
        return
      }
      const bytes = this.machine.files.readBytes(path)
      const { lines, soundBytes } = scanRecords(bytes)
      // How many lines the damage held can't be known; by their usual length it is at least one.
      if (soundBytes < bytes.length) {
        this.lost += Math.max(1, Math.round((bytes.length - soundBytes) / (HEADER_BYTES + USUAL_LINE_BYTES)))
        this.machine.files.truncate(path, soundBytes)
      }
      this.segments.push({ number, lines: [...lines], bytes: soundBytes, done: Math.min(done, lines.length) })
    })
  }

  private numbers(): readonly number[] {
    const names = this.machine.list(this.folder) ?? []
    return names.flatMap((name) => (SEGMENT_NAME.test(name) ? [Number(name.slice(-10))] : [])).toSorted((a, b) => a - b)
  }

  /** `lost segment done`, written whole. What can't be read is taken as nothing: lines are then sent again, and the server knows them. */
  private readState(): { readonly lost: number; readonly segment: number; readonly done: number } {
    const numbers = (this.machine.readText(`${this.folder}/${STATE_NAME}`, 64) ?? '').split(' ').map(Number)
    if (numbers.length !== 3 || numbers.some((number) => !Number.isSafeInteger(number) || number < 0))
      return { lost: 0, segment: 0, done: 0 }
    return { lost: numbers[0], segment: numbers[1], done: numbers[2] }
  }

  private writeState(): void {
    const [oldest] = this.segments
    const text = `${this.lost} ${oldest?.number ?? this.next} ${oldest?.done ?? 0}`
    this.machine.files.writeWhole(`${this.folder}/${STATE_NAME}`, text, FILE_MODE)
  }

  private closeFile(): void {
    const { file } = this
    this.file = undefined
    if (file !== undefined) this.guard(() => file.close())
  }

  private pathOf(number: number): string {
    return `${this.folder}/spool-${String(number).padStart(10, '0')}`
  }

  /** False if the disk refused, and why is kept. */
  private guard(call: () => void): boolean {
    try {
      call()
      return true
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
      this.why = error.message
      return false
    }
  }
}

/** A vector's line with all that a guest can tell is some 400 bytes. */
const USUAL_LINE_BYTES = 400
