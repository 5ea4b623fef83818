import type { WorkloadType } from './host.ts'
import type { HostId, VmId } from './ids.ts'
import type { Fraction } from './units.ts'

/** What a host can lack. `settled` and below are gates of time, not of capacity. */
export const LACKS = [
  'cpu',
  'cpu-per-core',
  'memory',
  'cpu-flags',
  'network',
  'anti-affinity',
  'host-state',
  'same-host',
  'pinned',
  'in-flight',
  'location-unknown',
  'cooldown',
  'no-return',
  'move-budget',
  'concurrency',
  'does-not-converge',
  'hysteresis',
  'benefit',
  'worse-than-chosen',
  'measured-load',
  'storage',
  'platform',
  'stale',
  'objected',
] as const
export type Lack = (typeof LACKS)[number]

/** The answer of a hard rule: a "no" is a value that says what is lacking, never an exception. */
export type Verdict = Fits | Refused

export interface Fits {
  readonly kind: 'fits'
}

export interface Refused {
  readonly kind: 'refused'
  readonly lacking: Lack
  /** How much is missing, in the unit of what is lacking (reference cores, bytes, milliseconds, money). */
  readonly shortBy: number
  /** One sentence with the values, for people. */
  readonly reason: string
}

/** Predicted performance of a VM on a host, beside what runs there already. */
export interface Performance {
  /** Mean slowdown of a request against an idle host: 1 is none. */
  readonly latencyFactor: number
  /** Share of its demand the VM would be given. */
  readonly throughput: Fraction
  /** Watts that the VM adds on this host. */
  readonly addedWatts: number
  /** How fast its kind of work is done there. Absent: no host of the cluster has benchmarks. */
  readonly speed?: Speed
}

/** Speed of a VM's mix of work on a host, against the cluster's median host. */
export interface Speed {
  /** Weighted geometric mean of the terms' ratios: 1 is the median host. */
  readonly factor: number
  /** Standard deviation of its logarithm: .1 is about ten per cent either way. Benchmarks that the host lacks widen it. */
  readonly spread: number
  /** Watts that the VM adds there, over the reference cores of work that it wants. Absent: it wants none. */
  readonly wattsPerRefCore?: number
  /** Nobody measured the VM's mix of work: that of an ordinary server stands in for it. */
  readonly isMixAssumed: boolean
  readonly terms: readonly SpeedTerm[]
}

/** "Crypto 1.8 times the median host, weight .3." */
export interface SpeedTerm {
  readonly workloadType: WorkloadType
  readonly weight: Fraction
  /** Absent: the host has no such benchmark, and counts as the median. */
  readonly ratio?: number
}

/** Names of the terms of a score, in the order in which they are shown. */
export const SCORE_TERMS = ['performance', 'energy', 'load', 'migration'] as const
export type ScoreTerm = (typeof SCORE_TERMS)[number]

/** One number per (VM, host), higher is better, with the terms that make it up; all in the policy's currency over its horizon. */
export interface MigrationScore {
  readonly total: number
  readonly terms: {
    /** Worth of demand that would be served there and is not here (negative: lost). */
    readonly performance: number
    /** Worth of energy saved (negative: spent). */
    readonly energy: number
    /** Worth of filling the fuller of two hosts, so that the emptier one can be emptied. Never negative; risk is part of performance. */
    readonly load: number
    /** Cost of the migration itself. Never positive. */
    readonly migration: number
  }
}

export interface RankedHost {
  readonly hostId: HostId
  readonly score: MigrationScore
  readonly performance: Performance
}

export interface RefusedHost {
  readonly hostId: HostId
  readonly verdict: Refused
}

/** Every host of the cluster is in exactly one of the two lists. */
export interface Ranking {
  readonly vmId: VmId
  /** Best first; ties by id. */
  readonly ranked: readonly RankedHost[]
  readonly refused: readonly RefusedHost[]
}

/** What to do when no host is suitable. */
export const REMEDIES = ['power-host-on', 'scale-vm', 'relax-rule', 'ask-operator'] as const

export interface Remediation {
  readonly remedy: (typeof REMEDIES)[number]
  readonly hostId?: HostId
  readonly reason: string
}
