/** A cluster laid out over the coming samples: what every host will have to give at each of them. Lives for one turn.
 */
import { HOST_UNKNOWN, type Inventory } from '../terms/cluster.ts'
import { hostCapacityRefCores, wattsAt } from '../terms/host.ts'
import type { Policy } from '../terms/policy.ts'
import type { DemandSeries } from '../terms/trace.ts'
import type { Fraction } from '../terms/units.ts'
import { type Vm, vmSizeRefCores } from '../terms/vm.ts'
import { destinations } from './cluster-load.ts'
import { bestLoad } from './efficiency.ts'
import { canReceive } from './first-placement.ts'

/** A host counts as full this share below its capacity, so that no order of summing makes it overflow. */
const ROUNDING = 1e-6

/** The whole future, one VM after another: `cpu[row * steps + step]` in reference cores, 0 where the series says absent
 *  or the VM does not live. */
export class Future {
  readonly steps: number
  readonly stepMs: number
  readonly cpu: Float32Array
  private readonly rowOf: ReadonlyMap<string, number>

  constructor(series: DemandSeries) {
    const { vms, steps, columns, firstStep, lastStep } = series
    this.steps = steps
    this.stepMs = series.stepMs
    this.rowOf = new Map(vms.map((vm, row) => [vm.id, row]))
    this.cpu = new Float32Array(vms.length * steps)
    for (let step = 0; step < steps; step++) {
      for (let row = 0; row < vms.length; row++) {
        const demand = columns.cpu[step * vms.length + row]
        const lives = step >= firstStep[row] && step <= lastStep[row]
        this.cpu[row * steps + step] = !lives || Number.isNaN(demand) ? 0 : demand
      }
    }
  }

  /** Where the VM's demand starts in `cpu`; -1 for a VM the future does not know, which is then taken to want nothing.
   */
  startOf(vm: Vm): number {
    const row = this.rowOf.get(vm.id)
    return row === undefined ? -1 : row * this.steps
  }
}

export class Packing {
  /** The samples looked at: `firstStep` is the one at which this turn's moves first count. */
  readonly firstStep: number
  readonly width: number
  readonly vmsOn: number[][]
  /** Where each VM will be, moves of this turn included. */
  readonly hostOf: Int32Array
  readonly isMovable: Uint8Array
  readonly capacity: Float64Array
  readonly wattsPerRefCore: Float64Array
  readonly inventory: Inventory
  /** Share of capacity a host should carry on average. */
  readonly bestLoadOf: Float64Array
  /** Demand by host and sample, `host * width + k`. */
  private readonly sums: Float64Array
  private readonly startOf: Int32Array
  private readonly cpu: Float32Array
  private readonly memoryFreeBytes: Float64Array
  private readonly cpuSizeFree: Float64Array
  private readonly groupsOn: Set<string>[]

  constructor(future: Future, inventory: Inventory, policy: Policy, window: { firstStep: number; width: number }) {
    const { hosts, vms } = inventory
    const { memoryAllocationMax, cpuAllocationMax } = policy.limits
    this.inventory = inventory
    this.firstStep = window.firstStep
    this.width = window.width
    this.cpu = future.cpu
    this.startOf = Int32Array.from(vms, (vm) => future.startOf(vm))
    this.hostOf = inventory.hostOf.slice()
    this.isMovable = new Uint8Array(vms.length)
    this.vmsOn = hosts.map(() => [])
    this.sums = new Float64Array(hosts.length * this.width)
    this.capacity = Float64Array.from(hosts, (host) => hostCapacityRefCores(host) * (1 - ROUNDING))
    const best = hosts.map(bestLoad)
    this.bestLoadOf = Float64Array.from(best, ({ load }) => load)
    this.wattsPerRefCore = Float64Array.from(best, ({ wattsPerRefCore }) => wattsPerRefCore)
    const noLimit = Number.POSITIVE_INFINITY
    this.memoryFreeBytes = Float64Array.from(hosts, (h) => h.memoryBytes * (memoryAllocationMax ?? noLimit))
    this.cpuSizeFree = Float64Array.from(hosts, (h) => hostCapacityRefCores(h) * (cpuAllocationMax ?? noLimit))
    this.groupsOn = hosts.map(() => new Set<string>())
    this.settle()
  }

  /** Puts every VM where it runs, and those in flight on both their hosts. */
  private settle(): void {
    const { vms } = this.inventory
    const inFlight = destinations(this.inventory)
    for (let vm = 0; vm < vms.length; vm++) {
      const host = this.hostOf[vm]
      if (host === HOST_UNKNOWN) continue
      this.take(vm, host)
      const ends = inFlight.get(vms[vm].id)
      for (const end of ends ?? []) if (end !== host) this.take(vm, end)
      this.isMovable[vm] = ends === undefined && vms[vm].isPinned !== true ? 1 : 0
    }
  }

  /** Mean watts of the host over the window, on with or without VMs. */
  meanWatts(host: number): number {
    let watts = 0
    const curve = this.inventory.hosts[host].powerWatts
    const base = host * this.width
    for (let k = 0; k < this.width; k++) watts += wattsAt(curve, this.sums[base + k] / this.capacity[host])
    return watts / this.width
  }

