/** What libvirt tells of its domains from outside, as `virsh domstats` prints it or as the protocol's typed parameters carry it: readings of guests
 *  that have no agent. The fields are described in libvirt's virConnectGetAllDomainStats. */
import { ParseError } from '../../terms/parse.ts'
import { type EpochMs, MiB, SECOND_MS } from '../../terms/units.ts'

/** Counters, levels and names of one domain at one instant, by libvirt's names. */
export interface DomainStats {
  readonly domain: string
  readonly at: EpochMs
  /** Numbers. Counters are up to 64 bits wide; beyond 2^53 a few of the lowest are lost, nanoseconds among months. */
  readonly fields: ReadonlyMap<string, number>
  /** What is no number: names of devices, paths. */
  readonly texts: ReadonlyMap<string, string>
}

/** A value of the protocol: libvirt's virTypedParameter. */
export interface TypedParameter {
  readonly field: string
  readonly value: number | bigint | boolean | string
}

const RECORDING_BYTES_MAX = 64 * MiB
const NAME_LENGTH_MAX = 256
const TEXT_LENGTH_MAX = 1024
/** A domain of 255 CPUs and 64 devices has some 2 500. */
const FIELDS_MAX = 16_384

/** What is being read of one domain. */
class Fields implements DomainStats {
  readonly domain: string
  readonly at: EpochMs
  readonly fields = new Map<string, number>()
  readonly texts = new Map<string, string>()

  constructor(domain: string, at: EpochMs) {
    this.domain = domain
    this.at = at
  }

  put(field: string, value: number | string): void {
    if (this.fields.size + this.texts.size >= FIELDS_MAX) return
    if (typeof value === 'string') this.texts.set(field, value.slice(0, TEXT_LENGTH_MAX))
    else if (Number.isFinite(value)) this.fields.set(field, value)
  }
}

/** Statistics of one domain as the protocol gives them. Never throws: what can't be a number is left out. */
export function domainStats(domain: string, at: EpochMs, parameters: readonly TypedParameter[]): DomainStats {
  const stats = new Fields(domain.slice(0, NAME_LENGTH_MAX), at)
  for (const { field, value } of parameters) stats.put(field, typeof value === 'string' ? value : Number(value))
  return stats
}

/** Reads a recording: before each `virsh domstats` its time on a line of its own, as `date +%s`, `date +%s.%N` or `date +%s%3N` prints it.
 *  Lines that begin with # are notes. Throws `ParseError` with file and line. */
export function parseDomstats(text: string, file: string): readonly DomainStats[] {
  if (text.length > RECORDING_BYTES_MAX)
    throw new ParseError(file, text.length, `A recording has at most ${RECORDING_BYTES_MAX / MiB} MiB.`)
  const found: Fields[] = []
  let at: EpochMs | undefined
  let current: Fields | undefined
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const place = `${file}:${i + 1}`
    const time = parseTime(line)
    if (time !== undefined) {
      at = time
      current = undefined
    } else if (line.startsWith('Domain: ')) {
      const remedy = 'Expected the time before the first domain, as `date +%s.%N` prints it.'
      if (at === undefined) throw new ParseError(place, line, remedy)
      current = new Fields(parseName(line, place), at)
      found.push(current)
    } else {
      if (current === undefined) throw new ParseError(place, line, "Expected the time, or `Domain: 'name'`.")
      putLine(current, line)
    }
  })
  return found
}

/** Milliseconds of 13 digits, or seconds with or without their fraction. */
function parseTime(line: string): EpochMs | undefined {
  if (/^\d{13}$/.test(line)) return Number(line)
  return /^\d{1,11}(\.\d{1,9})?$/.test(line) ? Math.round(Number(line) * SECOND_MS) : undefined
}

/** The name stands between the first quote and the last: it may hold quotes itself. */
function parseName(line: string, place: string): string {
  const name = /^Domain: '(.+)'$/.exec(line)?.[1]
  if (name === undefined || name.length > NAME_LENGTH_MAX)
    throw new ParseError(place, line, "Expected `Domain: 'name'`.")
  return name
}

/** `field=value`; a value that is no number is text. What is neither is left out. */
function putLine(stats: Fields, line: string): void {
  const equals = line.indexOf('=')
  if (equals <= 0) return
  const text = line.slice(equals + 1)
  const isNumber = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)
  stats.put(line.slice(0, equals), isNumber ? Number(text) : text)
}
