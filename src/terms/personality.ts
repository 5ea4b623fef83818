import type { VmId } from './ids.ts'
import type { EpochMs, Fraction } from './units.ts'

/** Where a number comes from, which decides how far it may be trusted: guests may lie, hypervisors may be late. */
export type DimensionSource = 'guest' | 'hypervisor' | 'either' | 'derived'

/** One place in the vector: what stands there, in which unit, told by whom, and what it means when it is absent. */
export interface Dimension {
  readonly name: string
  readonly unit: string
  readonly source: DimensionSource
  readonly absentMeans: string
}

const NO_AGENT = 'no agent in the guest, or it may not read this'
const NO_PRESSURE = 'no agent, or the guest kernel has no PSI'
const NO_TRACING = 'no agent, or it lacks the privilege to trace'
const NO_APP = 'no known application found, or no access to its metrics'
const NO_COUNTER = 'the hypervisor keeps no such counter and there is no agent'
const NO_HISTORY = 'too little history'

/** Schema v1. The order is part of the wire form: append in a new version, never reorder. */
export const PERSONALITY_SCHEMA_VERSION = 1
export const PERSONALITY_SCHEMA = [
  d('cpuRefCoresMean', 'reference cores', 'either', 'CPU was not measured in the window'),
  d('cpuRefCoresP95', 'reference cores', 'either', NO_HISTORY),
  d('cpuRefCoresMax', 'reference cores', 'either', NO_HISTORY),
  d('cpuUserShare', 'fraction of CPU time', 'guest', NO_AGENT),
  d('cpuSystemShare', 'fraction of CPU time', 'guest', NO_AGENT),
  d('cpuStealShare', 'fraction of demand', 'either', 'neither the guest nor the hypervisor reports steal'),
  d('runQueueLength', 'tasks', 'guest', NO_AGENT),
  d('cpuPressureSome', 'fraction of time', 'guest', NO_PRESSURE),
  d('contextSwitchesPerSec', '1/s', 'guest', NO_AGENT),

  d('memoryUsedBytes', 'bytes', 'either', NO_COUNTER),
  d('memoryWorkingSetBytes', 'bytes', 'guest', NO_AGENT),
  d('memoryCachedBytes', 'bytes', 'guest', NO_AGENT),
  d(
    'memoryDirtiedBytesPerSec',
    'bytes/s',
    'either',
    'neither the guest nor the hypervisor can tell the dirty page rate',
  ),
  d('majorFaultsPerSec', '1/s', 'guest', NO_AGENT),
  d('swapBytesPerSec', 'bytes/s', 'guest', NO_AGENT),
  d('memoryPressureSome', 'fraction of time', 'guest', NO_PRESSURE),

  d('diskReadBytesPerSec', 'bytes/s', 'either', NO_COUNTER),
  d('diskWriteBytesPerSec', 'bytes/s', 'either', NO_COUNTER),
  d('diskReadOpsPerSec', '1/s', 'either', NO_COUNTER),
  d('diskWriteOpsPerSec', '1/s', 'either', NO_COUNTER),
  d('diskLatencyMs', 'ms', 'guest', NO_AGENT),
  d('ioPressureSome', 'fraction of time', 'guest', NO_PRESSURE),

  d('netReceiveBytesPerSec', 'bytes/s', 'either', NO_COUNTER),
  d('netSendBytesPerSec', 'bytes/s', 'either', NO_COUNTER),
  d('netReceivePacketsPerSec', '1/s', 'either', NO_COUNTER),
  d('netSendPacketsPerSec', '1/s', 'either', NO_COUNTER),
  d('netRetransmitsPerSec', '1/s', 'guest', NO_AGENT),

  d('systemCallsFilePerSec', '1/s', 'guest', NO_TRACING),
  d('systemCallsNetworkPerSec', '1/s', 'guest', NO_TRACING),
  d('systemCallsMemoryPerSec', '1/s', 'guest', NO_TRACING),
  d('systemCallsProcessPerSec', '1/s', 'guest', NO_TRACING),
  d('systemCallsTimePerSec', '1/s', 'guest', NO_TRACING),
  d('systemCallsSyncPerSec', '1/s', 'guest', NO_TRACING),
  d('systemCallsOtherPerSec', '1/s', 'guest', NO_TRACING),
  d('libraryCallsTlsPerSec', '1/s', 'guest', NO_TRACING),
  d('libraryCallsAllocatorPerSec', '1/s', 'guest', NO_TRACING),
  d('libraryCallsDnsPerSec', '1/s', 'guest', NO_TRACING),

  d('processCount', 'processes', 'guest', NO_AGENT),
  d('processBirthsPerSec', '1/s', 'guest', NO_AGENT),
  d('processDeathsPerSec', '1/s', 'guest', NO_AGENT),
  d('processLifetimeSecMedian', 's', 'guest', NO_AGENT),
  d('topProcessCpuShare', 'fraction of CPU time', 'guest', NO_AGENT),
  d('socketPeers', 'peers', 'guest', NO_AGENT),

  d('applicationRequestsPerSec', '1/s', 'guest', NO_APP),
  d('applicationLatencyMsMean', 'ms', 'guest', NO_APP),
  d('applicationReadShare', 'fraction of requests', 'guest', NO_APP),
  d('applicationCacheHitShare', 'fraction of look-ups', 'guest', NO_APP),
  d('applicationLockWaitShare', 'fraction of time', 'guest', NO_APP),

  d('cpuBurstiness', 'standard deviation over mean', 'derived', NO_HISTORY),
  d('cpuPersistence', 'autocorrelation at one window', 'derived', NO_HISTORY),
  d('rhythmPeriodMs', 'ms', 'derived', 'no period found'),
  d('rhythmStrength', 'fraction of variance', 'derived', NO_HISTORY),
  d('phase', 'number of the phase in the phase model that the vector names', 'derived', NO_HISTORY),
  d('phaseAgeMs', 'ms', 'derived', NO_HISTORY),
  d('changeScore', 'standard deviations', 'derived', NO_HISTORY),
  d('anomalyScore', 'fraction: 0 ordinary, 1 never seen', 'derived', NO_HISTORY),

  d('forecastCpu5MinP50', 'reference cores', 'derived', NO_HISTORY),
  d('forecastCpu5MinP95', 'reference cores', 'derived', NO_HISTORY),
  d('forecastCpu15MinP50', 'reference cores', 'derived', NO_HISTORY),
  d('forecastCpu15MinP95', 'reference cores', 'derived', NO_HISTORY),
  d('forecastCpu30MinP50', 'reference cores', 'derived', NO_HISTORY),
  d('forecastCpu30MinP95', 'reference cores', 'derived', NO_HISTORY),
  d('forecastCpu60MinP50', 'reference cores', 'derived', NO_HISTORY),
  d('forecastCpu60MinP95', 'reference cores', 'derived', NO_HISTORY),
] as const satisfies readonly Dimension[]

