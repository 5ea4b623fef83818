/** What an operator says of a host wins over what was read. */
import type { HostConclusion } from '../../terms/host-measurement.ts'
import { parseConclusion } from '../../terms/host-measurement-codec.ts'
import { ParseError, parseJson } from '../../terms/parse.ts'

const NUMBERS = ['cores', 'refCoresPerCore', 'memoryBytes', 'networkBytesPerSec', 'pricePerHour']
const TEXTS = ['model', 'cpuType', 'storageType']
const LISTS = ['cpuFlags', 'powerWatts']

/** `storageType=nvme`, `cores=32`, `powerWatts=50,60,...`: one field of a host by name. Throws a `ParseError`. */
export function parseCorrection(text: string): HostConclusion {
  const equals = text.indexOf('=')
  const name = text.slice(0, Math.max(0, equals))
  const value = text.slice(equals + 1)
  const known = [...NUMBERS, ...TEXTS, ...LISTS]
  if (!known.includes(name)) throw new ParseError('--set', text, `Expected NAME=VALUE; names are: ${known.join(', ')}.`)
  return parseConclusion({ [name]: readValue(name, value) }, '--set')
}

function readValue(name: string, value: string): unknown {
  if (TEXTS.includes(name)) return value
  if (NUMBERS.includes(name)) return toNumber(value)
  const items = value.split(',')
  return name === 'powerWatts' ? items.map(toNumber) : items
}

/** Blank text is no zero. */
function toNumber(text: string): unknown {
  return text.trim() === '' ? text : Number.isFinite(Number(text)) ? Number(text) : text
}

/** A file of corrections: JSON with some fields of a host, as in `hosts.json` of a fleet but for the id. */
export function parseCorrections(text: string, place: string): HostConclusion {
  return parseConclusion(parseJson(text, place), place)
}
