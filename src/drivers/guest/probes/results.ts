/** What the privileged process leaves for the agent: one line of JSON in a file that is replaced as a whole. */
import { parseFields, parseJson, parseList, parseNumber, parseText, parseWord } from '../../../terms/parse.ts'
import type { EpochMs } from '../../../terms/units.ts'
import { type Rate, RECENT_MAX } from './estimate.ts'
import { LIBRARY_KINDS } from './settings.ts'
import { CALL_CLASSES } from './system-calls.ts'

/** What is counted: classes of system calls, and kinds of library calls. */
export const RATE_KEYS = [...CALL_CLASSES, ...LIBRARY_KINDS] as const
export type RateKey = (typeof RATE_KEYS)[number]

/** What counted. */
export const COUNTERS = ['bpftrace', 'tracefs hist', 'tracefs', 'uprobe_profile'] as const
export type Counter = (typeof COUNTERS)[number]

/** One of the most frequent system calls. */
export interface TopCall {
  readonly name: string
  readonly perSec: number
}

/** Something that can not be counted here, and what would open it. */
export interface Missing {
  readonly what: 'system calls' | 'library calls'
  readonly because: string
  readonly remedy: string
}

export interface ProbeResults {
  /** When the last round ended. */
  readonly at: EpochMs
  /** From round to round. */
  readonly everyMs: number
  /** Time that anything was attached in this round. */
  readonly attachedMs: number
  readonly rates: Readonly<Partial<Record<RateKey, Rate & { readonly counter: Counter }>>>
  readonly top: readonly TopCall[]
  readonly missing: readonly Missing[]
}

/** A file that is longer is none of ours; a full one has some 3 KiB. */
export const RESULT_BYTES_MAX = 16 * 1024
/** Top calls told. */
export const TOP_MAX = 10
/** Reasons told. */
export const MISSING_MAX = 8
const TEXT_LENGTH_MAX = 300
const VERSION = 1
/** More calls in a second no machine makes. */
const PER_SEC_MAX = 1e12

/** As it stands in the file. */
export function encodeResults(results: ProbeResults): string {
  return `${JSON.stringify({ version: VERSION, ...results }, (_, value: unknown) => (typeof value === 'number' ? round(value) : value))}\n`
}

/** Four significant digits beyond whole numbers: no count is known better. */
function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(value >= 1000 ? 6 : 4))
}

/** Reads what `encodeResults` wrote. Throws `ParseError` for anything else, whoever wrote it. */
export function parseResults(text: string): ProbeResults {
  const place = 'probes'
  const fields = parseFields(parseJson(parseText(text, place, RESULT_BYTES_MAX), place), place)
  parseNumber(fields['version'], `${place}.version`, { min: VERSION, max: VERSION })
  const given = parseFields(fields['rates'], `${place}.rates`)
  const rates: Partial<Record<RateKey, Rate & { readonly counter: Counter }>> = {}
  for (const key of RATE_KEYS) {
    if (Object.hasOwn(given, key)) rates[key] = parseRate(given[key], `${place}.rates.${key}`)
  }
  return {
    at: parseNumber(fields['at'], `${place}.at`, { min: 0, max: 1e15 }),
    everyMs: parseNumber(fields['everyMs'], `${place}.everyMs`, { min: 1000, max: 1e9 }),
    attachedMs: parseNumber(fields['attachedMs'], `${place}.attachedMs`, { min: 0, max: 1e9 }),
    rates,
    top: parseList(fields['top'], `${place}.top`, TOP_MAX).map((value) => {
      const call = parseFields(value, `${place}.top`)
      return { name: parseName(call['name']), perSec: parsePerSec(call['perSec'], `${place}.top.perSec`) }
    }),
    missing: parseList(fields['missing'], `${place}.missing`, MISSING_MAX).map((value) => {
      const missing = parseFields(value, `${place}.missing`)
      return {
        what: parseWord(missing['what'], `${place}.missing.what`, ['system calls', 'library calls']),
        because: parseLine(missing['because'], `${place}.missing.because`),
        remedy: parseLine(missing['remedy'], `${place}.missing.remedy`),
      }
    }),
  }
}

function parseRate(value: unknown, place: string): Rate & { readonly counter: Counter } {
  const rate = parseFields(value, place)
  return {
    calls: parseNumber(rate['calls'], `${place}.calls`, { min: 0, max: 1e15 }),
    countedMs: parseNumber(rate['countedMs'], `${place}.countedMs`, { min: 0, max: 1e9 }),
    perSec: parsePerSec(rate['perSec'], `${place}.perSec`),
    errorPerSec: parsePerSec(rate['errorPerSec'], `${place}.errorPerSec`),
    lowByMax: parseNumber(rate['lowByMax'], `${place}.lowByMax`, { min: 0, max: 1 }),
    recent: parseList(rate['recent'], `${place}.recent`, RECENT_MAX).map((each) =>
      parsePerSec(each, `${place}.recent`),
    ),
    counter: parseWord(rate['counter'], `${place}.counter`, COUNTERS),
  }
}

function parsePerSec(value: unknown, place: string): number {
  return parseNumber(value, place, { min: 0, max: PER_SEC_MAX })
}

/** One line for a terminal, whatever a program said that is repeated here. */
function parseLine(value: unknown, place: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return parseText(value, place, TEXT_LENGTH_MAX).replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}

/** The kernel's name of a call, or `call 999`: nothing that a terminal would obey. */
function parseName(value: unknown): string {
  const name = parseText(value, 'probes.top.name', 40)
  return /^[a-z0-9_ ]+$/.test(name) ? name : '?'
}
