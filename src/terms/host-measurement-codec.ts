/** A `HostMeasurement` as JSON text: it comes from another machine, so every field is bounded and every refusal names its place. */
import { type HostCharacteristics, parseHost, WORKLOAD_TYPES } from './host.ts'
import {
  type BenchmarkRun,
  HOST_FACT_NAMES,
  HOST_MEASUREMENT_BYTES_MAX,
  HOST_MEASUREMENT_SCHEMA,
  type HostConclusion,
  type HostFact,
  type HostMeasurement,
  MISSING_REASONS,
  type MissingMeasure,
  POWER_SOURCES,
  type PowerMeasurement,
  type QuietCheck,
} from './host-measurement.ts'
import { parseHostId } from './ids.ts'
import {
  ParseError,
  parseBoolean,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
  refuseUnknownFields,
} from './parse.ts'

const FACTS_MAX = 1000
const RUNS_MAX = 1000
const VALUES_MAX = 100
const MISSING_MAX = 500
const STEPS_MAX = 101
const WORDS_LENGTH_MAX = 1000
const SPREAD_MAX = 100
/** A median that its values do not give is a forgery or a fault; rounding is neither. */
const MEDIAN_TOLERANCE = 1e-6

/** A host's conclusion may lack any field: these stand in for it while the rest is checked, and are never handed out. */
const STAND_IN: Readonly<Record<keyof HostCharacteristics, unknown>> = {
  id: 'stand-in',
  model: '',
  cpuType: '',
  cpuFlags: [],
  cores: 1,
  refCoresPerCore: 1,
  memoryBytes: 1,
  storageType: 'ssd',
  networkBytesPerSec: 1,
  powerWatts: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  pricePerHour: undefined,
  benchmarks: {},
}

export function encodeHostMeasurement(measurement: HostMeasurement): string {
  return JSON.stringify(measurement)
}

/** Reads a document's text. Throws a `ParseError` that names the place, the value and the remedy. */
export function decodeHostMeasurement(text: string, place = 'measurement'): HostMeasurement {
  if (text.length > HOST_MEASUREMENT_BYTES_MAX) {
    const remedy = `Expected at most ${HOST_MEASUREMENT_BYTES_MAX} bytes: is this the document that \`ethos bench host\` wrote?`
    throw new ParseError(place, `${text.length} bytes`, remedy)
  }
  return parseHostMeasurement(parseJson(text, place), place)
}

export function parseHostMeasurement(value: unknown, place = 'measurement'): HostMeasurement {
  const fields = parseFields(value, place)
  if (fields['schema'] !== HOST_MEASUREMENT_SCHEMA) {
    const remedy = `Expected ${HOST_MEASUREMENT_SCHEMA}: measure again with an \`ethos\` of the reader's version.`
    throw new ParseError(`${place}.schema`, fields['schema'], remedy)
  }
  return {
    schema: HOST_MEASUREMENT_SCHEMA,
    hostId: parseHostId(fields['hostId'], `${place}.hostId`),
    measuredAt: parseNumber(fields['measuredAt'], `${place}.measuredAt`, { min: 0, max: 2 ** 53 - 1 }),
    durationMs: parseNumber(fields['durationMs'], `${place}.durationMs`, { min: 0, max: 1e9 }),
    suite: parseWord(fields['suite'], `${place}.suite`, ['quick', 'whole'] as const),
    interrupted: parseBoolean(fields['interrupted'], `${place}.interrupted`),
    host: parseConclusion(fields['host'], `${place}.host`),
    facts: parseItems(fields['facts'], `${place}.facts`, FACTS_MAX, parseFact),
    runs: parseItems(fields['runs'], `${place}.runs`, RUNS_MAX, parseRun),
    missing: parseItems(fields['missing'], `${place}.missing`, MISSING_MAX, parseMissing),
    power: parsePower(fields['power'], `${place}.power`),
    quiet: parseQuiet(fields['quiet'], `${place}.quiet`),
  }
}

/** Some or all fields of a host but for its id, each as strict as in `parseHost`; unknown fields are refused. */
export function parseConclusion(value: unknown, place: string): HostConclusion {
  const fields = parseFields(value, place)
  const known = Object.keys(STAND_IN).filter((name) => name !== 'id')
  refuseUnknownFields(fields, known, place)
  const host: Readonly<Record<string, unknown>> = { ...parseHost({ ...STAND_IN, ...fields }, place) }
  return Object.fromEntries(known.filter((name) => name in fields).map((name) => [name, host[name]]))
}

function parseItems<T>(
  value: unknown,
  place: string,
  lengthMax: number,
  parse: (item: unknown, place: string) => T,
): readonly T[] {
  return parseList(value, place, lengthMax).map((item, i) => parse(item, `${place}[${i}]`))
}

function parseFact(value: unknown, place: string): HostFact {
  const fields = parseFields(value, place)
  const of = parseOptional(fields['of'], (v) => parseText(v, `${place}.of`, 64))
  return {
    name: parseWord(fields['name'], `${place}.name`, HOST_FACT_NAMES),
    ...(of === undefined ? {} : { of }),
    value: parseScalar(fields['value'], `${place}.value`),
    source: parseText(fields['source'], `${place}.source`, 256),
  }
}

