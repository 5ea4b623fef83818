/** The form of what lies in the spool. Pure: bytes in, bytes out.
 *
 *  A segment is a file `vectors-NNNNNNNNNN`, named by the ordinal of its first record: the first vector ever kept in this folder is 0, the next 1.
 *  It begins with `SEGMENT_HEADER`; then come records: length of the text (4 bytes, little-endian), CRC-32 of the text (4), the text in Latin-1.
 *  The file `cursor` says which ordinal is the first not acknowledged, and how many before it were lost. */

/** Length and checksum in front of each text. */
export const RECORD_HEADER_BYTES = 8
/** A longer record is damage, and no vector: a vector has at most 600 bytes. */
export const RECORD_BYTES_MAX = 1024
/** `ETHOSSP1`: ours, version 1. */
export const SEGMENT_HEADER = Uint8Array.of(0x45, 0x54, 0x48, 0x4f, 0x53, 0x53, 0x50, 0x31)

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

/** CRC-32 of IEEE 802.3, as in zip and Ethernet. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** A line as a record. */
export function encodeRecord(line: string): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_BYTES + line.length)
  for (let i = 0; i < line.length; i++) record[RECORD_HEADER_BYTES + i] = line.charCodeAt(i)
  const view = new DataView(record.buffer)
  view.setUint32(0, line.length, true)
  view.setUint32(4, crc32(record.subarray(RECORD_HEADER_BYTES)), true)
  return record
}

export interface ScannedSegment {
  readonly lines: readonly string[]
  /** Whole records up to the first damage: those before `lines` too, and those behind it. */
  readonly count: number
  /** Bytes up to the first damage: what is behind them is not to be trusted. */
  readonly soundBytes: number
}

/** Counts the records up to the first that is not whole: a length that can't be, a checksum that does not fit, an end that is missing.
 *  @param wanted which of them are wanted as lines, by their place in the segment */
export function scanSegment(
  bytes: Uint8Array,
  wanted: { readonly from: number; readonly to: number } = { from: 0, to: Infinity },
): ScannedSegment {
  const lines: string[] = []
  if (!hasHeader(bytes)) return { lines, count: 0, soundBytes: 0 }
  let at = SEGMENT_HEADER.length
  let count = 0
  for (let end = recordEnd(bytes, at); end > 0; end = recordEnd(bytes, at)) {
    if (count >= wanted.from && count < wanted.to) lines.push(latin1Text(bytes.subarray(at + RECORD_HEADER_BYTES, end)))
    count++
    at = end
  }
  return { lines, count, soundBytes: at }
}

/** How many records the bytes behind the first damage held, as far as can be known: whole ones are found again wherever they begin, and each
 *  stretch between them that is not whole was at least one. 0 where nothing is behind. */
export function countDamaged(bytes: Uint8Array, from: number): number {
  let count = 0
  let isInDamage = false
  for (let at = from; at < bytes.length; ) {
    const end = recordEnd(bytes, at)
    if (end > 0) {
      count++
      at = end
      isInDamage = false
    } else {
      if (!isInDamage) count++
      isInDamage = true
      at++
    }
  }
  return count
}

/** The place in the spool up to which everything was acknowledged. */
export interface Cursor {
  /** Ordinal of the first record that is not acknowledged. */
  readonly next: number
  /** How many before it were never sent. */
  readonly lost: number
}

/** A line of text: version, numbers, checksum. */
export function encodeCursor({ next, lost }: Cursor): string {
  const text = `1 ${next} ${lost}`
  return `${text} ${crc32(latin1Bytes(text))}\n`
}

/** Undefined for anything that `encodeCursor` did not write. */
export function parseCursor(text: string): Cursor | undefined {
  const [, next, lost] = text.split(' ').map(Number)
  if (!Number.isSafeInteger(next) || !Number.isSafeInteger(lost)) return undefined
  return encodeCursor({ next, lost }) === text ? { next, lost } : undefined
}

/** Where the record that begins at `at` ends; 0 if none does. */
function recordEnd(bytes: Uint8Array, at: number): number {
  if (at + RECORD_HEADER_BYTES > bytes.length) return 0
  const length = numberAt(bytes, at)
  const end = at + RECORD_HEADER_BYTES + length
  if (length === 0 || length > RECORD_BYTES_MAX || end > bytes.length) return 0
  return crc32(bytes.subarray(at + RECORD_HEADER_BYTES, end)) === numberAt(bytes, at + 4) ? end : 0
}

function numberAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

function hasHeader(bytes: Uint8Array): boolean {
  return bytes.length >= SEGMENT_HEADER.length && SEGMENT_HEADER.every((byte, i) => bytes[i] === byte)
}

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function latin1Text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
