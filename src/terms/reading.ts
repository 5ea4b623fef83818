import type { DimensionName } from './personality.ts'
import { dimensionIndex } from './personality.ts'
import type { EpochMs } from './units.ts'

/** Dimensions of the personality that somebody measures at one instant; all others are derived from a run of them. */
export const MEASURES = [
  'cpuRefCoresMean',
  'cpuUserShare',
  'cpuSystemShare',
  'cpuStealShare',
  'runQueueLength',
  'cpuPressureSome',
  'contextSwitchesPerSec',
  'memoryUsedBytes',
  'memoryWorkingSetBytes',
  'memoryCachedBytes',
  'memoryDirtiedBytesPerSec',
  'majorFaultsPerSec',
  'swapBytesPerSec',
  'memoryPressureSome',
  'diskReadBytesPerSec',
  'diskWriteBytesPerSec',
  'diskReadOpsPerSec',
  'diskWriteOpsPerSec',
  'diskLatencyMs',
  'ioPressureSome',
  'netReceiveBytesPerSec',
  'netSendBytesPerSec',
  'netReceivePacketsPerSec',
  'netSendPacketsPerSec',
  'netRetransmitsPerSec',
  'systemCallsFilePerSec',
  'systemCallsNetworkPerSec',
  'systemCallsMemoryPerSec',
  'systemCallsProcessPerSec',
  'systemCallsTimePerSec',
  'systemCallsSyncPerSec',
  'systemCallsOtherPerSec',
  'libraryCallsTlsPerSec',
  'libraryCallsAllocatorPerSec',
  'libraryCallsDnsPerSec',
  'processCount',
  'processBirthsPerSec',
  'processDeathsPerSec',
  'processLifetimeSecMedian',
  'topProcessCpuShare',
  'socketPeers',
  'applicationRequestsPerSec',
  'applicationLatencyMsMean',
  'applicationReadShare',
  'applicationCacheHitShare',
  'applicationLockWaitShare',
] as const satisfies readonly DimensionName[]
export type Measure = (typeof MEASURES)[number]

/** Place of a measure in the vector: a reading has room for all dimensions up to the last measure. */
export const READING_LENGTH = Math.max(...MEASURES.map((measure) => dimensionIndex(measure))) + 1

/** One look at a VM: rates over the `spanMs` that end at `at`, and levels at `at`. Values stand at the place of their dimension
 *  in the personality; NaN is absent, and never leaves in a vector (decision 0007). CPU is in cores of this VM, not yet reference cores. */
export interface Reading {
  readonly at: EpochMs
  readonly spanMs: number
  /** `READING_LENGTH` numbers. */
  readonly values: Float64Array
  /** Spans of measures that were last looked at another time ago than `spanMs`, at the same places, NaN for all others: between two looks at what
   *  is costly there may be several at what is cheap. Absent: all span the same. */
  readonly spansMs?: Float64Array
}

/** How much more than the reading's own span a measure spans: its weight in a mean is its part of the reading's span, times this. */
export function stretchOf({ spanMs, spansMs }: Pick<Reading, 'spanMs' | 'spansMs'>, place: number): number {
  const own = spansMs?.[place]
  return own !== undefined && own > 0 ? own / spanMs : 1
}

/** Something measured that the schema has no place for: shown to people, and not sent. */
export interface Detail {
  readonly name: string
  readonly unit: string
  readonly value: number | string
}
