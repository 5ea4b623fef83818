import type { Inventory } from './cluster.ts'
import type { HostId, VmId } from './ids.ts'
import type { MigrationOrder, Outcome } from './move.ts'
import type { PersonalityVector } from './personality.ts'
import type { Policy } from './policy.ts'
import type { Lack, Remediation } from './ranking.ts'
import type { HostSampleBatch, SampleBatch } from './sample.ts'
import type { EpochMs, Fraction } from './units.ts'

/** Everything one turn may know. VMs without an agent are known by `samples`, from which the engine computes their personality;
 *  those with one also by the `personalities` they sent since the last turn. */
export interface Observation {
  readonly at: EpochMs
  readonly inventory: Inventory
  readonly samples: SampleBatch
  /** What hosts say of themselves. Absent: nobody measures them, and a host's demand is the sum of its VMs'. */
  readonly hostSamples?: HostSampleBatch
  readonly personalities: readonly PersonalityVector[]
}

/** What one turn concluded. `orders` are asked of the platform after `events` and they are on record. */
export interface Turn<State> {
  readonly state: State
  readonly events: readonly TurnEvent[]
  readonly orders: readonly MigrationOrder[]
  /** Why the orders are advice, and none of them may be begun: an invariant broke, or moves do not pay. Absent: they may. */
  readonly adviceOnly?: readonly string[]
  /** Why each VM that stayed did so: index into `STAY_REASONS`, parallel to `Inventory.vms`. Rivals give none. */
  readonly stayed?: Uint8Array
  /** Host demand ahead, parallel to `Inventory.hosts`. Rivals give none. */
  readonly hostForecast?: HostForecast
}

export type TakeTurn<State> = (state: State, observation: Observation, policy: Policy) => Turn<State>

/** Why a VM stayed where it is, by code: the cheap form kept for every VM at every turn. */
export const STAY_REASONS = [
  'moves',
  'host-comfortable',
  'host-not-worth-emptying',
  'no-suitable-host',
  'another-vm-relieves-host',
  'cooldown',
  'move-budget',
  'pinned',
  'in-flight',
  'location-unknown',
  'no-sample',
  'benefit-below-cost',
  'hold-not-reached',
  'objected',
] as const
export type StayReason = (typeof STAY_REASONS)[number]

/** Demand of each host over the horizon, in reference cores; NaN for a host without VMs. */
export interface HostForecast {
  readonly horizonMs: number
  readonly p50: Float32Array
  readonly p95: Float32Array
  /** Probability of contention within the horizon. */
  readonly contention: Float32Array
}

/** When contention will come, as a distribution: `cumulative[i]` is the probability that it has begun by `(i + 1) * stepMs`. */
export interface TimeUntilContention {
  readonly stepMs: number
  readonly cumulative: readonly Fraction[]
  /** The time by which contention is as likely as not. Absent: it probably does not come within the horizon. */
  readonly medianMs?: number
}

/** What happened in a turn, for the record and for people. */
export type TurnEvent =
  | {
      readonly kind: 'contention-predicted'
      readonly hostId: HostId
      readonly timeUntilContention: TimeUntilContention
      readonly demandP95: number
      readonly capacity: number
    }
  | { readonly kind: 'move-ordered'; readonly order: MigrationOrder }
  | {
      readonly kind: 'move-refused'
      readonly vmId: VmId
      readonly from: HostId
      readonly to?: HostId
      readonly lacking: Lack
      readonly reason: string
    }
  | { readonly kind: 'host-kept'; readonly hostId: HostId; readonly reason: string }
  | {
      readonly kind: 'no-suitable-host'
      readonly vmId: VmId
      /** Where it stays. Absent in records of earlier versions. */
      readonly from?: HostId
      readonly refusals: Readonly<Partial<Record<Lack, number>>>
      readonly remediation: readonly Remediation[]
    }
  | { readonly kind: 'threshold-adjusted'; readonly from: number; readonly to: number; readonly reason: string }
  | { readonly kind: 'outcome-settled'; readonly outcome: Outcome }
  | { readonly kind: 'note'; readonly text: string }

/** New VMs that need a first host. Sizes and commitments only: nobody knows yet how they behave. */
export interface PlacementRequest {
  readonly inventory: Inventory
  /** Indices into `inventory.vms` of the VMs to place, in order of arrival. */
  readonly newVms: Int32Array
  readonly policy: Policy
}

/** One who balances a cluster: our engine or a rival, measured side by side. */
export interface Balancer<State> {
  readonly name: string
  /** When its turns come, in milliseconds since the trace began. */
  readonly cadence: { readonly firstMs: number; readonly everyMs: number }
  /** False for the baseline that leaves every host on at full watts whatever the load (CloudSim's NPA). Absent: true. */
  readonly isPowerAware?: boolean
  readonly start: (setup: { readonly seed: number }) => State
  /** Host index for each of `newVms`; `HOST_UNKNOWN` where none can hold it. */
  readonly placeNew: (request: PlacementRequest) => Int32Array
  readonly takeTurn: TakeTurn<State>
  /** What of the state after a turn goes into its record, for a start that finds it out nowhere else. Absent: nothing does. */
  readonly keep?: (state: State) => object
}
