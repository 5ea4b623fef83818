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
}

/** One number per (VM, host), higher is better, with the terms that make it up; all in the policy's currency over its horizon. */
export interface MigrationScore {
  readonly total: number
  readonly terms: {
    /** Worth of demand that would be served there and is not here (negative: lost). */
    readonly performance: number
    /** Worth of energy saved (negative: spent). */
    readonly energy: number
    /** Worth of the headroom the host keeps: a fuller host is riskier. Never positive. */
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
