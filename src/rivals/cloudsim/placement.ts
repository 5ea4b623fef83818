import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import { type HostCharacteristics, hostCapacityRefCores, wattsAt } from '../../terms/host.ts'
import type { LimitPolicy } from '../../terms/policy.ts'
import type { PlacementRequest } from '../../terms/turn.ts'
import { type Vm, vmSizeRefCores } from '../../terms/vm.ts'
import { isUsableState } from './allocation.ts'

/** What is promised on each host: sizes, for nobody knows yet how a new VM behaves. */
interface Promised {
  readonly hosts: readonly HostCharacteristics[]
  readonly capacity: Float64Array
  readonly isUsable: readonly boolean[]
  readonly sizeRefCores: Float64Array
  readonly memoryBytes: Float64Array
}

/** How much of a host a first placement may promise. CloudSim promises each core and each byte once. */
interface Bounds {
  readonly cpu: number
  readonly memory: number
  /** Must one core of the host be as fast as the fastest vCPU ordered? */
  readonly isPerCore: boolean
}

/** Index of the host chosen, or `HOST_UNKNOWN`. */
type Choice = (promised: Promised, vm: Vm, bounds: Bounds) => number

/** CloudSim's placement without migration (NPA, DVFS): the first host that holds the VM's full size. */
export const placeFirstFit = placeBy(firstFit)

/** CloudSim's placement with migration: the host whose draw would rise least above what it draws now, at the VMs' full sizes.
 *  "Now" is idle, since no VM has run yet, so each VM goes to an empty host while there is one. */
export const placeLeastPower = placeBy(leastPower)

function placeBy(choose: Choice): (request: PlacementRequest) => Int32Array {
  return ({ inventory, newVms, policy }) => {
    const promised = promisedBy(inventory)
    const bounds = boundsOf(policy.limits)
    // Faster than any core of the cluster: better short of its peak than nowhere. Sizes exceed capacity only where else is no room.
    const overcommitted = { ...bounds, isPerCore: false, cpu: policy.limits.cpuAllocationMax ?? 1 }
    const attempts = [bounds, { ...bounds, isPerCore: false }, overcommitted]
    // CloudSim checks memory here, though never afterwards. Its own fleet has room for its own VMs, others may not, and where the policy
    // enforces no memory they start on what has the MIPS for them, rather than not at all.
    if (policy.limits.memoryAllocationMax === undefined)
      attempts.push(...attempts.map((allowed) => ({ ...allowed, memory: Number.POSITIVE_INFINITY })))
    return newVms.map((index) => {
      const vm = inventory.vms[index]
      for (const allowed of attempts) {
        const host = choose(promised, vm, allowed)
        if (host === HOST_UNKNOWN) continue
        promise(promised, vm, host)
        return host
      }
      return HOST_UNKNOWN
    })
  }
}

function firstFit(promised: Promised, vm: Vm, bounds: Bounds): number {
  for (let host = 0; host < promised.hosts.length; host++) if (holds(promised, host, vm, bounds)) return host
  return HOST_UNKNOWN
}

function leastPower(promised: Promised, vm: Vm, bounds: Bounds): number {
  let best = HOST_UNKNOWN
  let bestWatts = Number.POSITIVE_INFINITY
  for (let host = 0; host < promised.hosts.length; host++) {
    if (!holds(promised, host, vm, bounds)) continue
    const load = (promised.sizeRefCores[host] + vmSizeRefCores(vm)) / promised.capacity[host]
    const addedWatts = wattsBeyondFull(promised.hosts[host], load) - promised.hosts[host].powerWatts[0]
    if (addedWatts >= bestWatts) continue
    best = host
    bestWatts = addedWatts
  }
  return best
}

/** Where sizes may exceed capacity, the curve is drawn on beyond full, so that the emptier of two such hosts still wins. */
function wattsBeyondFull(host: HostCharacteristics, load: number): number {
  return wattsAt(host.powerWatts, load) + Math.max(0, load - 1) * host.powerWatts[10]
}

function holds(promised: Promised, host: number, vm: Vm, bounds: Bounds): boolean {
  if (!promised.isUsable[host]) return false
  if (bounds.isPerCore && vm.refCoresPerVcpu > promised.hosts[host].refCoresPerCore) return false
  if (promised.sizeRefCores[host] + vmSizeRefCores(vm) > promised.capacity[host] * bounds.cpu) return false
  return promised.memoryBytes[host] + vm.memoryBytes <= promised.hosts[host].memoryBytes * bounds.memory
}

function promise(promised: Promised, vm: Vm, host: number): void {
  promised.sizeRefCores[host] += vmSizeRefCores(vm)
  promised.memoryBytes[host] += vm.memoryBytes
}

function promisedBy({ hosts, hostStates, hostOf, vms, migrations }: PlacementRequest['inventory']): Promised {
  const promised: Promised = {
    hosts,
    capacity: Float64Array.from(hosts, hostCapacityRefCores),
    isUsable: hostStates.map(isUsableState),
    sizeRefCores: new Float64Array(hosts.length),
    memoryBytes: new Float64Array(hosts.length),
  }
  vms.forEach((vm, i) => {
    if (hostOf[i] !== HOST_UNKNOWN) promise(promised, vm, hostOf[i])
  })
  for (const { vmId, to } of migrations) {
    const vm = vms.find(({ id }) => id === vmId)
    const target = hosts.findIndex(({ id }) => id === to)
    if (vm !== undefined && target >= 0) promise(promised, vm, target)
  }
  return promised
}

function boundsOf(limits: LimitPolicy): Bounds {
  return { cpu: 1, memory: limits.memoryAllocationMax ?? 1, isPerCore: true }
}
