/** Where a VM goes that nobody knows yet: by its size alone, never by a trace. */
import { HOST_UNKNOWN } from '../terms/cluster.ts'
import type { PlacementRequest } from '../terms/turn.ts'
import { type Vm, vmSizeRefCores } from '../terms/vm.ts'
import { type Fleet, measureFleet } from './suitability/fleet.ts'

/** First fit by falling size on the hosts that can do work with the fewest watts. Full sizes must fit capacity, and memory
 *  where it is enforced; only what then finds no room is overcommitted, as evenly as can be, where the policy allows it.
 *  VMs of one size end up together, so that hosts with many small ones, which are costly to empty, are few.
 *  Returns one host index per new VM, HOST_UNKNOWN where none holds it. */
export function placeNew(request: PlacementRequest): Int32Array {
  const { inventory, newVms } = request
  const sheet = new PlacementSheet(request)
  const order = hostsByWatts(request, sheet.fleet)
  const placed = new Int32Array(newVms.length).fill(HOST_UNKNOWN)
  const homeless: number[] = []
  let begin = 0
  let before: Vm | undefined
  for (const i of byFallingSize(request)) {
    const vm = inventory.vms[newVms[i]]
    // What did not fit the last VM does not fit its equal: start where that one ended.
    begin = before !== undefined && isAlike(vm, before) ? begin : 0
    let at = begin
    while (at < order.length && !sheet.fits(vm, order[at], STRICT)) at++
    if (at === order.length) at = order.findIndex((host) => sheet.fits(vm, host, SLOWER_CORES))
    if (at < 0) {
      homeless.push(i)
      continue
    }
    begin = at
    before = vm
    placed[i] = order[at]
    sheet.take(vm, order[at])
  }
  const cpuShare = request.policy.limits.cpuAllocationMax ?? 1
  for (const i of cpuShare > 1 ? homeless : []) {
    const vm = inventory.vms[newVms[i]]
    const host = sheet.roomiest(order.filter((h) => sheet.fits(vm, h, { cpuShare, isCoreSpeedAsked: false })))
    if (host === undefined) continue
    placed[i] = host
    sheet.take(vm, host)
  }
  return placed
}

/** How strict a first placement is. */
interface Bounds {
  /** Sum of sizes over capacity. */
  readonly cpuShare: number
  /** Must a core of the host be as fast as a vCPU may be? */
  readonly isCoreSpeedAsked: boolean
}

const STRICT: Bounds = { cpuShare: 1, isCoreSpeedAsked: true }
const SLOWER_CORES: Bounds = { cpuShare: 1, isCoreSpeedAsked: false }

/** What is committed on each host, new VMs included. */
class PlacementSheet {
  readonly fleet: Fleet
  private readonly request: PlacementRequest
  private readonly sizes: Float64Array
  private readonly memory: Float64Array
  /** Hosts on which each anti-affinity group has a VM. */
  private readonly hostsOfGroup = new Map<string, Set<number>>()

  constructor(request: PlacementRequest) {
    const { hosts, vms, hostOf } = request.inventory
    this.request = request
    this.fleet = measureFleet(hosts)
    this.sizes = new Float64Array(hosts.length)
    this.memory = new Float64Array(hosts.length)
    for (let v = 0; v < hostOf.length; v++) if (hostOf[v] !== HOST_UNKNOWN) this.take(vms[v], hostOf[v])
  }

  fits(vm: Vm, host: number, { cpuShare, isCoreSpeedAsked }: Bounds): boolean {
    const { memoryBytes, refCoresPerCore, cpuFlags } = this.request.inventory.hosts[host]
    const memoryShare = this.request.policy.limits.memoryAllocationMax
    return (
      this.sizes[host] + vmSizeRefCores(vm) <= this.fleet.capacity[host] * cpuShare + 1e-9 &&
      (memoryShare === undefined || this.memory[host] + vm.memoryBytes <= memoryBytes * memoryShare) &&
      (!isCoreSpeedAsked || vm.refCoresPerVcpu <= refCoresPerCore + 1e-9) &&
      (vm.cpuFlags === undefined || offers(cpuFlags, vm.cpuFlags)) &&
      (vm.antiAffinityGroup === undefined || this.hostsOfGroup.get(vm.antiAffinityGroup)?.has(host) !== true)
    )
  }

  /** The host with the smallest share of its capacity promised; the first of equals. */
  roomiest(hosts: readonly number[]): number | undefined {
    const fullness = (host: number): number => this.sizes[host] / this.fleet.capacity[host]
    return hosts.length === 0 ? undefined : hosts.reduce((a, b) => (fullness(b) < fullness(a) ? b : a))
  }

  take(vm: Vm, host: number): void {
    this.sizes[host] += vmSizeRefCores(vm)
    this.memory[host] += vm.memoryBytes
    if (vm.antiAffinityGroup === undefined) return
    const hosts = this.hostsOfGroup.get(vm.antiAffinityGroup)
    if (hosts === undefined) this.hostsOfGroup.set(vm.antiAffinityGroup, new Set([host]))
    else hosts.add(host)
  }
}

/** A host of which nobody knows the flags is not kept out for them. */
function offers(offered: readonly string[], needed: readonly string[]): boolean {
  return offered.length === 0 || needed.every((flag) => offered.includes(flag))
}

/** Hosts that may receive, those first that can do work with the fewest watts. */
function hostsByWatts({ inventory }: PlacementRequest, { bestWattsPerCore }: Fleet): readonly number[] {
  return inventory.hostStates
    .flatMap((state, h) => (state === 'maintenance' || state === 'unreachable' ? [] : [h]))
    .sort((a, b) => bestWattsPerCore[a] - bestWattsPerCore[b] || a - b)
}

/** Places in the list of new VMs, the largest first. */
function byFallingSize({ inventory: { vms }, newVms }: PlacementRequest): readonly number[] {
  return [...newVms.keys()].sort(
    (a, b) =>
      vmSizeRefCores(vms[newVms[b]]) - vmSizeRefCores(vms[newVms[a]]) ||
      vms[newVms[b]].memoryBytes - vms[newVms[a]].memoryBytes ||
      a - b,
  )
}

function isAlike(a: Vm, b: Vm): boolean {
  return (
    a.vcpus === b.vcpus &&
    a.refCoresPerVcpu === b.refCoresPerVcpu &&
    a.memoryBytes === b.memoryBytes &&
    a.antiAffinityGroup === undefined &&
    b.antiAffinityGroup === undefined &&
    a.cpuFlags === undefined &&
    b.cpuFlags === undefined
  )
}
