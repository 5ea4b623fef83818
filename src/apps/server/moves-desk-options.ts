/** What a desk of moves is given, and what a turn leaves with it. */
import type { SiteJournal } from '../../drivers/reported/site-journal.ts'
import type { CostModel } from '../../engine/migration/cost-model.ts'
import type { EngineState } from '../../engine/state.ts'
import type { MigrationIntent } from '../../terms/intent.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Refused } from '../../terms/ranking.ts'
import type { Observation } from '../../terms/turn.ts'
import type { Clock } from '../../world/clock.ts'
import type { MigrationDriver } from '../../world/migration-driver.ts'
import type { VmFactsReader } from '../../world/vm-facts-reader.ts'
import type { PlatformDesk } from './platform-desk.ts'
import type { SiteSettings } from './site-settings.ts'

/** Who wants a move, and of how big a VM. */
export interface MoveAsked {
  readonly by: 'automation' | 'person'
  /** 0: not known. */
  readonly memoryBytes: number
}

/** How a move is to be carried out, and what is promised of it; or why it is not to be. */
export type TermsOf = (order: MigrationOrder, about: MoveAsked) => Pick<MigrationIntent, 'terms' | 'promise'> | Refused

export interface MovesDeskOptions {
  readonly clock: Clock
  /** What people want now. Rejects with a `StoreError`. */
  readonly readSettings: () => Promise<SiteSettings>
  /** Lines of moves, written under the lease. */
  readonly journal: Pick<SiteJournal, 'append' | 'newest'>
  /** Token of the lease, as it is now; undefined: it is not held, and nothing begins. */
  readonly fence: () => number | undefined
  /** Absent: nobody can carry anything out. */
  readonly driver?: MigrationDriver
  /** How moves are carried out of which no facts can be had. */
  readonly termsOf: TermsOf
  /** Who promises by facts. Absent: nobody, and `termsOf` says all. */
  readonly promising?: { readonly model: CostModel; readonly reader: VmFactsReader }
  /** What the platform says of its hosts. Absent: nobody asks it. */
  readonly platform?: PlatformDesk
  /** A driver's call is given so long, by `clock`. Absent: ten seconds. */
  readonly callMs?: number
  /** Something about moves has changed. */
  readonly changed: () => void
}

/** What the newest turn knew and left behind, for whoever asks between turns. */
export interface LastTurn {
  readonly state: EngineState
  readonly observation: Observation
  readonly policy: Policy
  /** Probability within the horizon, parallel to the hosts of the inventory. Absent: the turn told none. */
  readonly contention?: Float32Array
}
