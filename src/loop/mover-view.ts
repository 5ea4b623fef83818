/** What a mover is given, and what it shows. */
import type { Follow, IntentRules } from '../engine/migration/intent.ts'
import type { IntentRecord } from '../engine/migration/intent-record.ts'
import type { MoveAlert } from '../engine/migration/move-alerts.ts'
import type { MoveLimits, MoveSite, PastStart, StartGuards } from '../engine/migration/start-guards.ts'
import type { HostId, VmId } from '../terms/ids.ts'
import type { MigrationIntent } from '../terms/intent.ts'
import type { Refused } from '../terms/ranking.ts'
import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'
import type { MigrationDriver } from '../world/migration-driver.ts'
import type { Store } from '../world/store.ts'

export interface MoverOptions {
  readonly driver: MigrationDriver
  /** The journal. A line is durable when `append` resolves. */
  readonly store: Pick<Store, 'append'>
  readonly clock: Clock
  /** Token of the lease under which this process acts. */
  readonly fence: () => number
  /** Nothing is started once it is aborted; what is under way goes on without us. */
  readonly signal?: { readonly aborted: boolean }
  /** Has an operator said yes to what `preflight` warns of? Absent: nobody has, and the policy starts no move that comes with a warning. */
  readonly isWarningAccepted?: (warning: string) => boolean
  /** How many units of a host a move takes. Absent: 1 each. */
  readonly unitsOf?: (intent: MigrationIntent) => number
  readonly limits?: MoveLimits
  /** What is known now of the cluster. Absent: nothing, and what rests on it does not bind. */
  readonly site?: () => MoveSite | undefined
  readonly rules?: IntentRules
  readonly guards?: StartGuards
  /** A driver's call that takes longer counts as unanswered. */
  readonly deadlineMs?: number
}

/** What became of an intent that was handed in. `known`: an order of that id was handed in before, and nothing is sent again. */
export type Submission =
  | { readonly kind: 'started'; readonly record: IntentRecord }
  | { readonly kind: 'known' }
  | { readonly kind: 'refused'; readonly refusal: Refused }

/** `too-late`: it is in post-copy, and can't be taken back. */
export type Cancelling = 'asked' | 'nothing-under-way' | 'too-late'

export interface OpenMove {
  readonly record: IntentRecord
  /** What this process saw of it last. */
  readonly follow: Follow
}

/** Why nothing is started. `journal`: a line could not be written. `clock`: it went back. `lease`: another process has it. The rest are the caller's. */
export interface Hold {
  readonly name: string
  readonly since: EpochMs
  readonly reason: string
}

export interface MoverView {
  readonly at: EpochMs
  readonly isPaused: boolean
  readonly holds: readonly Hold[]
  readonly open: readonly OpenMove[]
  /** The newest that ended, oldest of them first. */
  readonly ended: readonly IntentRecord[]
  /** Of late, for budgets. */
  readonly starts: readonly PastStart[]
  readonly frozenVms: ReadonlyMap<VmId, string>
  readonly frozenHosts: ReadonlyMap<HostId, string>
  /** VMs that are left to another balancer, and until when. */
  readonly yielded: ReadonlyMap<VmId, EpochMs>
  readonly alerts: readonly MoveAlert[]
  /** Since this process began: calls sent, and ends by state. */
  readonly counts: Readonly<Record<string, number>>
}
