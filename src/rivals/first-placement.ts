/** First homes for new VMs, from their sizes alone: nobody knows yet how they behave. Full sizes fit capacity, as in CloudSim; only what
 *  then finds no room is overcommitted, where the policy allows it. */
import { HOST_UNKNOWN, type HostState, type Inventory } from '../terms/cluster.ts'
import { hostCapacityRefCores } from '../terms/host.ts'
import type { Policy } from '../terms/policy.ts'
import type { PlacementRequest } from '../terms/turn.ts'
import { type Vm, vmSizeRefCores } from '../terms/vm.ts'
import { byEfficiency } from './efficiency.ts'

/** Rounding allowed when sizes are summed: a millionth of a host is nobody's loss. */
const ROUNDING = 1e-6

/** Best fit, largest VM first: each goes where the least room is left over, and a further host, the most efficient
 *  first, is used only when no used one has room. VMs of one size come one after another, so the small end up many to a
 *  host, and whoever consolidates later keeps those hosts and moves few VMs. */
export function placeBySizes(request: PlacementRequest): Int32Array {
  const { inventory, newVms, policy } = request
  const room = new Room(inventory, policy)
  const fresh = byEfficiency(inventory.hosts).filter((host) => room.vmCount[host] === 0)
  const used = inventory.hosts.map((_, host) => host).filter((host) => room.vmCount[host] > 0)
  const placed = new Int32Array(newVms.length).fill(HOST_UNKNOWN)

  for (const position of largestFirst(inventory.vms, newVms)) {
    const vm = inventory.vms[newVms[position]]
    let host = room.tightest(vm, used)
    if (host === HOST_UNKNOWN) {
      const next = fresh.findIndex((candidate) => room.fits(vm, candidate))
      if (next < 0) continue
      host = fresh[next]
      fresh.splice(next, 1)
      used.push(host)
    }
    room.take(vm, host)
    placed[position] = host
  }
  return overcommit(request, room, placed)
}

/** First fit in order of arrival: the first host by index that has room. What a cluster without a scheduler gets. */
export function placeFirstFit(request: PlacementRequest): Int32Array {
  const { inventory, newVms, policy } = request
  const room = new Room(inventory, policy)
  const placed = new Int32Array(newVms.length).fill(HOST_UNKNOWN)
  for (let position = 0; position < newVms.length; position++) {
    const vm = inventory.vms[newVms[position]]
    const host = inventory.hosts.findIndex((_, candidate) => room.fits(vm, candidate))
    if (host < 0) continue
    room.take(vm, host)
    placed[position] = host
  }
  return overcommit(request, room, placed)
}

/** What full sizes leave over goes, largest first, where it makes the host least full, as far as the policy allows sizes to
 *  exceed capacity. */
function overcommit({ inventory, newVms, policy }: PlacementRequest, room: Room, placed: Int32Array): Int32Array {
  const allowed = policy.limits.cpuAllocationMax ?? 1
  if (allowed <= 1 || !placed.includes(HOST_UNKNOWN)) return placed
  room.overcommit(allowed)
  const hosts = inventory.hosts.map((_, host) => host)
  for (const position of largestFirst(inventory.vms, newVms)) {
    if (placed[position] !== HOST_UNKNOWN) continue
    const vm = inventory.vms[newVms[position]]
    const host = room.roomiest(vm, hosts)
    if (host === HOST_UNKNOWN) continue
    room.take(vm, host)
    placed[position] = host
  }
  return placed
}

/** May a VM be sent to a host in this state? An off host is started for it. */
export function canReceive(state: HostState): boolean {
  return state === 'on' || state === 'off' || state === 'starting'
}

/** What is left of each host once the sizes of all its VMs are counted, moves in flight on both of their hosts. */
class Room {
  readonly cpuFreeRefCores: Float64Array
  readonly memoryFreeBytes: Float64Array
  readonly vmCount: Int32Array
  private readonly groupsOn: Set<string>[]
  private readonly inventory: Inventory

