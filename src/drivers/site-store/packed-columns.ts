import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ABSENT } from './number-codes.ts'

/** First byte of what is packed: the form of the rest. */
const FORM = 1
const HEAD_BYTES = 6
/** Numbers before that tell what comes next: their mean, for a VM's noise is less than what it does in a day. */
const BEFORE = 4
/** Level 3 of zstd: higher ones gain less than a hundredth on numbers that are mostly noise. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
/** A form that says more is no form of ours. */
const BYTES_MAX = 1 << 20

/** Columns of 16-bit codes, one after the other, and bytes that go with them. */
export interface Columns {
  readonly rows: number
  /** `rows` codes of the first column, then of the next. */
  readonly codes: Uint16Array
  /** Anything else. */
  readonly beside: Uint8Array
}

/** Each code as what it differs from the mean of those before it; low bytes first, then high bytes, then what goes beside; by zstd. */
export function packColumns({ rows, codes, beside }: Columns): Uint8Array {
  const plain = new Uint8Array(codes.length * 2 + beside.length)
  const guess = new Guess()
  for (let i = 0; i < codes.length; i++) {
    if (i % rows === 0) guess.start()
    const away = ((codes[i] - guess.next()) << 16) >> 16
    const folded = (away << 1) ^ (away >> 31)
    plain[i] = folded & 255
    plain[codes.length + i] = (folded >> 8) & 255
    guess.saw(codes[i])
  }
  plain.set(beside, codes.length * 2)
  const packed = zstdCompressSync(plain, OPTIONS)
  const bytes = new Uint8Array(HEAD_BYTES + packed.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = FORM
  view.setUint16(1, rows, true)
  view.setUint16(3, codes.length / rows, true)
  bytes.set(packed, HEAD_BYTES)
  return bytes
}

/** Reads what `packColumns` wrote; undefined for anything else.
 *  @param wanted codes of so many of the first columns are read. Absent: all */
export function unpackColumns(bytes: Uint8Array, wanted = Infinity): Columns | undefined {
  if (bytes[0] !== FORM || bytes.length < HEAD_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows = view.getUint16(1, true)
  const columns = view.getUint16(3, true)
  const count = rows * columns
  const plain = decompressed(bytes.subarray(HEAD_BYTES))
  if (plain === undefined || plain.length < count * 2) return undefined
  const codes = new Uint16Array(rows * Math.min(columns, wanted))
  const guess = new Guess()
  for (let i = 0, left = 0; i < codes.length; i++, left--) {
    if (left === 0) {
      guess.start()
      left = rows
    }
    const folded = plain[i] | (plain[count + i] << 8)
    codes[i] = (guess.next() + ((folded >>> 1) ^ -(folded & 1))) & 0xffff
    guess.saw(codes[i])
  }
  return { rows, codes, beside: plain.subarray(count * 2) }
}

function decompressed(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: BYTES_MAX })
  } catch {
    return undefined
  }
}

/** The mean of the last codes that were present, rounded; 0 before the first. It is asked for each number of each day of each VM: hence no array. */
class Guess {
  private a = 0
  private b = 0
  private c = 0
  private d = 0
  private count = 0

  start(): void {
    this.a = this.b = this.c = this.d = 0
    this.count = 0
  }

  next(): number {
    const sum = this.a + this.b + this.c + this.d
    if (this.count >= BEFORE) return (sum + 2) >> 2
    return this.count === 0 ? 0 : Math.round(sum / this.count)
  }

  saw(code: number): void {
    if (code === ABSENT) return
    this.d = this.c
    this.c = this.b
    this.b = this.a
    this.a = code
    this.count++
  }
}
