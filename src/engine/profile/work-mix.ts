/** What kind of work a VM does, by the workload types that hosts are benchmarked for: an estimate of where its time goes. */
import { WORKLOAD_TYPES, type WorkloadType } from '../../terms/host.ts'
import { type PersonalityVector, readDimension } from '../../terms/personality.ts'
import { KiB } from '../../terms/units.ts'

/** Weights parallel to `WORKLOAD_TYPES`, adding up to 1. */
export type WorkMix = Float64Array

type Weights = Partial<Record<WorkloadType, number>>

/** CPU time with nothing to tell it apart: server code is integer work that waits for memory. An assumption. */
const PLAIN: Weights = { integer: 0.6, 'memory-latency': 0.2, cache: 0.2 }

/** Of a VM of which nobody knows what it does. */
export const ORDINARY_MIX: WorkMix = toMix(PLAIN)

/** CPU seconds of one switch between tasks, caches that grow cold left out (Li, Ding and Shen, ExpCS 2007: 3.8 microseconds). */
const SEC_PER_SWITCH = 3.8e-6
/** CPU seconds of one call that reads or writes over TLS: a record of 16 KiB at 2 GB/s, and the call itself. An assumption. */
const SEC_PER_TLS_CALL = 10e-6
/** Bytes that one core sends or receives per second: 10 Gbit/s, the usual rule of thumb. */
const NETWORK_BYTES_PER_CORE_SEC = 1.25e9
/** Bytes per second that one core writes to memory and reads before: a quarter of 16 GB/s, an assumption. */
const DIRTIED_BYTES_PER_CORE_SEC = 4e9
/** Mean bytes of a disk operation below which it is random, and above which it is sequential; between them it is partly both. */
const RANDOM_BYTES = 4 * KiB
const SEQUENTIAL_BYTES = 256 * KiB

/** Undefined where the vector tells nothing beyond how much CPU it takes. */
export function mixOf(vector: Pick<PersonalityVector, 'values' | 'mask'>): WorkMix | undefined {
  const read = (name: Parameters<typeof readDimension>[1]): number => Math.max(0, readDimension(vector, name) ?? 0)
  const isTold = TELLING.some((name) => readDimension(vector, name) !== undefined)
  const cpu = read('cpuRefCoresMean')
  if (!isTold || cpu === 0) return undefined
  // Each part may take what those before it left.
  let left = cpu
  const take = (wanted: number): number => {
    const taken = Math.min(left, wanted)
    left -= taken
    return taken
  }
  const crypto = take(read('libraryCallsTlsPerSec') * SEC_PER_TLS_CALL)
  const network = take((read('netReceiveBytesPerSec') + read('netSendBytesPerSec')) / NETWORK_BYTES_PER_CORE_SEC)
  const switches = take(read('contextSwitchesPerSec') * SEC_PER_SWITCH)
  const calls = take(Math.max(0, read('cpuSystemShare') * cpu - switches - network))
  const bandwidth = take(read('memoryDirtiedBytesPerSec') / DIRTIED_BYTES_PER_CORE_SEC)
  const disk = read('ioPressureSome')
  const sequential = sequentialShare(vector)
  const plain = Object.entries(PLAIN).map(([type, share]) => [type, share * left] as const)
  return toMix({
    ...Object.fromEntries(plain),
    crypto,
    network,
    'context-switch': switches,
    'system-call': calls,
    'memory-bandwidth': bandwidth,
    // Tasks that wait for the disk stand beside those that compute.
    'disk-sequential': disk * sequential,
    'disk-random': disk * (1 - sequential),
  })
}

/** Dimensions that tell more than how much. */
const TELLING = [
  'cpuSystemShare',
  'contextSwitchesPerSec',
  'libraryCallsTlsPerSec',
  'memoryDirtiedBytesPerSec',
  'ioPressureSome',
  'netSendBytesPerSec',
] as const

/** By the logarithm of the mean size of an operation. */
function sequentialShare(vector: Pick<PersonalityVector, 'values' | 'mask'>): number {
  const bytes =
    (readDimension(vector, 'diskReadBytesPerSec') ?? 0) + (readDimension(vector, 'diskWriteBytesPerSec') ?? 0)
  const ops = (readDimension(vector, 'diskReadOpsPerSec') ?? 0) + (readDimension(vector, 'diskWriteOpsPerSec') ?? 0)
  if (!(ops > 0) || !(bytes > 0)) return 0
  const share = Math.log(bytes / ops / RANDOM_BYTES) / Math.log(SEQUENTIAL_BYTES / RANDOM_BYTES)
  return Math.min(1, Math.max(0, share))
}

function toMix(weights: Weights): WorkMix {
  const mix = Float64Array.from(WORKLOAD_TYPES, (type) => weights[type] ?? 0)
  const sum = mix.reduce((a, b) => a + b, 0)
  return mix.map((weight) => weight / sum)
}
