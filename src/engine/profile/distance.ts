/** How unlike two personalities are: for telling kinds of work apart, and for saying in words what differs. */
import {
  DIMENSIONS,
  isPresent,
  PERSONALITY_SCHEMA,
  type DimensionName,
  type PersonalityVector,
} from '../../terms/personality.ts'

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
    found.push({ name, a: a.values[i], b: b.values[i], doublings: doublings(a.values[i], b.values[i], unit) })
  }
  return found.toSorted((x, y) => Math.abs(y.doublings) - Math.abs(x.doublings))
}

/** Root of the mean squared difference in doublings, over the dimensions that both have; Infinity where they share none. */
export function profileDistance(a: PersonalityVector, b: PersonalityVector): number {
  const found = differences(a, b)
  if (found.length === 0) return Infinity
  return Math.sqrt(found.reduce((sum, { doublings: off }) => sum + off * off, 0) / found.length)
}

/** Who told a dimension: the guest, or the host that saw it from outside. What is derived is told by whoever told what it is derived from. Guests
 *  may lie; hosts may not know. */
export function witnessOf(vector: Pick<PersonalityVector, 'sender'>): 'guest' | 'host' {
  return vector.sender === 'server' ? 'host' : 'guest'
}

function doublings(a: number, b: number, unit: string): number {
  const little = LITTLE[unit] ?? 1
  return Math.log2((Math.max(0, b) + little) / (Math.max(0, a) + little))
}
