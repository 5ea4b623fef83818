import type { Inventory } from '../terms/cluster.ts'
import type { VmId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { Verdict } from '../terms/ranking.ts'

/** What we ask of a virtualisation platform. Rejects only with a `HypervisorError`. Nothing here can stop, start, resume or delete a VM. */
export interface Hypervisor {
  readonly name: string
  /** What runs where, migrations under way, and those that ended since the last call. */
  inventory(): Promise<Inventory>
  /** Would the platform take this order now? A refusal names what is in the way. */
  preflight(order: MigrationOrder): Promise<Verdict>
  /** Returns once the platform has accepted the order; how it ended is told by `inventory`. A second call with the same order id does nothing. */
  begin(order: MigrationOrder): Promise<void>
  /** The VM stays where it is. Cancelling what is not under way does nothing. */
  cancel(vmId: VmId): Promise<void>
}
