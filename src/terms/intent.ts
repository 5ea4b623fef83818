/** From an order to its end on a real platform: what is on record, what both hosts show, and what was promised. */
import type { HostId, VmId } from './ids.ts'
import type { MigrationOrder } from './move.ts'
import type { MigrationMode } from './move-facts.ts'
import type { EpochMs, Fraction } from './units.ts'

/** How far an order has come. `recorded`: durable, and the platform may have heard of it or not. `accepted`: seen at work. `verifying`: seen once where it
 *  should be. `frozen`: nobody can tell, or what is seen must not be; nothing is done until it is seen otherwise, or a person says so. The rest are ends. */
export const INTENT_STATES = [
  'recorded',
  'accepted',
  'verifying',
  'frozen',
  'done',
  'not-started',
  'failed',
  'aborted',
  'lost-by-fault',
] as const
export type IntentState = (typeof INTENT_STATES)[number]

export const INTENT_ENDS = [
  'done',
  'not-started',
  'failed',
  'aborted',
  'lost-by-fault',
] as const satisfies readonly IntentState[]
export type IntentEnd = (typeof INTENT_ENDS)[number]

/** What the platform said of the one call. `unknown`: no answer came, and it may still go on. */
export const CALL_END_KINDS = ['succeeded', 'failed', 'unknown'] as const
export type CallEndKind = (typeof CALL_END_KINDS)[number]

/** Why an intent is frozen. `ambiguous`: paused on both hosts. `double`: it runs on both. `unknown`: a host can't be asked, or what it says fits nothing. */
export const FREEZE_REASONS = ['ambiguous', 'double', 'unknown'] as const
export type FreezeReason = (typeof FREEZE_REASONS)[number]

/** Who began it: the policy by itself, a person, or a host being emptied at a person's word. */
export type MoveCause =
  | { readonly kind: 'policy' }
  | { readonly kind: 'operator'; readonly who: string }
  | { readonly kind: 'evacuation'; readonly hostId: HostId; readonly who: string }

/** How a migration is to be carried out: set from the cost model's verdict, never by a guest. */
export interface MigrationTerms {
  readonly mode: MigrationMode
  /** Absent: as much as the link takes. */
  readonly bandwidthMibPerSec?: number
  /** It is cancelled after so long. */
  readonly timeoutMs: number
  /** It is cancelled when less and less is left to copy no more for so long. */
  readonly stalledMs: number
}

/** What the model promised before the start. */
export interface PromisedMove {
  readonly totalMs: number
  readonly downtimeMs: number
  readonly copiedBytes: number
  readonly pConverge: Fraction
}

/** What the platform measured of a migration that ended. What it did not tell is absent. */
export interface MoveFigures {
  readonly totalMs?: number
  readonly downtimeMs?: number
  readonly copiedBytes?: number
  readonly rounds?: number
}

/** An order on its way to the platform, as it is recorded before the platform hears of it. */
export interface MigrationIntent {
  readonly order: MigrationOrder
  readonly cause: MoveCause
  readonly terms: MigrationTerms
  /** Absent: too little is known of the VM to promise anything; then it is not moved without being asked to. */
  readonly promise?: PromisedMove
}

/** What a host shows of one VM. `incoming`: waiting for its memory, as a target does. `handing-over`: paused by a migration's last step, as a
 *  source is, and a target in its last instant. `left`: off or listed, because it migrated away.
 *  `post-copy`: runs, with memory still on the other host. `post-copy-broken`: paused for want of it. */
export const PRESENCES = [
  'absent',
  'running',
  'incoming',
  'handing-over',
  'paused',
  'left',
  'post-copy',
  'post-copy-broken',
] as const
export type Presence = (typeof PRESENCES)[number]

/** One look at one VM on one host. */
export type Sighting =
  | {
      readonly kind: 'seen'
      readonly at: EpochMs
      readonly presence: Presence
      /** A migration of this VM is under way there, as the platform says. */
      readonly hasJob: boolean
      /** The platform's own words for the state, for people. */
      readonly detail: string
      /** Of the move that brought it there, as the platform still has them: for who was not told when it ended. */
      readonly figures?: MoveFigures
    }
  | { readonly kind: 'unreachable'; readonly at: EpochMs; readonly reason: string }

/** How far a migration is. Bytes as the platform counts them; what it does not tell is absent. */
export interface MoveProgress {
  readonly elapsedMs: number
  readonly copiedBytes?: number
  readonly remainingBytes?: number
  readonly rounds?: number
  /** How fast the VM writes memory, and how fast memory travels. */
  readonly dirtyBytesPerSec?: number
  readonly copiedBytesPerSec?: number
  readonly throttle?: Fraction
  readonly isPostCopy: boolean
}

/** A VM that is where nobody of ours ordered it to be: a person, or another balancer, moved it. */
export interface ForeignMove {
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly seenAt: EpochMs
}
