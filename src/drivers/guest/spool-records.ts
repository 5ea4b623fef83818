/** The form of what lies in the spool: length, checksum, text. Pure: bytes in, bytes out. */

/** A record is `length` (4 bytes, little-endian), CRC-32 of the text (4), and the text in Latin-1: a vector's line is ASCII. */
export const HEADER_BYTES = 8
/** A longer record is damage, and no vector. */
export const RECORD_BYTES_MAX = 1024

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
  const record = new Uint8Array(HEADER_BYTES + line.length)
  for (let i = 0; i < line.length; i++) record[HEADER_BYTES + i] = line.charCodeAt(i)
  const view = new DataView(record.buffer)
  view.setUint32(0, line.length, true)
  view.setUint32(4, crc32(record.subarray(HEADER_BYTES)), true)
  return record
}

export interface ScannedRecords {
  readonly lines: readonly string[]
  /** Bytes up to the first damage: what is behind them is not to be trusted. */
  readonly soundBytes: number
}

/** All records up to the first that is not whole: a length that can't be, a checksum that does not fit, an end that is missing. */
export function scanRecords(bytes: Uint8Array): ScannedRecords {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const lines: string[] = []
  let at = 0
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true)
    const end = at + HEADER_BYTES + length
    if (length === 0 || length > RECORD_BYTES_MAX || end > bytes.length) break
    const text = bytes.subarray(at + HEADER_BYTES, end)
    if (crc32(text) !== view.getUint32(at + 4, true)) break
    lines.push(latin1Text(text))
    at = end
  }
  return { lines, soundBytes: at }
}

function latin1Text(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
