/** The agent's one small file: `key = value` lines in `[sections]`. Everything has a default, and what is misspelt is refused. */
import { ParseError, show } from '../../terms/parse.ts'
import { HOUR_MS, KiB, MiB, GiB, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'

/** One setting and where it stands, so that a complaint can say so. */
export interface Setting {
  readonly value: string
  readonly place: string
}

/** Settings by section ('' is what stands before the first), then by key. */
export type Sections = ReadonlyMap<string, ReadonlyMap<string, Setting>>

/** A file that is longer is none of ours. */
const CONFIG_BYTES_MAX = 64 * KiB
const SECTIONS_MAX = 64

/** Lines are `key = value`, `[section]`, `[section name]`, `# comment` or empty. A key twice in a section is refused, and so is a section
 *  twice. Throws `ParseError` with file and line. */
export function parseConfigFile(text: string, file: string): Sections {
  if (text.length > CONFIG_BYTES_MAX)
    throw new ParseError(file, text.length, `A configuration has at most ${CONFIG_BYTES_MAX} bytes.`)
  let section = new Map<string, Setting>()
  const sections = new Map<string, Map<string, Setting>>([['', section]])
  text.split('\n').forEach((raw, i) => {
    const place = `${file}:${i + 1}`
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    if (line.startsWith('[')) {
      const name = parseSection(line, place)
      if (sections.has(name)) throw new ParseError(place, line, 'This section stands above already; write it once.')
      if (sections.size > SECTIONS_MAX) throw new ParseError(place, line, `At most ${SECTIONS_MAX} sections.`)
      section = new Map()
      sections.set(name, section)
      return
    }
    const equals = line.indexOf('=')
    if (equals < 1) throw new ParseError(place, line, 'Expected `key = value`, `[section]` or `# comment`.')
    const key = line.slice(0, equals).trim()
    if (section.has(key)) throw new ParseError(place, key, 'This key stands above already; write it once.')
    section.set(key, { value: line.slice(equals + 1).trim(), place: `${place} ${key}` })
  })
  return sections
}

function parseSection(line: string, place: string): string {
  const name = line.endsWith(']') ? line.slice(1, -1).trim() : ''
  if (name === '') throw new ParseError(place, line, 'Expected `[section]`.')
  return name.split(/\s+/).join(' ')
}

const DURATION_UNITS: readonly (readonly [string, number])[] = [
  ['ms', 1],
  ['s', SECOND_MS],
  ['min', MINUTE_MS],
  ['h', HOUR_MS],
]
const SIZE_UNITS: readonly (readonly [string, number])[] = [
  ['KiB', KiB],
  ['MiB', MiB],
  ['GiB', GiB],
]

/** `5s`, `5min`, `1h`, `250ms`: milliseconds within bounds. */
export function parseDuration(
  { value, place }: Setting,
  bounds: { readonly minMs: number; readonly maxMs: number },
): number {
  const ms = parseAmount(value, DURATION_UNITS)
  if (ms === undefined || ms < bounds.minMs || ms > bounds.maxMs) {
    const expected = `Expected a duration such as 5s, 5min or 1h, from ${showDuration(bounds.minMs)} to ${showDuration(bounds.maxMs)}.`
    throw new ParseError(place, value, expected)
  }
  return ms
}

/** `512KiB`, `1MiB`: bytes within bounds. */
export function parseSize({ value, place }: Setting, bounds: { readonly min: number; readonly max: number }): number {
  const bytes = parseAmount(value, SIZE_UNITS)
  if (bytes === undefined || bytes < bounds.min || bytes > bounds.max) {
    const expected = `Expected a size such as 512KiB or 1MiB, from ${bounds.min / KiB}KiB to ${bounds.max / KiB}KiB.`
    throw new ParseError(place, value, expected)
  }
  return bytes
}

/** `on` or `off`. */
export function parseSwitch({ value, place }: Setting): boolean {
  if (value === 'on' || value === 'off') return value === 'on'
  throw new ParseError(place, value, 'Expected on or off.')
}

/** A plain number within bounds. */
export function parseAmountOf(
  { value, place }: Setting,
  bounds: { readonly min: number; readonly max: number },
): number {
  const number = value === '' ? Number.NaN : Number(value)
  if (Number.isFinite(number) && number >= bounds.min && number <= bounds.max) return number
  throw new ParseError(place, value, `Expected a number from ${bounds.min} to ${bounds.max}.`)
}

/** Refuses keys that nobody reads: a misspelt setting that is silently ignored is the worst kind of default. */
export function refuseUnknownKeys(settings: ReadonlyMap<string, Setting>, known: readonly string[]): void {
  for (const [key, { place }] of settings) {
    if (!known.includes(key)) throw new ParseError(place, key, `Unknown key; known are: ${known.join(', ')}.`)
  }
}

/** 300000 as `5min`. */
export function showDuration(ms: number): string {
  for (const [unit, size] of DURATION_UNITS.toReversed())
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`
  return `${ms}ms`
}

function parseAmount(text: string, units: readonly (readonly [string, number])[]): number | undefined {
  for (const [unit, size] of units) {
    if (!text.endsWith(unit)) continue
    const digits = text.slice(0, -unit.length).trim()
    if (/^\d+(\.\d+)?$/.test(digits)) return Math.round(Number(digits) * size)
  }
  return undefined
}

/** A value for a message of ours, shortened and quoted. */
export function showSetting({ value }: Setting): string {
  return show(value)
}
