import type { HostId, VmId } from '../terms/ids.ts'
import type { MigrationIntent, MoveFigures, MoveProgress, Sighting } from '../terms/intent.ts'
import type { Refused } from '../terms/ranking.ts'

/** Six verbs reach a platform, and no other: list, observe, preflight, migrate, progress, cancel. Nothing here can stop, start, resume, reset or delete a
 *  VM. What a host does not answer is a value, for it is a state of the world that a decision must know; `preflight`, `progress` and `cancel` reject with a
 *  `HypervisorError` where the platform can't be asked. */
export interface MigrationDriver {
  readonly name: string
  /** What runs where, each host asked for itself and all at once. */
  list(): Promise<readonly HostListing[]>
  /** One VM on one host, asked now and never remembered. */
  observe(vmId: VmId, hostId: HostId): Promise<Sighting>
  /** Would the platform take this now: CPU, storage, networks, room, certificates. Nothing is changed. */
  preflight(intent: MigrationIntent): Promise<Preflight>
  /** Sends the one call that moves; a second call with the same order's id sends nothing.
   *  @param fence token of the lease; a driver that has seen a higher one sends nothing
   *  @param objection why it may not leave any more; undefined: it may. Asked last of all, when nothing is waited for before the call: what a driver has
   *  to do first (a connection, a look) may take seconds, in which people pause or cancel. Absent: nobody objects
   *  @param lookAgain reads anew what `objection` goes by; waited for when all else is ready, just before it. Absent: it is as new as it will be */
  migrate(
    intent: MigrationIntent,
    fence: number,
    objection?: () => string | undefined,
    lookAgain?: () => Promise<void>,
  ): Promise<MoveCall>
  /** Undefined: no migration of this VM is under way there. */
  progress(vmId: VmId, hostId: HostId): Promise<MoveProgress | undefined>
  /** Ends a migration under way from there; the VM stays. Nothing is done where none is. */
  cancel(vmId: VmId, hostId: HostId): Promise<void>
  close(): Promise<void>
}

export type HostListing =
  | { readonly kind: 'listed'; readonly hostId: HostId; readonly vms: readonly ListedVm[] }
  | { readonly kind: 'unreachable'; readonly hostId: HostId; readonly reason: string }

/** A VM with a process on a host. */
export interface ListedVm {
  readonly vmId: VmId
  readonly sighting: Extract<Sighting, { readonly kind: 'seen' }>
  /** Its owner or an operator wants it left alone. */
  readonly optOut?: string
}

export interface Preflight {
  readonly refusals: readonly Refused[]
  /** What may be and is dangerous, a sentence each: an operator has to say yes once, or automation stays at advice. */
  readonly warnings: readonly string[]
}

/** The call is on its way or never left. `ended` never rejects, and is the platform's word, not the truth: whoever wants that observes both hosts. */
export type MoveCall =
  | { readonly kind: 'never-sent'; readonly reason: string }
  | { readonly kind: 'sent'; readonly ended: Promise<CallEnd> }

export interface CallEnd {
  /** `unknown`: no answer came, and it may still go on. */
  readonly kind: 'succeeded' | 'failed' | 'unknown'
  readonly reason: string
  readonly figures?: MoveFigures
}
