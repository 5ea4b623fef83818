/** What a spool folder holds, by looking alone: for the spool when it starts, and for `ethos agent doctor` beside a running agent. */
import type { Files, Looks } from './machine.ts'
import { type Cursor, countDamaged, parseCursor, scanSegment, SEGMENT_HEADER } from './spool-records.ts'

/** A segment is closed at this size. The oldest goes as a whole: when all of it was acknowledged, or when there is no room. */
export const SEGMENT_BYTES_MAX = 32 * 1024
const SEGMENT_NAME = /^vectors-\d{10}b?$/
const CURSOR_BYTES_MAX = 128
/** A name that is further ahead of the segment before it is none of ours: no spool loses as many at once. */
const GAP_MAX = 1_000_000

/** One file of the spool. */
export interface Segment {
  readonly path: string
  /** Ordinal of its first record. */
  readonly first: number
  /** Whole records up to the first damage. */
  count: number
  /** Its size up to the first damage. */
  bytes: number
}

export interface Survey {
  /** In order; what is missing between them was lost. */
  readonly segments: readonly Segment[]
  /** Paths and sound bytes of segments that go on behind their first damage. */
  readonly damaged: readonly { readonly path: string; readonly soundBytes: number }[]
  /** Undefined if there is none that can be read. */
  readonly cursor: Cursor | undefined
  /** Ordinal that the next record gets. */
  readonly next: number
}

/** Looks at a folder. Whatever lies in it that is not a spool's is passed over; reads one segment at a time. */
export function surveySpool(machine: Looks & { readonly files: Pick<Files, 'sizeOf'> }, folder: string): Survey {
  const cursor = parseCursor(machine.readText(cursorPath(folder), CURSOR_BYTES_MAX) ?? '')
  const segments: Segment[] = []
  const damaged: { path: string; soundBytes: number }[] = []
  let behind = 0
  for (const name of segmentNames(machine, folder)) {
    const path = `${folder}/${name}`
    const first = Number(name.slice(8, 18))
    const before = segments.at(-1)
    const from = before === undefined ? (cursor?.next ?? first) : before.first + before.count + behind
    if (first > from + GAP_MAX || first === before?.first || machine.list(path) !== undefined) continue
    const size = machine.files.sizeOf(path)
    if (size === undefined) continue
    // A record that was written twice, because nobody knew whether the disk had it, belongs to the later segment.
    if (before !== undefined) before.count = Math.min(before.count, first - before.first)
    // What has no size is not opened: it may be a pipe, and nobody would ever answer.
    const bytes = (size > 0 ? machine.readAt(path, 0, Math.min(size, SEGMENT_BYTES_MAX)) : undefined) ?? NOTHING
    const { count, soundBytes } = scanSegment(bytes, { from: 0, to: 0 })
    behind = countDamaged(bytes, soundBytes === 0 ? Math.min(SEGMENT_HEADER.length, bytes.length) : soundBytes)
    if (soundBytes < size) damaged.push({ path, soundBytes })
    segments.push({ path, first, count, bytes: soundBytes })
  }
  const last = segments.at(-1)
  const end = last === undefined ? 0 : last.first + last.count + behind
  return { segments, damaged, cursor, next: Math.max(cursor?.next ?? 0, end) }
}

/** How many records wait, and how many are missing before, between and behind them. */
export function tally({ segments, cursor, next }: Survey): { readonly waiting: number; readonly lost: number } {
  const from = cursor?.next ?? segments[0]?.first ?? next
  const waiting = segments.reduce((sum, segment) => sum + countFrom(segment, from), 0)
  return { waiting, lost: (cursor?.lost ?? 0) + next - from - waiting }
}

/** Records of a segment from an ordinal on. */
export function countFrom({ first, count }: Segment, ordinal: number): number {
  return Math.max(0, Math.min(count, first + count - ordinal))
}

/** Path of a segment. `b` where the plain name is taken by a folder that is not ours. */
export function segmentPath(machine: Looks, folder: string, first: number): string {
  const path = `${folder}/vectors-${String(first).padStart(10, '0')}`
  return machine.list(path) === undefined ? path : `${path}b`
}

export function cursorPath(folder: string): string {
  return `${folder}/cursor`
}

const NOTHING = new Uint8Array(0)

function segmentNames(machine: Looks, folder: string): readonly string[] {
  return (machine.list(folder) ?? []).filter((name) => SEGMENT_NAME.test(name)).toSorted()
}
