/** Outside data is parsed once, where it enters. These helpers read one field and name the place, the value and the remedy when they can't. */

/** Data from outside is not what it claims to be. The message is for the person who wrote the data. */
export class ParseError extends Error {
  override readonly name = 'ParseError'
  /** Where in the input: a path such as `hosts[3].powerWatts`, or `file.csv:17`. */
  readonly place: string

  constructor(place: string, value: unknown, remedy: string) {
    super(`${place}: ${value === undefined ? 'missing' : `${show(value)} is not usable`}. ${remedy}`)
    this.place = place
  }
}

/** Most characters of a value in a message. */
const SHOWN_LENGTH_MAX = 80

/** A value as a person would like to see it in a message: short, quoted, never a dump. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = beginningOf(value, SHOWN_LENGTH_MAX)
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX - 3)}...` : text
}

export type Fields = Readonly<Record<string, unknown>>

/** An object with named fields; arrays and null are refused. */
export function parseFields(value: unknown, place: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new ParseError(place, value, 'Expected an object with named fields.')
}

/** A list of at most `lengthMax` items. */
export function parseList(value: unknown, place: string, lengthMax = 1_000_000): readonly unknown[] {
  if (!Array.isArray(value)) throw new ParseError(place, value, 'Expected a list.')
  if (value.length > lengthMax) throw new ParseError(place, value.length, `Expected at most ${lengthMax} items.`)
  return value
}

export interface NumberBounds {
  readonly min?: number
  readonly max?: number
  readonly integer?: boolean
}

/** A finite number within bounds; NaN and infinities are never valid. */
export function parseNumber(value: unknown, place: string, bounds: NumberBounds = {}): number {
  const min = bounds.min ?? -Number.MAX_VALUE
  const max = bounds.max ?? Number.MAX_VALUE
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
    throw new ParseError(place, value, `Expected a finite number${describeBounds(bounds)}.`)
  }
  if (bounds.integer === true && !Number.isSafeInteger(value))
    throw new ParseError(place, value, 'Expected a whole number.')
  return value
}

/** Text of at most `lengthMax` characters. */
export function parseText(value: unknown, place: string, lengthMax = 4096): string {
  if (typeof value === 'string' && value.length <= lengthMax) return value
  throw new ParseError(place, value, `Expected text of at most ${lengthMax} characters.`)
}

export function parseBoolean(value: unknown, place: string): boolean {
  if (typeof value === 'boolean') return value
  throw new ParseError(place, value, 'Expected true or false.')
}

/** One of the words allowed here. */
export function parseWord<W extends string>(value: unknown, place: string, words: readonly W[]): W {
  if (typeof value === 'string' && (words as readonly string[]).includes(value)) return value as W
  throw new ParseError(place, value, `Expected one of: ${words.join(', ')}.`)
}

/** Applies `parse` unless the field is absent. Absent stays absent. */
export function parseOptional<T>(value: unknown, parse: (present: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : parse(value)
}

/** Text as JSON, or a `ParseError` that names the place. */
export function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ParseError(place, text, 'Expected valid JSON.')
  }
}

/** Unknown fields are refused: a misspelt setting that is silently ignored is the worst kind of default. */
export function refuseUnknownFields(fields: Fields, known: readonly string[], place: string): void {
  for (const name of Object.keys(fields)) {
    if (!known.includes(name))
      throw new ParseError(`${place}.${name}`, fields[name], `Unknown field; known are: ${known.join(', ')}.`)
  }
}

function describeBounds(bounds: NumberBounds): string {
  if (bounds.min !== undefined && bounds.max !== undefined) return ` from ${bounds.min} to ${bounds.max}`
  if (bounds.min !== undefined) return ` of at least ${bounds.min}`
  if (bounds.max !== undefined) return ` of at most ${bounds.max}`
  return ''
}

/** The value as JSON, or a beginning of it of more than `length` characters: what is huge, or holds itself, is read no further. */
function beginningOf(value: unknown, length: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, Math.max(0, length)))
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return beginningOfList(value, length)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return Object.prototype.toString.call(value)
  return beginningOfFields(value as Fields, length)
}

function beginningOfList(list: readonly unknown[], length: number): string {
  let text = '['
  for (let i = 0; i < list.length; i++) {
    if (text.length > length) return text
    if (i > 0) text += ','
    text += beginningOf(list[i] ?? null, length - text.length)
  }
  return `${text}]`
}

function beginningOfFields(fields: Fields, length: number): string {
  let text = '{'
  for (const name of Object.keys(fields)) {
    if (text.length > length) return text
    if (fields[name] === undefined) continue
    if (text !== '{') text += ','
    text += `${beginningOf(name, length)}:`
    text += beginningOf(fields[name], length - text.length)
  }
  return `${text}}`
}
