import { HOST_UNKNOWN, type HostState, type Inventory } from '../../terms/cluster.ts'
import { type HostCharacteristics, hostCapacityRefCores } from '../../terms/host.ts'
import type { VmFacts } from './history.ts'

/** Points of a power curve, at 0, 10, ..., 100 % load. */
const CURVE_POINTS = 11

/** Stands for a host that was oversubscribed: CloudSim rounds each share down to whole MIPS, so such a host is never quite full
 *  and can still be chosen for emptying. */
const OVERSUBSCRIBED_LOAD = 1 - 1e-6

/** The cluster as one turn sees and rearranges it: who is where, and what that adds up to. CPU is in reference cores. */
export class Allocation {
  readonly hosts: readonly HostCharacteristics[]
  readonly facts: VmFacts
  /** VMs on each host, in the order in which they came. */
  readonly vmsOn: readonly number[][]
  readonly capacity: Float64Array
  /** What all VMs of a host ask for. */
  readonly requested: Float64Array
  /** The same with each vCPU held to one core of the host: what the scheduler hands out at most. */
  readonly capped: Float64Array
  /** Configured memory of the VMs committed, those on their way in or out included. Only ever grows within a turn, but for undoing. */
  readonly committedBytes: Float64Array
  /** Load as it was when the turn began. What a host draws is read from this, whatever the turn has moved since. */
  readonly loadBefore: Float64Array
  readonly wattsBefore: Float64Array
  /** False where the host is neither on nor off (in maintenance, unreachable, starting): it is left alone. */
  readonly isUsable: Uint8Array
  /** True where a VM is on its way in, or all VMs are on their way out. */
  readonly isInTransit: Uint8Array
  /** Counts the changes to each host, so that what was summed over its VMs can be kept until it changes. */
  readonly revision: Int32Array
  private readonly coreSpeed: Float64Array
  private readonly watts: Float64Array

  constructor(inventory: Inventory, facts: VmFacts) {
    const count = inventory.hosts.length
    this.hosts = inventory.hosts
    this.facts = facts
    this.vmsOn = Array.from({ length: count }, () => [])
    this.capacity = Float64Array.from(inventory.hosts, hostCapacityRefCores)
    this.coreSpeed = Float64Array.from(inventory.hosts, (host) => host.refCoresPerCore)
    this.watts = flattenCurves(inventory.hosts)
    this.isUsable = Uint8Array.from(inventory.hostStates, (state) => Number(isUsableState(state)))
    this.requested = new Float64Array(count)
    this.capped = new Float64Array(count)
    this.committedBytes = new Float64Array(count)
    this.isInTransit = new Uint8Array(count)
    this.revision = new Int32Array(count)
    this.admitAll(inventory)
    this.loadBefore = new Float64Array(count)
    this.wattsBefore = new Float64Array(count)
    for (let host = 0; host < count; host++) {
      const load = this.capped[host] / this.capacity[host]
      this.loadBefore[host] = load > 1 ? OVERSUBSCRIBED_LOAD : load
      this.wattsBefore[host] = this.wattsAt(host, this.loadBefore[host])
    }
  }

  /** Puts a VM on a host. */
  add(vm: number, host: number): void {
    this.vmsOn[host].push(vm)
    this.revision[host]++
    this.requested[host] += this.facts.demand[vm]
    this.capped[host] += this.cappedDemand(vm, host)
    this.committedBytes[host] += this.facts.vms[vm].memoryBytes
  }

  /** Takes a VM off a host for the rest of the turn. Its memory stays committed there until the move is over. */
  remove(vm: number, host: number): void {
    const vms = this.vmsOn[host]
    vms.splice(vms.lastIndexOf(vm), 1)
    this.revision[host]++
    this.requested[host] -= this.facts.demand[vm]
    this.capped[host] -= this.cappedDemand(vm, host)
  }

  /** Takes back an `add`. */
  undo(vm: number, host: number): void {
    this.remove(vm, host)
    this.committedBytes[host] -= this.facts.vms[vm].memoryBytes
  }

  /** Could the host's scheduler serve the VM in full now? */
  hasRoom(vm: number, host: number): boolean {
    const demand = this.facts.demand[vm]
    if (demand > this.coreSpeed[host] * this.facts.vms[vm].vcpus) return false
    return Math.max(0, this.capacity[host] - this.capped[host]) >= demand
  }

  /** Watts that the host would draw with the VM, less what it drew when the turn began. */
  addedWatts(vm: number, host: number): number {
    const served = Math.min(this.capped[host], this.capacity[host])
    const load = (served + this.facts.demand[vm]) / this.capacity[host]
    return this.wattsAt(host, load) - this.wattsBefore[host]
  }

  private wattsAt(host: number, load: number): number {
    const position = load >= 1 ? CURVE_POINTS - 1 : load * (CURVE_POINTS - 1)
    const below = Math.min(CURVE_POINTS - 2, Math.floor(position))
    const low = this.watts[host * CURVE_POINTS + below]
    return low + (this.watts[host * CURVE_POINTS + below + 1] - low) * (position - below)
  }

  private cappedDemand(vm: number, host: number): number {
    return Math.min(this.facts.demand[vm], this.coreSpeed[host] * this.facts.vms[vm].vcpus)
  }

  private admitAll(inventory: Inventory): void {
    const { facts } = this
    for (const vm of facts.inOrderOfArrival) {
      const host = inventory.hostOf[vm]
      if (host !== HOST_UNKNOWN) this.add(vm, host)
    }
    if (inventory.migrations.length > 0) this.commitMigrations(inventory)
  }

  /** A VM on its way is committed on both hosts. */
  private commitMigrations(inventory: Inventory): void {
    const hostIndex = new Map(inventory.hosts.map((host, i) => [host.id, i]))
    for (const { vmId, to } of inventory.migrations) {
      const vm = this.facts.indexOf(vmId)
      const target = hostIndex.get(to)
      if (vm === undefined || target === undefined) continue
      if (inventory.hostOf[vm] !== target) this.add(vm, target)
      this.isInTransit[target] = 1
    }
    this.vmsOn.forEach((vms, host) => {
      if (vms.length > 0 && vms.every((vm) => this.facts.isMoving[vm] === 1)) this.isInTransit[host] = 1
    })
  }
}

/** An empty host that is off wakes when a VM arrives; every other state is somebody else's business. */
export function isUsableState(state: HostState): boolean {
  return state === 'on' || state === 'off'
}

function flattenCurves(hosts: readonly HostCharacteristics[]): Float64Array {
  const watts = new Float64Array(hosts.length * CURVE_POINTS)
  hosts.forEach((host, i) => watts.set(host.powerWatts, i * CURVE_POINTS))
  return watts
}