  /** First sample of the window at which demand exceeds capacity; `width` when none does. With `vm` given: as if it
   *  came. */
  overflowAt(host: number, vm = -1): number {
    const capacity = this.capacity[host]
    const base = host * this.width
    const start = vm < 0 ? -1 : this.startOf[vm]
    const from = start < 0 ? 0 : start + this.firstStep
    for (let k = 0; k < this.width; k++) {
      const demand = this.sums[base + k] + (start < 0 ? 0 : this.cpu[from + k])
      if (demand > capacity) return k
    }
    return this.width
  }

  /** First sample at which demand would still exceed capacity if `vm` left. */
  overflowWithout(host: number, vm: number): number {
    const start = this.startOf[vm]
    if (start < 0) return this.overflowAt(host)
    const base = host * this.width
    for (let k = 0; k < this.width; k++) {
      if (this.sums[base + k] - this.cpu[start + this.firstStep + k] > this.capacity[host]) return k
    }
    return this.width
  }

  nameOf(host: number): string {
    return this.inventory.hosts[host].id
  }

  /** Demand on the host at sample `k` of the window, in reference cores. */
  demandAt(host: number, k: number): number {
    return this.sums[host * this.width + k]
  }

  /** May the VM go there, demand left aside: the host's state, sizes, and who must not meet. */
  mayGo(vm: number, host: number): boolean {
    const { hosts, hostStates, vms } = this.inventory
    const { memoryBytes, refCoresPerVcpu, antiAffinityGroup } = vms[vm]
    return (
      canReceive(hostStates[host]) &&
      refCoresPerVcpu <= hosts[host].refCoresPerCore * (1 + ROUNDING) &&
      memoryBytes <= this.memoryFreeBytes[host] &&
      vmSizeRefCores(vms[vm]) <= this.cpuSizeFree[host] &&
      (antiAffinityGroup === undefined || !this.groupsOn[host].has(antiAffinityGroup))
    )
  }

  /** Sum of squares of the room left in each sample with `vm` on the host, as shares: the least is the tightest fit.
   *  Absent where a sample would overflow, or where the mean would pass the host's best load, beyond which each watt
   *  does less work; `stretch` moves that bound from there (0) to full load (1). */
  roomWith(host: number, vm: number, stretch: Fraction): number | undefined {
    const capacity = this.capacity[host]
    const base = host * this.width
    const start = this.startOf[vm]
    const from = start + this.firstStep
    let squares = 0
    let rooms = 0
    for (let k = 0; k < this.width; k++) {
      const room = capacity - this.sums[base + k] - (start < 0 ? 0 : this.cpu[from + k])
      if (room < 0) return undefined
      rooms += room
      squares += room * room
    }
    if (rooms < this.width * capacity * (1 - this.bestLoadOf[host]) * (1 - stretch)) return undefined
    return squares / (capacity * capacity)
  }

  /** What orders VMs for packing: the greatest and the mean demand in the window. */
  demandOf(vm: number): { readonly peak: number; readonly mean: number } {
    const start = this.startOf[vm]
    if (start < 0) return { peak: 0, mean: 0 }
    let peak = 0
    let sum = 0
    for (let k = 0; k < this.width; k++) {
      const demand = this.cpu[start + this.firstStep + k]
      if (demand > peak) peak = demand
      sum += demand
    }
    return { peak, mean: sum / this.width }
  }

  move(vm: number, host: number): void {
    this.lift(vm, this.hostOf[vm])
    this.hostOf[vm] = host
    this.take(vm, host)
  }

  /** Takes the VM back to where it was: the room its coming took is free again. */
  undo(vm: number, back: number): void {
    const host = this.hostOf[vm]
    const { memoryBytes, antiAffinityGroup } = this.inventory.vms[vm]
    this.lift(vm, host)
    this.memoryFreeBytes[host] += memoryBytes
    this.cpuSizeFree[host] += vmSizeRefCores(this.inventory.vms[vm])
    if (antiAffinityGroup !== undefined) this.groupsOn[host].delete(antiAffinityGroup)
    this.hostOf[vm] = back
    this.vmsOn[back].push(vm)
    this.addDemand(vm, back, 1)
  }

  private take(vm: number, host: number): void {
    const { memoryBytes, antiAffinityGroup } = this.inventory.vms[vm]
    this.vmsOn[host].push(vm)
    this.memoryFreeBytes[host] -= memoryBytes
    this.cpuSizeFree[host] -= vmSizeRefCores(this.inventory.vms[vm])
    if (antiAffinityGroup !== undefined) this.groupsOn[host].add(antiAffinityGroup)
    this.addDemand(vm, host, 1)
  }

  /** Demand leaves with the VM; memory and allocation stay taken until the move is over, so for this turn. */
  private lift(vm: number, host: number): void {
    const list = this.vmsOn[host]
    list.splice(list.indexOf(vm), 1)
    this.addDemand(vm, host, -1)
  }

  private addDemand(vm: number, host: number, sign: 1 | -1): void {
    const start = this.startOf[vm]
    if (start < 0) return
    const base = host * this.width
    for (let k = 0; k < this.width; k++) this.sums[base + k] += sign * this.cpu[start + this.firstStep + k]
  }
}
