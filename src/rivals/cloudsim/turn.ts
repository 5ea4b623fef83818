import { type HostId, parseHostId, parseOrderId } from '../../terms/ids.ts'
import type { MigrationOrder, MoveClass } from '../../terms/move.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Observation, Turn } from '../../terms/turn.ts'
import { MiB } from '../../terms/units.ts'
import { vmSizeRefCores } from '../../terms/vm.ts'
import { Allocation } from './allocation.ts'
import { type CloudsimState, remember } from './history.ts'
import { type Detector, type DetectorMaker, NO_VM } from './overload.ts'

/** A move decided in this turn. */
interface Relocation {
  readonly vm: number
  readonly from: number
  readonly to: number
  readonly class: MoveClass
  readonly reason: string
}

/** A VM that left an overloaded host and looks for another, and why. */
interface Evacuee {
  readonly vm: number
  readonly from: number
  readonly reason: string
}

const NO_HOST = -1

/** Ends the reason of an order whose first target is emptied in the same turn. The host's id stands between the two. */
const PASSES_BY = [' It goes past ', ', which is emptied in the same turn.'] as const

/** The host onto which a VM was relieved and from which, before it left, the same turn sent it on. CloudSim counts such an order as
 *  two migrations, begins both at once, and ends them at one instant where the second leads. Absent: an ordinary order. */
export function hostPassedBy({ reason }: { readonly reason: string }): HostId | undefined {
  const [before, after] = PASSES_BY
  const start = reason.lastIndexOf(before)
  if (start < 0 || !reason.endsWith(after)) return undefined
  return parseHostId(reason.slice(start + before.length, -after.length))
}

/** One turn of CloudSim's consolidation (Beloglazov and Buyya 2012): relieve what is overloaded, then empty what can be emptied. */
export function consolidate(
  name: string,
  makeDetector: DetectorMaker,
  before: CloudsimState,
  observation: Observation,
  policy: Policy,
): Turn<CloudsimState> {
  const { state, facts } = remember(before, observation)
  const turn = new Consolidation(new Allocation(observation.inventory, facts), makeDetector, policy)
  turn.relieveOverloaded()
  turn.emptyUnderloaded()

  const orders: MigrationOrder[] = []
  const orderPlace = new Int32Array(facts.vms.length).fill(-1)
  for (const move of turn.moves()) {
    orderPlace[move.vm] = orders.length
    orders.push(orderOf(`${name}-${state.turn}-${orders.length + 1}`, move, observation))
  }
  const events = orders.map((order) => ({ kind: 'move-ordered' as const, order }))
  return { state: { ...state, orderPlace }, events, orders }
}

class Consolidation {
  private readonly allocation: Allocation
  private readonly detector: Detector
  private readonly policy: Policy
  private readonly overloaded: readonly number[]
  /** In the order in which they were decided. */
  private readonly decided = new Map<number, Relocation>()

  constructor(allocation: Allocation, makeDetector: DetectorMaker, policy: Policy) {
    this.allocation = allocation
    this.detector = makeDetector(allocation)
    this.policy = policy
    this.overloaded = allocation.vmsOn
      .map((_, host) => host)
      .filter((host) => allocation.isUsable[host] === 1 && this.detector.isOverloaded(host, NO_VM))
  }

  moves(): Iterable<Relocation> {
    return this.decided.values()
  }

  /** Takes VMs off overloaded hosts until they no longer are, and puts each where it costs the least power, empty hosts included. */
  relieveOverloaded(): void {
    const evacuees = this.overloaded.flatMap((host) => this.evacuate(host))
    const isExcluded = this.excludeAll(this.overloaded)
    for (const { vm, from, reason } of this.byFallingDemand(evacuees, (evacuee) => evacuee.vm)) {
      const to = this.findHost(vm, isExcluded)
      if (to === NO_HOST) continue
      this.allocation.add(vm, to)
      this.decide({ vm, from, to, class: 'contention', reason })
    }
  }

  /** Goes through the hosts from the least loaded up and empties each whose VMs all fit on others that are on.
   *  A host that took VMs this way is not emptied itself. */
  emptyUnderloaded(): void {
    const off = this.allocation.vmsOn.map((_, host) => host).filter((host) => this.allocation.loadBefore[host] === 0)
    const isKept = this.excludeAll([...this.overloaded, ...off])
    const isNoTarget = isKept.slice()
    for (const source of this.byRisingLoad(isKept)) {
      if (isKept[source] === 1) continue
      isNoTarget[source] = 1
      for (const move of this.empty(source, isNoTarget)) {
        isKept[move.to] = 1
        this.decide(move)
      }
    }
  }

  /** MMT: the VM that moves fastest goes first, which is the one with the least memory; of equals the one that came first. */
  private evacuate(host: number): Evacuee[] {
    const { allocation, detector } = this
    const evacuees: Evacuee[] = []
    do {
      const vm = this.fastestToMove(host)
      if (vm === undefined) break
      evacuees.push({ vm, from: host, reason: this.overloadReason(host, vm) })
      allocation.remove(vm, host)
    } while (detector.isOverloaded(host, NO_VM))
    return evacuees
  }

  private fastestToMove(host: number): number | undefined {
    const { vms } = this.allocation.facts
    let fastest: number | undefined
    for (const vm of this.allocation.vmsOn[host]) {
      if (!this.isMovable(vm)) continue
      if (fastest === undefined || vms[vm].memoryBytes < vms[fastest].memoryBytes) fastest = vm
    }
    return fastest
  }