function parseScalar(value: unknown, place: string): string | number | boolean {
  if (typeof value === 'number') return parseNumber(value, place)
  return typeof value === 'boolean' ? value : parseText(value, place, 256)
}

function parseRun(value: unknown, place: string): BenchmarkRun {
  const fields = parseFields(value, place)
  const number = (name: string, min: number, max?: number) =>
    parseOptional(fields[name], (v) =>
      parseNumber(v, `${place}.${name}`, { min, ...(max === undefined ? {} : { max }) }),
    )
  const values = parseItems(fields['values'], `${place}.values`, VALUES_MAX, (v, p) => parseNumber(v, p, { min: 0 }))
  const spread = number('spread', 0, SPREAD_MAX)
  const ratioToReference = number('ratioToReference', 0)
  const note = parseOptional(fields['note'], (v) => parseText(v, `${place}.note`, WORDS_LENGTH_MAX))
  return {
    benchmark: parseText(fields['benchmark'], `${place}.benchmark`, 64),
    workloadType: parseWord(fields['workloadType'], `${place}.workloadType`, WORKLOAD_TYPES),
    cores: parseWord(fields['cores'], `${place}.cores`, ['one', 'all'] as const),
    loadStep: parseNumber(fields['loadStep'], `${place}.loadStep`, { min: 0, max: 1 }),
    tool: parseText(fields['tool'], `${place}.tool`, 64),
    toolVersion: parseText(fields['toolVersion'], `${place}.toolVersion`, 64),
    unit: parseText(fields['unit'], `${place}.unit`, 32),
    better: parseWord(fields['better'], `${place}.better`, ['more', 'less'] as const),
    values,
    median: parseMedian(fields['median'], values, `${place}.median`),
    ...(spread === undefined ? {} : { spread }),
    ...(ratioToReference === undefined ? {} : { ratioToReference }),
    ...(note === undefined ? {} : { note }),
  }
}

function parseMedian(value: unknown, values: readonly number[], place: string): number {
  const told = parseNumber(value, place, { min: 0 })
  if (values.length === 0) throw new ParseError(place, told, 'A run has at least one value.')
  const median = medianOf(values)
  if (Math.abs(told - median) <= MEDIAN_TOLERANCE * median) return told
  throw new ParseError(place, told, `The median of its values is ${median}: was the document edited by hand?`)
}

/** Middle of the sorted values; the mean of both middles where their number is even. At least one is needed. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function parseMissing(value: unknown, place: string): MissingMeasure {
  const fields = parseFields(value, place)
  const words = (name: string) => parseText(fields[name], `${place}.${name}`, WORDS_LENGTH_MAX)
  const workloadType = parseOptional(fields['workloadType'], (v) =>
    parseWord(v, `${place}.workloadType`, WORKLOAD_TYPES),
  )
  return {
    what: parseText(fields['what'], `${place}.what`, 64),
    reason: parseWord(fields['reason'], `${place}.reason`, MISSING_REASONS),
    detail: words('detail'),
    cost: words('cost'),
    remedy: words('remedy'),
    ...(workloadType === undefined ? {} : { workloadType }),
  }
}

function parsePower(value: unknown, place: string): PowerMeasurement {
  const fields = parseFields(value, place)
  const error = (name: string) =>
    parseOptional(fields[name], (v) => parseNumber(v, `${place}.${name}`, { min: 0, max: SPREAD_MAX }))
  const errorAtIdle = error('errorAtIdle')
  const errorAtFullLoad = error('errorAtFullLoad')
  return {
    powerSource: parseWord(fields['powerSource'], `${place}.powerSource`, POWER_SOURCES),
    explanation: parseText(fields['explanation'], `${place}.explanation`, WORDS_LENGTH_MAX),
    steps: parseItems(fields['steps'], `${place}.steps`, STEPS_MAX, (item, at) => {
      const step = parseFields(item, at)
      return {
        load: parseNumber(step['load'], `${at}.load`, { min: 0, max: 1 }),
        watts: parseNumber(step['watts'], `${at}.watts`, { min: 0, max: 1e6 }),
      }
    }),
    ...(errorAtIdle === undefined ? {} : { errorAtIdle }),
    ...(errorAtFullLoad === undefined ? {} : { errorAtFullLoad }),
  }
}

const QUIET_NUMBERS = ['busyBefore', 'loadPerCore', 'stealShare', 'busyBetweenMax'] as const

function parseQuiet(value: unknown, place: string): QuietCheck {
  const fields = parseFields(value, place)
  const numbers = QUIET_NUMBERS.flatMap((name) => {
    const max = name === 'loadPerCore' ? 1e6 : 1
    const number = parseOptional(fields[name], (v) => parseNumber(v, `${place}.${name}`, { min: 0, max }))
    return number === undefined ? [] : [[name, number] as const]
  })
  return {
    isQuiet: parseBoolean(fields['isQuiet'], `${place}.isQuiet`),
    ...Object.fromEntries(numbers),
    explanation: parseText(fields['explanation'], `${place}.explanation`, WORDS_LENGTH_MAX),
  }
}
