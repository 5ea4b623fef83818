/** Reads numbers out of the kernel's text, without patterns and without garbage: this runs every few seconds for years. */

const ZERO = 48
const NINE = 57

/** A place in a text from which whole numbers are read one after the other. */
export class Scanner {
  private text = ''
  private at = 0
  private end = 0

  /** Goes on with another text, or with a part of it. */
  reset(text: string, from = 0, to: number = text.length): this {
    this.text = text
    this.at = from
    this.end = to
    return this
  }

  /** The next run of digits up to the end of the part, or NaN. What stands before it is passed over. Beyond 2^53 digits are rounded. */
  next(): number {
    const { text, end } = this
    let at = this.at
    let code = 0
    while (at < end) {
      code = text.charCodeAt(at)
      if (code >= ZERO && code <= NINE) break
      at++
    }
    if (at >= end) {
      this.at = end
      return Number.NaN
    }
    let value = 0
    while (at < end) {
      code = text.charCodeAt(at)
      if (code < ZERO || code > NINE) break
      value = value * 10 + (code - ZERO)
      at++
    }
    this.at = at
    return value
  }

  /** Whether all is read: the last number may then be cut. */
  get isAtEnd(): boolean {
    return this.at >= this.end
  }

  /** Passes over numbers. */
  skip(count: number): this {
    for (let i = 0; i < count; i++) this.next()
    return this
  }
}

const scanner = new Scanner()

/** The number behind a name at the beginning of a line, or NaN: `numberAfter(text, 'MemTotal:')`. */
export function numberAfter(text: string, name: string): number {
  const at = startOfLine(text, name)
  if (at < 0) return Number.NaN
  return scanner.reset(text, at + name.length, lineEnd(text, at)).next()
}

/** Where the line begins that starts with `name`; -1 if none does. */
export function startOfLine(text: string, name: string): number {
  if (text.startsWith(name)) return 0
  const at = text.indexOf(`\n${name}`)
  return at < 0 ? -1 : at + 1
}

/** Where the line ends that `at` stands in. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

/** How much a counter rose: NaN where one of the two is missing, or where it went back because it was set to zero, or wrapped. */
export function rise(was: number, is: number): number {
  return is >= was ? is - was : Number.NaN
}

/** A rise per second; NaN for a span that is none. */
export function perSecond(risen: number, spanMs: number): number {
  return spanMs > 0 ? (risen * 1000) / spanMs : Number.NaN
}
