/** Where a VM goes that nobody knows yet: by its size alone, never by a trace. */
import { HOST_UNKNOWN } from '../terms/cluster.ts'
import type { PlacementRequest } from '../terms/turn.ts'
import { type Vm, vmSizeRefCores } from '../terms/vm.ts'
import { measureFleet } from './suitability/fleet.ts'

/** First fit by falling size on the hosts that can do work with the fewest watts. Full sizes fit capacity, and memory where it is enforced;
 *  only what then finds no room is overcommitted, as evenly as can be, where the policy allows it.
 *  VMs of one size end up together, so that hosts with many small ones, which are costly to empty, are few.
 *  Returns one host index per new VM, HOST_UNKNOWN where none holds it. */
export function placeNew(request: PlacementRequest): Int32Array {
  const { inventory, newVms, policy } = request
  const { hosts, vms, hostOf, hostStates } = inventory
  const fleet = measureFleet(hosts)
  const memoryShare = policy.limits.memoryAllocationMax
  const sizes = new Float64Array(hosts.length)
  const memory = new Float64Array(hosts.length)
  for (let v = 0; v < hostOf.length; v++) {
    if (hostOf[v] === HOST_UNKNOWN) continue
    sizes[hostOf[v]] += vmSizeRefCores(vms[v])
    memory[hostOf[v]] += vms[v].memoryBytes
  }
  const order = hosts.map((_, h) => h).filter((h) => hostStates[h] !== 'maintenance' && hostStates[h] !== 'unreachable')
  order.sort((a, b) => fleet.bestWattsPerCore[a] - fleet.bestWattsPerCore[b] || a - b)
  const take = (i: number, h: number): void => {
    placed[i] = h
    sizes[h] += vmSizeRefCores(vms[newVms[i]])
    memory[h] += vms[newVms[i]].memoryBytes
  }
  const fits = (vm: Vm, h: number, { cpuShare, isCoreSpeedAsked }: Bounds): boolean =>
    sizes[h] + vmSizeRefCores(vm) <= fleet.capacity[h] * cpuShare + 1e-9 &&
    (memoryShare === undefined || memory[h] + vm.memoryBytes <= hosts[h].memoryBytes * memoryShare) &&
    (!isCoreSpeedAsked || vm.refCoresPerVcpu <= hosts[h].refCoresPerCore + 1e-9) &&
    (vm.antiAffinityGroup === undefined || !hasGroupMate(request, placed, vm.antiAffinityGroup, h))
  const placed = new Int32Array(newVms.length).fill(HOST_UNKNOWN)
  const bySize = [...newVms.keys()].sort(
    (a, b) =>
      vmSizeRefCores(vms[newVms[b]]) - vmSizeRefCores(vms[newVms[a]]) ||
      vms[newVms[b]].memoryBytes - vms[newVms[a]].memoryBytes ||
      a - b,
  )
  let alike = 0
  let before: Vm | undefined
  for (const i of bySize) {
    const vm = vms[newVms[i]]
    // What did not fit the last VM does not fit its equal: start where that one ended.
    alike = before !== undefined && isAlike(vm, before) ? alike : 0
    let at = alike
    while (at < order.length && !fits(vm, order[at], { cpuShare: 1, isCoreSpeedAsked: true })) at++
    if (at === order.length) at = order.findIndex((h) => fits(vm, h, { cpuShare: 1, isCoreSpeedAsked: false }))
    if (at < 0) continue
    alike = at
    before = vm
    take(i, order[at])
  }
  const share = policy.limits.cpuAllocationMax ?? 1
  for (const i of bySize) {
    if (share <= 1 || placed[i] !== HOST_UNKNOWN) continue
    const roomy = order.filter((h) => fits(vms[newVms[i]], h, { cpuShare: share, isCoreSpeedAsked: false }))
    if (roomy.length > 0)
      take(
        i,
        roomy.reduce((a, b) => (sizes[b] / fleet.capacity[b] < sizes[a] / fleet.capacity[a] ? b : a)),
      )
  }
  return placed
}

/** How strict a first placement is. */
interface Bounds {
  /** Sum of sizes over capacity. */
  readonly cpuShare: number
  /** Must a core of the host be as fast as the fastest vCPU? */
  readonly isCoreSpeedAsked: boolean
}

function isAlike(a: Vm, b: Vm): boolean {
  return (
    a.vcpus === b.vcpus &&
    a.refCoresPerVcpu === b.refCoresPerVcpu &&
    a.memoryBytes === b.memoryBytes &&
    a.antiAffinityGroup === undefined &&
    b.antiAffinityGroup === undefined
  )
}

function hasGroupMate(request: PlacementRequest, placed: Int32Array, group: string, host: number): boolean {
  const { vms, hostOf } = request.inventory
  for (let v = 0; v < hostOf.length; v++) if (hostOf[v] === host && vms[v].antiAffinityGroup === group) return true
  return placed.some((h, i) => h === host && vms[request.newVms[i]].antiAffinityGroup === group)
}