export type DimensionName = (typeof PERSONALITY_SCHEMA)[number]['name']

/** Numbers in a vector. */
export const DIMENSIONS = PERSONALITY_SCHEMA.length
/** Bytes of the presence mask: one bit a dimension, lowest bit first. */
export const MASK_BYTES = Math.ceil(DIMENSIONS / 8)

const INDEX_OF = new Map<string, number>(PERSONALITY_SCHEMA.map((dimension, i) => [dimension.name, i]))

/** Place of a dimension in the vector. */
export function dimensionIndex(name: DimensionName): number {
  return INDEX_OF.get(name) as number
}

/** What a VM was like to host during one window: fixed order, see `PERSONALITY_SCHEMA`. */
export interface PersonalityVector {
  readonly vmId: VmId
  /** Who computed it: an agent's instance, or the server where there is no agent. */
  readonly sender: string
  /** Rises by one per vector of one sender: a gap is a loss, a repeat is a repeat. */
  readonly sequence: number
  readonly windowEnd: EpochMs
  readonly windowMs: number
  /** Share of the window that samples actually cover: how far to trust the rest. */
  readonly coverage: Fraction
  /** Version of the phase model that numbers the phase; 0 is the four bands of the CPU's share: idle, low, busy, saturated. */
  readonly phases: number
  /** `DIMENSIONS` numbers; meaningless where the mask says absent. */
  readonly values: Float32Array
  /** `MASK_BYTES` bytes; bit i (lowest first) set: dimension i is present. */
  readonly mask: Uint8Array
}

export function isPresent(vector: Pick<PersonalityVector, 'mask'>, index: number): boolean {
  return ((vector.mask[index >> 3] >> (index & 7)) & 1) === 1
}

/** The number, or undefined where it is absent. Absent is not zero. */
export function readDimension(
  vector: Pick<PersonalityVector, 'values' | 'mask'>,
  name: DimensionName,
): number | undefined {
  const index = dimensionIndex(name)
  return isPresent(vector, index) ? vector.values[index] : undefined
}

function d<N extends string>(
  name: N,
  unit: string,
  source: DimensionSource,
  absentMeans: string,
): Dimension & { readonly name: N } {
  return { name, unit, source, absentMeans }
}
