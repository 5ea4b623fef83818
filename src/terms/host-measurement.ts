import type { HostCharacteristics, WorkloadType } from './host.ts'
import type { HostId } from './ids.ts'
import type { EpochMs, Fraction } from './units.ts'

/** The document's version. A reader refuses others by name. */
export const HOST_MEASUREMENT_SCHEMA = 1
/** Largest document that anybody accepts, in bytes of its JSON text; a host of 1,000 cores and 64 interfaces takes a tenth of it. */
export const HOST_MEASUREMENT_BYTES_MAX = 1024 * 1024

/** What one `ethos bench host` found out about one host: what it concludes, what it read, what it ran, and what it could not. */
export interface HostMeasurement {
  readonly schema: typeof HOST_MEASUREMENT_SCHEMA
  readonly hostId: HostId
  /** When it began, by the host's clock. */
  readonly measuredAt: EpochMs
  readonly durationMs: number
  /** `quick` is the suite of 45 s, `whole` that of 3 minutes. */
  readonly suite: 'quick' | 'whole'
  /** Somebody stopped it: what is here counts, the rest stands under `missing`. */
  readonly interrupted: boolean
  readonly host: HostConclusion
  readonly facts: readonly HostFact[]
  readonly runs: readonly BenchmarkRun[]
  readonly missing: readonly MissingMeasure[]
  readonly power: PowerMeasurement
  readonly quiet: QuietCheck
}

/** The host's characteristics as far as they are known: `readHostRecord` lays an operator's corrections over them. */
export type HostConclusion = Partial<Omit<HostCharacteristics, 'id'>>

/** What a fact may be about. */
export const HOST_FACT_NAMES = [
  'model',
  'cpuType',
  'architecture',
  'sockets',
  'cores',
  'threads',
  'coreKinds',
  'smt',
  'mhz',
  'mhzMax',
  'governor',
  'microcode',
  'cacheBytes',
  'numaNodes',
  'virtualised',
  'memoryBytes',
  'kernel',
  'storageType',
  'storageDevice',
  'filesystem',
  'networkBytesPerSec',
] as const
export type HostFactName = (typeof HOST_FACT_NAMES)[number]

/** One thing read about the host, and where. A fact that could not be read is not in the list. */
export interface HostFact {
  readonly name: HostFactName
  /** Which one, where there are several: `eth0`, `L2`. */
  readonly of?: string
  readonly value: string | number | boolean
  /** A file such as `/proc/cpuinfo`, or `operator`. */
  readonly source: string
}

/** One benchmark at one load step, with all that it gave. */
export interface BenchmarkRun {
  /** Name of the benchmark: `sysbench-cpu-one`. Its meaning is fixed by tool, version and this name. */
  readonly benchmark: string
  readonly workloadType: WorkloadType
  /** On how many cores it ran itself. */
  readonly cores: 'one' | 'all'
  /** Share of the cores that other work was keeping busy meanwhile; 0 is at rest. */
  readonly loadStep: Fraction
  readonly tool: string
  readonly toolVersion: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** Every repetition, in the order in which they ran. */
  readonly values: readonly number[]
  readonly median: number
  /** Standard deviation over the mean. Absent: run once. */
  readonly spread?: Fraction
  /** How many times as fast as the reference; the inverse of a duration counts. Absent: there is no reference for it. */
  readonly ratioToReference?: number
  /** What an operator should know of it: that the page cache was in the way, that it went over loopback. */
  readonly note?: string
}

/** Why something was not measured. */
export const MISSING_REASONS = [
  'no-tool',
  'not-asked',
  'no-place',
  'no-space',
  'no-permission',
  'unreadable-output',
  'timed-out',
  'failed',
  'interrupted',
  'not-readable',
] as const
export type MissingReason = (typeof MISSING_REASONS)[number]

/** Something that was not measured, what that costs the ranking, and what to do about it. */
export interface MissingMeasure {
  /** A benchmark's name, a fact's, or `power`. */
  readonly what: string
  readonly reason: MissingReason
  readonly detail: string
  readonly cost: string
  readonly remedy: string
  readonly workloadType?: WorkloadType
}

/** Who told the watts. `estimated` means that nobody measured them; `operator`, that somebody set the curve by hand. */
export const POWER_SOURCES = ['rapl', 'ipmi', 'hwmon', 'battery', 'meter', 'estimated', 'operator'] as const
export type PowerSource = (typeof POWER_SOURCES)[number]

/** Where the host's power curve comes from. */
export interface PowerMeasurement {
  readonly powerSource: PowerSource
  /** In words: which sensor, or which servers an estimate rests on, and what it leaves out. */
  readonly explanation: string
  /** Watts read at each load step. Empty for an estimate. */
  readonly steps: readonly { readonly load: Fraction; readonly watts: number }[]
  /** Of an estimate: its median absolute error on servers that it did not know, as a share of the true watts. */
  readonly errorAtIdle?: Fraction
  readonly errorAtFullLoad?: Fraction
}

/** Whether others were using the machine while it was measured. */
export interface QuietCheck {
  readonly isQuiet: boolean
  /** Share of all cores that was busy before the first benchmark. Absent: not readable. */
  readonly busyBefore?: Fraction
  /** Runnable tasks per core before it, over the last minute. */
  readonly loadPerCore?: number
  /** Share of CPU time that a hypervisor gave to others while it ran. */
  readonly stealShare?: Fraction
  /** Highest share of cores that was busy in the pauses between benchmarks, when nothing of ours ran. */
  readonly busyBetweenMax?: Fraction
  readonly explanation: string
}