  constructor(inventory: Inventory, policy: Policy) {
    this.inventory = inventory
    const memoryShare = policy.limits.memoryAllocationMax ?? Number.POSITIVE_INFINITY
    this.cpuFreeRefCores = Float64Array.from(inventory.hosts, (host) => hostCapacityRefCores(host))
    this.memoryFreeBytes = Float64Array.from(inventory.hosts, (host) => host.memoryBytes * memoryShare)
    this.vmCount = new Int32Array(inventory.hosts.length)
    this.groupsOn = inventory.hosts.map(() => new Set<string>())
    inventory.vms.forEach((vm, i) => {
      if (inventory.hostOf[i] !== HOST_UNKNOWN) this.take(vm, inventory.hostOf[i])
    })
    this.takeInFlight()
  }

  fits(vm: Vm, host: number): boolean {
    const { hosts, hostStates } = this.inventory
    const size = vmSizeRefCores(vm)
    const slack = hostCapacityRefCores(hosts[host]) * ROUNDING
    return (
      canReceive(hostStates[host]) &&
      size <= this.cpuFreeRefCores[host] + slack &&
      size <= hostCapacityRefCores(hosts[host]) + slack &&
      vm.refCoresPerVcpu <= hosts[host].refCoresPerCore * (1 + ROUNDING) &&
      vm.memoryBytes <= this.memoryFreeBytes[host] &&
      (vm.antiAffinityGroup === undefined || !this.groupsOn[host].has(vm.antiAffinityGroup))
    )
  }

  take(vm: Vm, host: number): void {
    this.cpuFreeRefCores[host] -= vmSizeRefCores(vm)
    this.memoryFreeBytes[host] -= vm.memoryBytes
    this.vmCount[host]++
    if (vm.antiAffinityGroup !== undefined) this.groupsOn[host].add(vm.antiAffinityGroup)
  }

  /** Among `hosts`, the one where least CPU would be left over; the first of equals. */
  tightest(vm: Vm, hosts: readonly number[]): number {
    let best = HOST_UNKNOWN
    let bestFree = Number.POSITIVE_INFINITY
    for (const host of hosts) {
      if (this.cpuFreeRefCores[host] >= bestFree || !this.fits(vm, host)) continue
      best = host
      bestFree = this.cpuFreeRefCores[host]
    }
    return best
  }

  /** Lets sizes add up to more than the hosts have: `allowed` times as much. */
  overcommit(allowed: number): void {
    this.inventory.hosts.forEach((host, h) => {
      this.cpuFreeRefCores[h] += hostCapacityRefCores(host) * (allowed - 1)
    })
  }

  /** Among `hosts`, the one with the largest share left; the first of equals. */
  roomiest(vm: Vm, hosts: readonly number[]): number {
    let best = HOST_UNKNOWN
    let bestShare = 0
    for (const host of hosts) {
      const share = this.cpuFreeRefCores[host] / hostCapacityRefCores(this.inventory.hosts[host])
      if (share <= bestShare || !this.fits(vm, host)) continue
      best = host
      bestShare = share
    }
    return best
  }

  private takeInFlight(): void {
    const { hosts, vms, hostOf, migrations } = this.inventory
    for (const { vmId, from, to } of migrations) {
      const vm = vms.findIndex((candidate) => candidate.id === vmId)
      if (vm < 0) continue
      const here = hostOf[vm]
      hosts.forEach(({ id }, host) => {
        if (host !== here && (id === from || id === to)) this.take(vms[vm], host)
      })
    }
  }
}

/** Positions in `newVms`: largest CPU size first, then most memory, then arrival. */
function largestFirst(vms: readonly Vm[], newVms: Int32Array): number[] {
  const at = (position: number) => vms[newVms[position]]
  return Array.from(newVms, (_, position) => position).sort(
    (a, b) => vmSizeRefCores(at(b)) - vmSizeRefCores(at(a)) || at(b).memoryBytes - at(a).memoryBytes || a - b,
  )
}