  private isMovable(vm: number): boolean {
    const { facts } = this.allocation
    return facts.isMoving[vm] === 0 && facts.isUnmeasured[vm] === 0 && facts.vms[vm].isPinned !== true
  }

  /** Moves for all VMs of a host, or none: what was placed before one found no host is taken back. */
  private empty(source: number, isNoTarget: Uint8Array): Relocation[] {
    const { allocation } = this
    const present = allocation.vmsOn[source].filter((vm) => allocation.facts.isMoving[vm] === 0)
    if (!present.every((vm) => this.isMovable(vm))) return []
    const load = allocation.loadBefore[source]
    const reason = `${allocation.hosts[source].id} is at ${share(load)} of its capacity and all its VMs fit elsewhere.`
    const moves: Relocation[] = []
    for (const vm of this.byFallingDemand(present, (vm) => vm)) {
      const to = this.findHost(vm, isNoTarget)
      if (to === NO_HOST) {
        for (const move of moves) allocation.undo(move.vm, move.to)
        return []
      }
      allocation.add(vm, to)
      moves.push({ vm, from: source, to, class: 'energy', reason })
    }
    return moves
  }

  /** PABFD: the host whose draw rises least, among those with room that are not overloaded after. Ties to the first. */
  private findHost(vm: number, isExcluded: Uint8Array): number {
    const { allocation, detector } = this
    let best = NO_HOST
    let bestWatts = Number.POSITIVE_INFINITY
    for (let host = 0; host < isExcluded.length; host++) {
      if (isExcluded[host] === 1 || !allocation.hasRoom(vm, host)) continue
      const addedWatts = allocation.addedWatts(vm, host)
      if (addedWatts >= bestWatts || !this.isWithinLimits(vm, host)) continue
      if (allocation.capped[host] > 0 && detector.isOverloaded(host, vm)) continue
      best = host
      bestWatts = addedWatts
    }
    return best
  }

  /** CloudSim knows no such limits once a VM runs; where the policy has them, a move that breaks them would only be refused. */
  private isWithinLimits(vm: number, host: number): boolean {
    const { memoryAllocationMax, cpuAllocationMax } = this.policy.limits
    const { committedBytes, vmsOn, hosts, capacity, facts } = this.allocation
    if (memoryAllocationMax !== undefined) {
      const bytes = committedBytes[host] + facts.vms[vm].memoryBytes
      if (bytes > hosts[host].memoryBytes * memoryAllocationMax) return false
    }
    if (cpuAllocationMax === undefined) return true
    const refCores = vmsOn[host].reduce((sum, other) => sum + vmSizeRefCores(facts.vms[other]), 0)
    return refCores + vmSizeRefCores(facts.vms[vm]) <= capacity[host] * cpuAllocationMax
  }

  private byFallingDemand<T>(items: readonly T[], vmOf: (item: T) => number): T[] {
    const { demand } = this.allocation.facts
    return items.toSorted((a, b) => demand[vmOf(b)] - demand[vmOf(a)])
  }

  /** Hosts that may be emptied, least loaded first. Loads are those from before the turn, so the order holds throughout. */
  private byRisingLoad(isKept: Uint8Array): number[] {
    const { loadBefore, isInTransit } = this.allocation
    const hosts = Array.from(isKept.keys()).filter((host) => isKept[host] === 0)
    return hosts
      .filter((host) => isInTransit[host] === 0 && loadBefore[host] < 1)
      .sort((a, b) => loadBefore[a] - loadBefore[b] || a - b)
  }

  /** Flags per host: set for those named and for those that are somebody else's business. */
  private excludeAll(named: readonly number[]): Uint8Array {
    const flags = this.allocation.isUsable.map((isUsable) => 1 - isUsable)
    for (const host of named) flags[host] = 1
    return flags
  }

  /** A VM relieved onto a host that the same turn empties goes straight to the second: one order, where CloudSim counts two. */
  private decide(move: Relocation): void {
    const earlier = this.decided.get(move.vm)
    this.decided.delete(move.vm)
    if (earlier === undefined) {
      this.decided.set(move.vm, move)
      return
    }
    const passedBy = PASSES_BY.join(this.allocation.hosts[earlier.to].id)
    this.decided.set(move.vm, { ...earlier, to: move.to, reason: `${earlier.reason}${passedBy}` })
  }

  private overloadReason(host: number, vm: number): string {
    const { level, threshold, measure } = this.detector.assess(host)
    const { vms } = this.allocation.facts
    const megabytes = Math.round(vms[vm].memoryBytes / MiB)
    const found = `${this.allocation.hosts[host].id}: ${measure} is ${share(level)} of capacity, limit ${share(threshold)}`
    return `${found}; ${vms[vm].id} has the least memory to copy there (${megabytes} MiB).`
  }
}

function orderOf(id: string, move: Relocation, { at, inventory }: Observation): MigrationOrder {
  const hostId = (host: number): HostId => inventory.hosts[host].id
  return {
    id: parseOrderId(id),
    vmId: inventory.vms[move.vm].id,
    from: hostId(move.from),
    to: hostId(move.to),
    decidedAt: at,
    class: move.class,
    reason: move.reason,
  }
}

function share(value: number): string {
  return value.toFixed(3)
}
