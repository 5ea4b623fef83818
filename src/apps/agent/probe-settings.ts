/** `[probes]` of the settings: what the probe helper counts, how long and how often. */
import {
  LIBRARY_KINDS,
  type LibraryKind,
  PROBE_DEFAULTS,
  PROBE_WAYS,
  type ProbedFunction,
  type ProbeSettings,
} from '../../drivers/guest/probes/settings.ts'
import { ParseError, parseWord } from '../../terms/parse.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { parseAmountOf, parseDuration, parseSwitch, refuseUnknownKeys, type Setting } from './config-file.ts'

const KEYS = [
  'way',
  'every',
  'system-calls',
  'system-calls-for',
  ...LIBRARY_KINDS,
  'library-calls-for',
  'library-calls-max',
  'allocator-for',
  'allocator-calls-max',
  'result-file',
  'attach',
] as const
type Key = (typeof KEYS)[number]

/** Functions of one kind: more are not worth their traps. */
const FUNCTIONS_MAX = 16
/** Nobody is to be watched for longer than a fifth of the time, whatever the settings say. */
const ATTACHED_SHARE_MAX = 0.2

/** Settings of the probes, and whether an agent that is root attaches by itself instead of reading what the helper left. */
export interface ProbesAsked {
  readonly settings: ProbeSettings
  readonly attachesItself: boolean
}

/** Reads the section `[probes]`; what is not there has its default. Throws `ParseError`. */
export function parseProbes(section: ReadonlyMap<string, Setting> = new Map()): ProbesAsked {
  refuseUnknownKeys(section, KEYS)
  const read = <T>(key: Key, parse: (setting: Setting) => T, absent: T): T => {
    const setting = section.get(key)
    return setting === undefined ? absent : parse(setting)
  }
  const defaults = PROBE_DEFAULTS
  const everyMs = read('every', duration(10 * SECOND_MS, HOUR_MS), defaults.everyMs)
  const isCounted = read('system-calls', parseSwitch, true)
  const bounds = duration(1, Math.min(MINUTE_MS, everyMs * ATTACHED_SHARE_MAX))
  const rare = defaults.attachments.tls
  const allocator = defaults.attachments.allocator
  const forMs = (key: Key, absent: number) => read(key, bounds, Math.min(absent, everyMs * ATTACHED_SHARE_MAX))
  const functions = Object.fromEntries(
    LIBRARY_KINDS.map((kind) => [kind, read(kind, parseFunctions(kind), defaults.functions[kind])]),
  ) as Record<LibraryKind, readonly ProbedFunction[]>
  // These are watched one after the other: all of them together are bounded.
  const togetherMs = Math.min(MINUTE_MS, everyMs * ATTACHED_SHARE_MAX) / Math.max(1, functions.allocator.length)
  const rareAttachment = {
    attachedMs: forMs('library-calls-for', rare.attachedMs),
    callsMax: read('library-calls-max', callsMax, rare.callsMax),
  }
  // Whole seconds are counted, and the first and the last are not whole.
  const systemCallsMs = read(
    'system-calls-for',
    duration(3 * SECOND_MS, Math.max(3 * SECOND_MS, Math.min(MINUTE_MS, everyMs * ATTACHED_SHARE_MAX))),
    Math.max(3 * SECOND_MS, Math.min(defaults.systemCallsMs ?? 0, everyMs * ATTACHED_SHARE_MAX)),
  )
  return {
    attachesItself:
      read('attach', ({ value, place }) => parseWord(value, place, ['helper', 'agent']), 'helper') === 'agent',
    settings: {
      way: read('way', ({ value, place }) => parseWord(value, place, PROBE_WAYS), defaults.way),
      everyMs,
      ...(isCounted ? { systemCallsMs } : {}),
      functions,
      attachments: {
        tls: rareAttachment,
        dns: rareAttachment,
        allocator: {
          attachedMs: read('allocator-for', duration(1, togetherMs), Math.min(togetherMs, allocator.attachedMs)),
          callsMax: read('allocator-calls-max', callsMax, allocator.callsMax),
        },
      },
      resultFile: read('result-file', parsePath, defaults.resultFile),
    },
  }
}

function duration(minMs: number, maxMs: number): (setting: Setting) => number {
  return (setting) => parseDuration(setting, { minMs, maxMs })
}

function callsMax(setting: Setting): number {
  return Math.round(parseAmountOf(setting, { min: 100, max: 1_000_000 }))
}

function parsePath({ value, place }: Setting): string {
  if (/^\/[\x21-\x7e]{1,200}$/.test(value)) return value
  throw new ParseError(place, value, 'Expected a path that begins with /.')
}

/** `on`, `off`, or a list such as `libssl.so:SSL_read libssl.so:SSL_write`. A name ends up in a program of bpftrace and in a line of tracefs, so
 *  nothing but letters, digits and underscores can be one. */
function parseFunctions(kind: LibraryKind): (setting: Setting) => readonly ProbedFunction[] {
  return ({ value, place }) => {
    if (value === 'on') return PROBE_DEFAULTS.functions[kind]
    if (value === 'off') return []
    const words = value.split(/[\s,]+/).filter((word) => word !== '')
    if (words.length === 0 || words.length > FUNCTIONS_MAX)
      throw new ParseError(place, value, `Expected on, off, or up to ${FUNCTIONS_MAX} times LIBRARY:FUNCTION.`)
    return words.map((word) => {
      const match = /^(lib[A-Za-z0-9_+-]{1,60}\.so):([A-Za-z_][A-Za-z0-9_]{0,80})$/.exec(word)
      if (match === null)
        throw new ParseError(place, word, 'Expected LIBRARY:FUNCTION such as libssl.so:SSL_read, without a version.')
      return { library: match[1], name: match[2] }
    })
  }
}
