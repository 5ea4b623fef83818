import type { HostCharacteristics } from '../terms/host.ts'
import type { HostId, VmId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { Lack, Refused } from '../terms/ranking.ts'
import type { Vm } from '../terms/vm.ts'
import type { HypervisorErrorCode } from '../world/errors.ts'
import type { Migrations, Route } from './migrations.ts'
import type { Placement } from './placement.ts'
import { PlacementError } from './placement-error.ts'
import type { SimulationRules } from './rules.ts'

/** What the platform says to an order. */
export type DeskAnswer =
  | { readonly kind: 'taken'; readonly route: Route }
  | { readonly kind: 'refused'; readonly code: HypervisorErrorCode; readonly verdict: Refused }

interface DeskSetup {
  readonly vms: readonly Vm[]
  readonly hosts: readonly HostCharacteristics[]
  readonly rules: SimulationRules
  readonly placement: Placement
  readonly migrations: Migrations
}

/** Where orders are checked against what is. */
export class OrderDesk {
  private readonly setup: DeskSetup
  private readonly rows: ReadonlyMap<VmId, number>
  private readonly hostIndices: ReadonlyMap<HostId, number>

  constructor(setup: DeskSetup) {
    this.setup = setup
    this.rows = new Map(setup.vms.map((vm, row) => [vm.id, row]))
    this.hostIndices = new Map(setup.hosts.map((host, index) => [host.id, index]))
  }

  /** Row of a VM of the trace, whether it lives or not. */
  rowOf(vmId: VmId): number | undefined {
    return this.rows.get(vmId)
  }

  /** Would the order be taken now? One that has been taken before is taken again, to no effect. */
  check(order: MigrationOrder): DeskAnswer {
    const { hosts, placement, migrations } = this.setup
    const vm = this.rows.get(order.vmId)
    const from = this.hostIndices.get(order.from)
    const to = this.hostIndices.get(order.to)
    if (vm === undefined || placement.hostOf[vm] < 0)
      return refuse('unknown-vm', 'location-unknown', `No VM ${order.vmId} runs here.`)
    if (to === undefined) return refuse('unknown-host', 'host-state', `There is no host ${order.to}.`)
    if (from === undefined) return refuse('unknown-host', 'host-state', `There is no host ${order.from}.`)
    if (migrations.isAccepted(order.id)) return { kind: 'taken', route: { vm, from, to } }
    if (migrations.isMoving(vm)) return refuse('busy', 'in-flight', `VM ${order.vmId} is already moving.`)
    if (placement.hostOf[vm] !== from) {
      const actual = hosts[placement.hostOf[vm]].id
      return refuse('refused', 'location-unknown', `VM ${order.vmId} runs on ${actual}, not on ${order.from}.`)
    }
    if (from === to) return refuse('refused', 'same-host', `VM ${order.vmId} is on ${order.to} already.`)
    return this.checkMemory({ vm, from, to })
  }

  /** The host as given, if a first placement may use it. */
  checkFirstHost(vm: Vm, host: number): number {
    const { hosts, rules, placement } = this.setup
    if (!(host >= 0 && host < hosts.length)) throw new PlacementError(vm, hosts, 'fits on no host')
    const shortBy = placement.committedBytes[host] + vm.memoryBytes - hosts[host].memoryBytes
    if (rules.isMemoryEnforced && shortBy > 0)
      throw new PlacementError(
        vm,
        hosts,
        `was placed on ${hosts[host].id}, which lacks ${shortBy} bytes of memory for it`,
      )
    return host
  }

  private checkMemory(route: Route): DeskAnswer {
    const { vms, hosts, rules, placement } = this.setup
    const host = hosts[route.to]
    const shortBy = placement.committedBytes[route.to] + vms[route.vm].memoryBytes - host.memoryBytes
    if (!rules.isMemoryEnforced || shortBy <= 0) return { kind: 'taken', route }
    const reason = `${host.id} lacks ${shortBy} bytes of memory for VM ${vms[route.vm].id}.`
    return refuse('refused', 'memory', reason, shortBy)
  }
}

function refuse(code: HypervisorErrorCode, lacking: Lack, reason: string, shortBy = 0): DeskAnswer {
  return { kind: 'refused', code, verdict: { kind: 'refused', lacking, shortBy, reason } }
}
