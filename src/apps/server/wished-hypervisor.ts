/** A platform as people want it seen: VMs that are to be left alone are pinned, and hosts that are to be emptied are in maintenance. */
import type { HostState, Inventory } from '../../terms/cluster.ts'
import type { VmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Verdict } from '../../terms/ranking.ts'
import type { Vm } from '../../terms/vm.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { Maintenances, OptOuts } from './wishes.ts'

export interface Wishes {
  readonly optOuts: OptOuts
  readonly maintenances: Maintenances
}

const NONE: Wishes = { optOuts: new Map(), maintenances: new Map() }

export class WishedHypervisor implements Hypervisor {
  readonly name: string
  private readonly inner: Hypervisor
  private wishes: Wishes = NONE
  /** What was made of a list: the same object for the same list, which rosters are told apart by. */
  private made: { readonly of: readonly Vm[]; readonly key: string; readonly vms: readonly Vm[] } | undefined

  constructor(inner: Hypervisor) {
    this.inner = inner
    this.name = inner.name
  }

  /** From the next look on. */
  wish(wishes: Wishes): void {
    this.wishes = wishes
  }

  async inventory(): Promise<Inventory> {
    const inventory = await this.inner.inventory()
    const { optOuts, maintenances } = this.wishes
    if (optOuts.size === 0 && maintenances.size === 0) return inventory
    return { ...inventory, hostStates: statesAsWished(inventory, maintenances), vms: this.pin(inventory.vms) }
  }

  async preflight(order: MigrationOrder): Promise<Verdict> {
    const closed = this.wishes.maintenances.get(order.to)
    if (closed === undefined) return this.inner.preflight(order)
    const reason = `${order.to} is in maintenance, by ${closed.who}: ${closed.reason}.`
    return { kind: 'refused', lacking: 'host-state', shortBy: 1, reason }
  }

  begin(order: MigrationOrder): Promise<void> {
    return this.inner.begin(order)
  }

  cancel(vmId: Vm['id']): Promise<void> {
    return this.inner.cancel(vmId)
  }

  private pin(vms: readonly Vm[]): readonly Vm[] {
    const { optOuts } = this.wishes
    if (optOuts.size === 0) return vms
    const key = [...optOuts.keys()].sort().join(' ')
    if (this.made?.of === vms && this.made.key === key) return this.made.vms
    this.made = { of: vms, key, vms: pinned(vms, optOuts) }
    return this.made.vms
  }
}

/** An inventory as people want it seen. */
export function asWished(inventory: Inventory, { optOuts, maintenances }: Wishes): Inventory {
  return { ...inventory, hostStates: statesAsWished(inventory, maintenances), vms: pinned(inventory.vms, optOuts) }
}

function statesAsWished({ hosts, hostStates }: Inventory, maintenances: Maintenances): readonly HostState[] {
  return hostStates.map((state, h) => (state === 'on' && maintenances.has(hosts[h].id) ? 'maintenance' : state))
}

export function pinned(vms: readonly Vm[], optOuts: Pick<ReadonlySet<VmId>, 'has'>): readonly Vm[] {
  return vms.map((vm) => (optOuts.has(vm.id) ? { ...vm, isPinned: true } : vm))
}
