/** How unlike two personalities are: for telling kinds of work apart, and for saying in words what differs. */
import {
  dimensionIndex,
  DIMENSIONS,
  isPresent,
  PERSONALITY_SCHEMA,
  type DimensionName,
  type PersonalityVector,
} from '../../terms/personality.ts'
import { SERVER_SENDER } from './profiles.ts'

/** What counts as little of each unit: below it differences hardly count, above it they count by their ratio. */
const LITTLE: Readonly<Record<string, number>> = {
  'reference cores': 0.02,
  'fraction of CPU time': 0.1,
  'fraction of demand': 0.1,
  'fraction of time': 0.02,
  'fraction of requests': 0.1,
  'fraction of look-ups': 0.1,
  tasks: 0.5,
  '1/s': 5,
  bytes: 64 * 2 ** 20,
  'bytes/s': 64 * 1024,
  ms: 2,
  s: 30,
  processes: 20,
  peers: 2,
}

/** Calls are told apart from as many as take a thousandth of a core, for fewer shape nothing: a system call takes some 1 us (170 ns the shortest,
 *  docs/results/probes.md), a call of the allocator some 50 ns, one of TLS some 10 us. A guest that idles makes hundreds a second. */
const LITTLE_CALLS: Readonly<Partial<Record<DimensionName, number>>> = {
  systemCallsFilePerSec: 1000,
  systemCallsNetworkPerSec: 1000,
  systemCallsMemoryPerSec: 1000,
  systemCallsProcessPerSec: 1000,
  systemCallsTimePerSec: 1000,
  systemCallsSyncPerSec: 1000,
  systemCallsOtherPerSec: 1000,
  libraryCallsAllocatorPerSec: 20_000,
  libraryCallsTlsPerSec: 100,
}

/** How repeatable a dimension is from day to day, as measured on 478 VMs of Bitbrains (intraclass correlation): noise counts less. What nobody
 *  measured is taken to be as good as the CPU's level, the least of those known. */
const REPEATABLE: Readonly<Partial<Record<DimensionName, number>>> = {
  memoryUsedBytes: 0.95,
  diskReadBytesPerSec: 0.93,
  diskWriteBytesPerSec: 0.98,
  netReceiveBytesPerSec: 0.95,
  netSendBytesPerSec: 0.95,
  cpuBurstiness: 0.76,
}
const REPEATABLE_UNKNOWN = 0.89
/** A window of which less was seen tells nothing of what the VM is like. */
const COVERAGE_MIN = 0.1

/** Dimensions that say when and for how long, or how well we know, rather than what the work is like. */
const NOT_CHARACTER: ReadonlySet<DimensionName> = new Set([
  'rhythmPeriodMs',
  'rhythmStrength',
  'phase',
  'phaseAgeMs',
  'changeScore',
  'anomalyScore',
  'cpuPersistence',
  'forecastCpu5MinP50',
  'forecastCpu5MinP95',
  'forecastCpu15MinP50',
  'forecastCpu15MinP95',
  'forecastCpu30MinP50',
  'forecastCpu30MinP95',
  'forecastCpu60MinP50',
  'forecastCpu60MinP95',
])

/** A difference of one dimension: `log2` of the ratio, little added to both. */
export interface DimensionDifference {
  readonly name: DimensionName
  readonly a: number
  readonly b: number
  /** 1 is twice as much. */
  readonly doublings: number
}

/** What differs, the most first; only dimensions present in both and that are of character. */
export function differences(a: PersonalityVector, b: PersonalityVector): readonly DimensionDifference[] {
  const found: DimensionDifference[] = []
  for (let i = 0; i < DIMENSIONS; i++) {
    const { name, unit } = PERSONALITY_SCHEMA[i]
    if (NOT_CHARACTER.has(name) || !isPresent(a, i) || !isPresent(b, i)) continue
    found.push({
      name,
      a: a.values[i],
      b: b.values[i],
      doublings: doublings(a.values[i], b.values[i], LITTLE_CALLS[name] ?? LITTLE[unit] ?? 1),
    })
  }
  return found.toSorted((x, y) => Math.abs(y.doublings) - Math.abs(x.doublings))
}

/** Root of the weighted mean of squared differences in doublings, over the dimensions that both have. 0 is the same, 1 is twice or half as much of all that
 *  is not little. Infinity where nothing can be compared: no dimension in common, or less than a tenth of either window seen. */
export function profileDistance(a: PersonalityVector, b: PersonalityVector): number {
  if (Math.min(a.coverage, b.coverage) < COVERAGE_MIN) return Infinity
  let sum = 0
  let weights = 0
  for (const { name, doublings: off } of differences(a, b)) {
    const weight = REPEATABLE[name] ?? REPEATABLE_UNKNOWN
    sum += weight * off * off
    weights += weight
  }
  return weights > 0 ? Math.sqrt(sum / weights) : Infinity
}

/** What differs most, in words, at most so many sentences: `diskWriteBytesPerSec: 64 times as much, 1.98e+7 bytes/s and not 245000`. */
export function tellDifferences(a: PersonalityVector, b: PersonalityVector, count: number): readonly string[] {
  return differences(a, b)
    .filter(({ doublings: off }) => Math.abs(off) >= DIFFERS_MIN)
    .slice(0, count)
    .map(({ name, a: from, b: to, doublings: off }) => {
      const { unit } = PERSONALITY_SCHEMA[dimensionIndex(name)]
      const factor = Number((2 ** Math.abs(off)).toPrecision(2))
      const how = off > 0 ? `${factor} times as much` : `one part in ${factor}`
      return `${name}: ${how}, ${shown(to)} ${unit} and not ${shown(from)}`
    })
}

/** A third more or less is no difference to speak of. */
const DIFFERS_MIN = 0.4

function shown(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** What only the guest can tell, even where the hypervisor passes it on: the balloon's driver runs in the guest. The anomaly score looks at one of
 *  them, and is worth no more than the least of what it looks at. */
const GUEST_TOLD: ReadonlySet<DimensionName> = new Set([
  'memoryUsedBytes',
  'memoryCachedBytes',
  'majorFaultsPerSec',
  'swapBytesPerSec',
  'anomalyScore',
])

/** Who told a dimension: the guest, or the host that counted it from outside. What is derived is told by whoever told what it is derived from. Guests
 *  may lie; hosts may not know. */
export function witnessOf(vector: Pick<PersonalityVector, 'sender'>, dimension: DimensionName): 'guest' | 'host' {
  return vector.sender === SERVER_SENDER && !GUEST_TOLD.has(dimension) ? 'host' : 'guest'
}

function doublings(a: number, b: number, little: number): number {
  return Math.log2((Math.max(0, b) + little) / (Math.max(0, a) + little))
}
