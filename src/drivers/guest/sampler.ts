import type { Measure } from '../../terms/reading.ts'
import type { Detail } from '../../terms/reading.ts'
import type { EpochMs } from '../../terms/units.ts'

/** Names of the samplers, as the configuration switches them. */
export const SAMPLER_NAMES = [
  'cpu',
  'pressure',
  'memory',
  'disk',
  'network',
  'cgroup',
  'processes',
  'sockets',
  'dirty-pages',
  'probes',
  'applications',
] as const
export type SamplerName = (typeof SAMPLER_NAMES)[number]

/** Where a sampler puts what it measured. What is never put stays absent; a number that is not finite is absent too. */
export interface ReadingWriter {
  put(measure: Measure, value: number): void
  /** For people: `--once` shows it, no vector carries it. */
  detail(detail: Detail): void
}

/** When a look is taken. The monotonic clock measures spans; the wall clock only names the instant. */
export interface Look {
  readonly at: EpochMs
  readonly monotonicMs: number
  /** Details cost text; they are asked for only when somebody will read them. */
  readonly wantsDetails: boolean
}

/** What a sampler can see here, or what is in the way and what would open it. For `ethos agent doctor`. */
export interface Finding {
  readonly sampler: SamplerName
  /** What is meant, in a few words: "pressure of memory (PSI)". */
  readonly what: string
  readonly state: 'seen' | 'partly' | 'absent'
  /** Why it is not, or not wholly, seen; or where it is seen. */
  readonly because: string
  /** What would open it. Missing where nothing would, or nothing need. */
  readonly remedy?: string
}

/** Looks at one side of the guest. Holds the counters of its last look, so that rates are over the time since. Never throws for
 *  what the guest lacks: that is absent. The first look of a rate is absent. */
export interface Sampler {
  readonly name: SamplerName
  /** May be asked every second; others at the sampling period only. */
  readonly isCheap: boolean
  sample(look: Look, into: ReadingWriter): void | Promise<void>
  findings(): readonly Finding[] | Promise<readonly Finding[]>
  /** For the log of an agent that runs: what can no longer be seen, or is seen again, since this was asked last. Waits for nobody. */
  changes?(): readonly Finding[]
  /** Lets go of processes, sockets and listeners. */
  close?(): void | Promise<void>
}
