/** The last sample added up per host, as the reactive rivals see a cluster. */
import { HOST_UNKNOWN, type Inventory } from '../terms/cluster.ts'
import { hostCapacityRefCores } from '../terms/host.ts'
import type { MigrationOrder, MoveClass } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Observation } from '../terms/turn.ts'
import { vmSizeRefCores } from '../terms/vm.ts'

/** Loads per host that change as moves are planned. Lives for one turn. */
export class ClusterLoad {
  /** CPU in use, in cores of that host: what products count, blind to how fast a core is. */
  readonly cpuCores: Float64Array
  /** Memory in use: measured, or configured where nobody measured. */
  readonly memoryBytes: Float64Array
  /** Indices of hosts that are on: these products start no host. */
  readonly online: readonly number[]
  /** Per VM: cores of its present host in use, NaN where nobody measured. */
  readonly vmCpuCores: Float64Array
  readonly vmMemoryBytes: Float64Array
  /** Where each VM is, moves of this turn included. */
  readonly hostOf: Int32Array
  readonly isMovable: Uint8Array
  /** Sums of sizes per host; departures of this turn still count, since memory is freed only once a move has ended. */
  private readonly memorySizeBytes: Float64Array
  private readonly cpuSizeRefCores: Float64Array
  private readonly groupsOn: Set<string>[]
  private readonly inventory: Inventory
  private readonly policy: Policy

  constructor(observation: Observation, policy: Policy) {
    const { inventory, samples } = observation
    const { hosts, vms } = inventory
    this.inventory = inventory
    this.policy = policy
    this.online = hosts.map((_, host) => host).filter((host) => inventory.hostStates[host] === 'on')
    this.hostOf = inventory.hostOf.slice()
    this.cpuCores = new Float64Array(hosts.length)
    this.memoryBytes = new Float64Array(hosts.length)
    this.memorySizeBytes = new Float64Array(hosts.length)
    this.cpuSizeRefCores = new Float64Array(hosts.length)
    this.groupsOn = hosts.map(() => new Set<string>())
    this.vmCpuCores = new Float64Array(vms.length)
    this.vmMemoryBytes = new Float64Array(vms.length)
    this.isMovable = new Uint8Array(vms.length)
    const { cpu, memory } = samples.columns
    const inFlight = destinations(inventory)

    for (let vm = 0; vm < vms.length; vm++) {
      const host = this.hostOf[vm]
      const measured = memory?.[vm] ?? Number.NaN
      this.vmMemoryBytes[vm] = Number.isNaN(measured) ? vms[vm].memoryBytes : measured
      this.vmCpuCores[vm] = host === HOST_UNKNOWN ? Number.NaN : (cpu?.[vm] ?? Number.NaN) / hosts[host].refCoresPerCore
      if (host === HOST_UNKNOWN) continue
      this.add(vm, host)
      const other = inFlight.get(vms[vm].id)
      if (other !== undefined) for (const end of other) if (end !== host) this.add(vm, end)
      const isFree = other === undefined && vms[vm].isPinned !== true && !Number.isNaN(this.vmCpuCores[vm])
      this.isMovable[vm] = isFree && inventory.hostStates[host] === 'on' ? 1 : 0
    }
  }

  cpuLoad(host: number): number {
    return this.cpuCores[host] / this.inventory.hosts[host].cores
  }

  memoryLoad(host: number): number {
    return this.memoryBytes[host] / this.inventory.hosts[host].memoryBytes
  }

  /** Would the operator's limits and the VM's own rules let it go to `host`, which is on? Loads are not asked. */
  mayGo(vm: number, host: number): boolean {
    const { hosts, vms } = this.inventory
    const { memoryAllocationMax, cpuAllocationMax } = this.policy.limits
    const group = vms[vm].antiAffinityGroup
    if (host === this.hostOf[vm]) return false
    if (group !== undefined && this.groupsOn[host].has(group)) return false
    if (
      memoryAllocationMax !== undefined &&
      this.memorySizeBytes[host] + vms[vm].memoryBytes > hosts[host].memoryBytes * memoryAllocationMax
    )
      return false
    const cpuMax = (cpuAllocationMax ?? Number.POSITIVE_INFINITY) * hostCapacityRefCores(hosts[host])
    return this.cpuSizeRefCores[host] + vmSizeRefCores(vms[vm]) <= cpuMax
  }

  /** Counts the VM on `host` from now on, with the same cores in use as before: products ignore that cores differ. */
  move(vm: number, host: number): void {
    const from = this.hostOf[vm]
    this.cpuCores[from] -= this.vmCpuCores[vm]
    this.memoryBytes[from] -= this.vmMemoryBytes[vm]
    this.hostOf[vm] = host
    this.isMovable[vm] = 0
    this.add(vm, host)
  }

  /** The order for a VM that was observed on `from`. */
  order(vm: number, to: number, words: { id: string; class: MoveClass; reason: string }): MigrationOrder {
    const { hosts, vms, hostOf, at } = this.inventory
    return {
      id: words.id as MigrationOrder['id'],
      vmId: vms[vm].id,
      from: hosts[hostOf[vm]].id,
      to: hosts[to].id,
      decidedAt: at,
      class: words.class,
      reason: words.reason,
    }
  }

  private add(vm: number, host: number): void {
    const { antiAffinityGroup, memoryBytes } = this.inventory.vms[vm]
    if (!Number.isNaN(this.vmCpuCores[vm])) this.cpuCores[host] += this.vmCpuCores[vm]
    this.memoryBytes[host] += this.vmMemoryBytes[vm]
    this.memorySizeBytes[host] += memoryBytes
    this.cpuSizeRefCores[host] += vmSizeRefCores(this.inventory.vms[vm])
    if (antiAffinityGroup !== undefined) this.groupsOn[host].add(antiAffinityGroup)
  }
}

/** Both ends of every migration under way, as host indices, by VM. */
export function destinations(inventory: Inventory): ReadonlyMap<string, readonly number[]> {
  if (inventory.migrations.length === 0) return new Map()
  const indexOf = new Map(inventory.hosts.map((host, i) => [host.id, i]))
  return new Map(
    inventory.migrations.map(({ vmId, from, to }) => [
      vmId,
      [indexOf.get(from), indexOf.get(to)].filter((host) => host !== undefined),
    ]),
  )
}
