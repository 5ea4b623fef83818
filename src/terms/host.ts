import { type HostId, parseHostId } from './ids.ts'
import { ParseError, parseFields, parseList, parseNumber, parseOptional, parseText, parseWord } from './parse.ts'
import { clampFraction, type Fraction } from './units.ts'

/** Kinds of work a host is benchmarked for. */
export const WORKLOAD_TYPES = [
  'integer',
  'floating-point',
  'crypto',
  'compression',
  'memory-bandwidth',
  'memory-latency',
  'cache',
  'context-switch',
  'system-call',
  'disk-sequential',
  'disk-random',
  'network',
] as const
export type WorkloadType = (typeof WORKLOAD_TYPES)[number]

export const STORAGE_TYPES = ['hdd', 'ssd', 'nvme', 'network'] as const
export type StorageType = (typeof STORAGE_TYPES)[number]

/** One benchmark of one host. More is better; the unit says of what. */
export interface BenchmarkResult {
  readonly score: number
  /** For example `events/s`, `ssj_ops`, `MiB/s`. */
  readonly unit: string
  /** Standard deviation of repeated runs over their mean. Absent: run once. */
  readonly spread?: Fraction
}

/** Watts at 0, 10, ..., 100 % load: eleven points, never falling, as SPECpower_ssj2008 reports them. */
export type PowerCurve = readonly number[]

/** What a host is, known before anything runs on it. */
export interface HostCharacteristics {
  readonly id: HostId
  /** Maker's model name: "Dell PowerEdge R940". */
  readonly model: string
  readonly cpuType: string
  readonly cpuFlags: readonly string[]
  readonly cores: number
  /** Speed of one core in reference cores: see `Vm`. */
  readonly refCoresPerCore: number
  readonly memoryBytes: number
  readonly storageType: StorageType
  readonly networkBytesPerSec: number
  readonly powerWatts: PowerCurve
  /** Money per hour for having it on, beside energy. Absent: not priced. */
  readonly pricePerHour?: number
  readonly benchmarks: Readonly<Partial<Record<WorkloadType, BenchmarkResult>>>
}

/** What the host can do in all, in reference cores. */
export function hostCapacityRefCores(host: HostCharacteristics): number {
  return host.cores * host.refCoresPerCore
}

/** Watts drawn at a share of capacity: linear between the eleven points; loads above capacity draw full watts.
 *  A linear or cubic formula over the whole range errs by 9 to 22 % on servers since 2013 (SPECpower curves), so there is none. */
export function wattsAt(curve: PowerCurve, load: Fraction): number {
  const position = clampFraction(load) * 10
  const below = Math.min(9, Math.floor(position))
  const low = curve[below]
  return low + (curve[below + 1] - low) * (position - below)
}

export function parseHost(value: unknown, place = 'host'): HostCharacteristics {
  const fields = parseFields(value, place)
  const pricePerHour = parseOptional(fields['pricePerHour'], (n) =>
    parseNumber(n, `${place}.pricePerHour`, { min: 0, max: 1e6 }),
  )
  return {
    id: parseHostId(fields['id'], `${place}.id`),
    model: parseText(fields['model'], `${place}.model`, 200),
    cpuType: parseText(fields['cpuType'], `${place}.cpuType`, 200),
    cpuFlags: parseList(fields['cpuFlags'] ?? [], `${place}.cpuFlags`, 1000).map((flag, i) =>
      parseText(flag, `${place}.cpuFlags[${i}]`, 64),
    ),
    cores: parseNumber(fields['cores'], `${place}.cores`, { min: 1, max: 65536, integer: true }),
    refCoresPerCore: parseNumber(fields['refCoresPerCore'], `${place}.refCoresPerCore`, { min: 1e-6, max: 1e6 }),
    memoryBytes: parseNumber(fields['memoryBytes'], `${place}.memoryBytes`, { min: 1, max: 2 ** 53 - 1 }),
    storageType: parseWord(fields['storageType'], `${place}.storageType`, STORAGE_TYPES),
    networkBytesPerSec: parseNumber(fields['networkBytesPerSec'], `${place}.networkBytesPerSec`, { min: 1, max: 1e15 }),
    powerWatts: parsePowerCurve(fields['powerWatts'], `${place}.powerWatts`),
    ...(pricePerHour === undefined ? {} : { pricePerHour }),
    benchmarks: parseBenchmarks(fields['benchmarks'] ?? {}, `${place}.benchmarks`),
  }
}

export function encodeHost(host: HostCharacteristics): string {
  return JSON.stringify(host)
}

/** Eleven watts, each at least the one before. */
export function parsePowerCurve(value: unknown, place: string): PowerCurve {
  if (value === undefined || value === null) {
    throw new ParseError(
      place,
      undefined,
      'A host needs its power curve: eleven watts at 0, 10, ..., 100 % load, as on its SPECpower_ssj2008 page.',
    )
  }
  const list = parseList(value, place)
  if (list.length !== 11) throw new ParseError(place, list.length, 'Expected eleven watts, at 0, 10, ..., 100 % load.')
  const watts = list.map((item, i) => parseNumber(item, `${place}[${i}]`, { min: 0, max: 1e6 }))
  watts.forEach((w, i) => {
    if (i > 0 && w < watts[i - 1])
      throw new ParseError(`${place}[${i}]`, w, `Watts may not fall with load; ${watts[i - 1]} stands before it.`)
  })
  return watts
}

function parseBenchmarks(value: unknown, place: string): HostCharacteristics['benchmarks'] {
  const benchmarks: Partial<Record<WorkloadType, BenchmarkResult>> = {}
  for (const [name, entry] of Object.entries(parseFields(value, place))) {
    const type = parseWord(name, `${place} workload type`, WORKLOAD_TYPES)
    const fields = parseFields(entry, `${place}.${name}`)
    const spread = parseOptional(fields['spread'], (n) =>
      parseNumber(n, `${place}.${name}.spread`, { min: 0, max: 10 }),
    )
    benchmarks[type] = {
      score: parseNumber(fields['score'], `${place}.${name}.score`, { min: 0 }),
      unit: parseText(fields['unit'], `${place}.${name}.unit`, 32),
      ...(spread === undefined ? {} : { spread }),
    }
  }
  return benchmarks
}
