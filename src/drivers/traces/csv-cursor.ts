import { ParseError } from '../../terms/parse.ts'

const TAB = 9
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const MINUS = 45
const DOT = 46
const ZERO = 48
const NINE = 57

/** Longest line we read, in bytes: 100,000 steps of ten characters fit four times. */
export const LINE_BYTES_MAX = 4 * 1024 * 1024
/** Longest name of a VM, in characters. */
export const NAME_LENGTH_MAX = 200

const TENS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]

/** Walks over the cells of a CSV file by its bytes: a million numbers cost some ten milliseconds, and no strings.
 *  A cell is read by `readNumber` or `readText`; after it, `isRowEnd` tells whether it was the last of its line. */
export class CsvCursor {
  /** Line of the cell under the cursor, from 1. */
  line = 1
  /** The cell just read was the last of its line. */
  isRowEnd = true
  private position: number
  private lineStart: number
  private readonly bytes: Uint8Array
  private readonly name: string
  private readonly decoder = new TextDecoder()

  constructor(bytes: Uint8Array, name: string) {
    this.bytes = bytes
    this.name = name
    const hasMark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    this.position = hasMark ? 3 : 0
    this.lineStart = this.position
  }

  /** Where the cursor stands, as messages name it. */
  place(): string {
    return `${this.name}:${this.line}`
  }

  /** Steps over empty lines; false at the end of the file. Call it at the start of a row. */
  beginRow(): boolean {
    const { bytes } = this
    while (this.position < bytes.length) {
      const byte = bytes[this.position]
      if (byte === LINE_FEED) this.line++
      else if (byte !== CARRIAGE_RETURN && byte !== SPACE && byte !== TAB) break
      this.position++
    }
    this.lineStart = this.position
    this.isRowEnd = false
    return this.position < bytes.length
  }

  /** Cells of the row that begins under the cursor, which does not move. */
  countCells(): number {
    let cells = 1
    let isQuoted = false
    for (let i = this.position; i < this.bytes.length && (isQuoted || this.bytes[i] !== LINE_FEED); i++) {
      if (this.bytes[i] === QUOTE) isQuoted = !isQuoted
      else if (this.bytes[i] === COMMA && !isQuoted) cells++
    }
    return cells
  }

  /** Goes on with the next line. */
  endRow(): void {
    if (this.position - this.lineStart > LINE_BYTES_MAX)
      throw new ParseError(
        this.place(),
        'the line',
        `It has more than ${LINE_BYTES_MAX} bytes. Write fewer steps a line.`,
      )
    this.line++
  }

  /** The cell as a number; NaN where it is empty. Anything else that is no finite number is told by `refuse`. */
  readNumber(refuse: (text: string) => ParseError): number {
    const { bytes } = this
    const start = this.position
    let at = start
    const isNegative = bytes[at] === MINUS
    if (isNegative) at++
    let digits = 0
    let value = 0
    let byte = bytes[at]
    while (byte >= ZERO && byte <= NINE) {
      value = value * 10 + byte - ZERO
      digits++
      byte = bytes[++at]
    }
    let decimals = 0
    if (byte === DOT) {
      byte = bytes[++at]
      while (byte >= ZERO && byte <= NINE) {
        value = value * 10 + byte - ZERO
        decimals++
        byte = bytes[++at]
      }
    }
    const isPlain = digits > 0 && digits + decimals <= 15
    if (isPlain && (byte === COMMA || byte === LINE_FEED || byte === CARRIAGE_RETURN || at >= bytes.length)) {
      this.position = at
      if (this.closeCell()) {
        const size = decimals === 0 ? value : value / TENS[decimals]
        return isNegative ? -size : size
      }
      this.position = start
    }
    return this.readUnusualNumber(refuse)
  }

  /** The cell as text, without the blanks around it and without its quotes. */
  readText(): string {
    this.skipBlanks()
    return this.bytes[this.position] === QUOTE ? this.readQuoted() : this.readBare()
  }

  private readUnusualNumber(refuse: (text: string) => ParseError): number {
    const text = this.readText()
    if (text === '') return Number.NaN
    const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isFinite(value)) throw refuse(text)
    return value
  }

  private readBare(): string {
    const { bytes } = this
    const start = this.position
    let at = start
    while (at < bytes.length && bytes[at] !== COMMA && bytes[at] !== LINE_FEED) at++
    this.position = at
    this.refuseLongCell(start)
    const text = this.decoder.decode(bytes.subarray(start, at)).trim()
    this.closeCell()
    return text
  }

  private readQuoted(): string {
    const { bytes } = this
    const start = this.position + 1
    let at = start
    while (at < bytes.length && (bytes[at] !== QUOTE || bytes[at + 1] === QUOTE)) {
      if (bytes[at] === LINE_FEED) break
      at += bytes[at] === QUOTE ? 2 : 1
    }
    if (at >= bytes.length || bytes[at] !== QUOTE)
      throw new ParseError(
        this.place(),
        this.decoder.decode(bytes.subarray(start - 1, Math.min(at, start + 70))),
        'The quote is not closed on its line.',
      )
    this.position = at + 1
    this.refuseLongCell(start)
    const text = this.decoder.decode(bytes.subarray(start, at)).replaceAll('""', '"').trim()
    this.skipBlanks()
    if (!this.closeCell())
      throw new ParseError(this.place(), text, 'Expected a comma or the end of the line after the quote.')
    return text
  }

  private refuseLongCell(start: number): void {
    if (this.position - start > LINE_BYTES_MAX)
      throw new ParseError(this.place(), 'a cell', `It has more than ${LINE_BYTES_MAX} bytes. Is this a CSV file?`)
  }

  private skipBlanks(): void {
    while (this.bytes[this.position] === SPACE || this.bytes[this.position] === TAB) this.position++
  }

  /** Steps over the comma or the end of the line; false where neither is under the cursor. */
  private closeCell(): boolean {
    const { bytes } = this
    if (bytes[this.position] === COMMA) {
      this.position++
      return true
    }
    let at = this.position
    if (bytes[at] === CARRIAGE_RETURN) at++
    if (at < bytes.length && bytes[at] !== LINE_FEED) return false
    this.position = Math.min(at + 1, bytes.length)
    this.isRowEnd = true
    return true
  }
}
