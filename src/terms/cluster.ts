import type { HostCharacteristics } from './host.ts'
import type { ClusterId, HostId, OrderId, VmId } from './ids.ts'
import type { MigrationEnd } from './move.ts'
import type { EpochMs } from './units.ts'
import type { Vm } from './vm.ts'

/** `off`, `starting` and `stopping` are the platform's doing; `maintenance` is the operator's; `unreachable` is nobody's. */
export const HOST_STATES = ['on', 'off', 'starting', 'stopping', 'maintenance', 'unreachable'] as const
export type HostState = (typeof HOST_STATES)[number]

/** The hosts among which VMs may move. */
export interface Cluster {
  readonly id: ClusterId
  readonly hosts: readonly HostCharacteristics[]
}

/** `hostOf` holds this where nobody knows where a VM runs. */
export const HOST_UNKNOWN = -1

/** What runs where, as the platform tells it. Lists are columns: the i-th state belongs to the i-th host, the i-th
 *  `hostOf` to the i-th VM. The lists of hosts and VMs are the *same objects* from turn to turn while nothing came or went. */
export interface Inventory {
  readonly at: EpochMs
  readonly hosts: readonly HostCharacteristics[]
  readonly hostStates: readonly HostState[]
  readonly vms: readonly Vm[]
  /** Index into `hosts` of where each VM runs now; `HOST_UNKNOWN` where unknown. */
  readonly hostOf: Int32Array
  /** Under way: the VM is committed on both hosts. */
  readonly migrations: readonly MigrationInFlight[]
  /** Ended since the inventory was last read. */
  readonly ended: readonly MigrationEnd[]
  /** What the platform is keeps VMs from going everywhere. Absent: nobody has asked it. */
  readonly barriers?: Barriers
  /** VMs that the policy leaves where they are at a person's word, and that word as a sentence. Absent: nobody objects. */
  readonly objections?: ReadonlyMap<VmId, string>
}

/** Why a VM can't go to a host, whatever room there is: what the platform says against it. */
export interface Barrier {
  /** `pinned`: hardware of its host, passed through. */
  readonly lacking: 'cpu-flags' | 'storage' | 'network' | 'pinned'
  /** One sentence, for people. */
  readonly reason: string
}

/** What keeps one VM from some hosts. */
export interface VmBarrier extends Barrier {
  /** Absent: from all but its own. */
  readonly hosts?: ReadonlySet<HostId>
}

/** What is not in it was not found, or not told; the platform is asked once more before a start. */
export interface Barriers {
  /** From a host, to a host: for whatever VM runs on the first. */
  readonly pairs: ReadonlyMap<HostId, ReadonlyMap<HostId, Barrier>>
  readonly vms: ReadonlyMap<VmId, readonly VmBarrier[]>
}

/** A migration that the platform has accepted and not finished. */
export interface MigrationInFlight {
  readonly orderId: OrderId
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  readonly startedAt: EpochMs
}
