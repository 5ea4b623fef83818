/** What is where, and who did what of late, worked out from what was seen and nothing else: for the check of a turn, which must not lean on the sheet that
 *  the turn was planned on. */
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import { hostCapacityRefCores } from '../../terms/host.ts'
import type { VmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Observation } from '../../terms/turn.ts'
import { DAY_MS } from '../../terms/units.ts'
import { vmSizeRefCores } from '../../terms/vm.ts'
import type { EngineState, MoveLogEntry } from '../state.ts'

/** A move under way, whoever tells of it. */
export interface Flight {
  readonly vmId: VmId
  readonly from: string
  readonly to: string
}

export class SeenWorld {
  readonly observation: Observation
  readonly policy: Policy
  readonly orders: readonly MigrationOrder[]
  /** Under way, by VM: as the platform shows them, and those on record that it may not show yet. */
  readonly flights: ReadonlyMap<VmId, Flight>
  readonly vmIndex: ReadonlyMap<string, number>
  readonly hostIndex: ReadonlyMap<string, number>
  /** Moves of the last day by VM, oldest first, without those that the platform never began. */
  readonly past: ReadonlyMap<VmId, readonly MoveLogEntry[]>
  private readonly ordersTo: ReadonlyMap<string, readonly MigrationOrder[]>
  /** VMs that run on each host. */
  private readonly there: readonly number[][]
  private readonly membersOf = new Map<number, readonly number[]>()
  private readonly shortOf = new Map<number, boolean>()
  private readonly history: readonly Float32Array[]

  /** @param before the state that the turn began with
   *  @param history demand per past window as the turn left it, parallel to the inventory's VMs */
  constructor(about: {
    readonly before: EngineState
    readonly history: readonly Float32Array[]
    readonly observation: Observation
    readonly policy: Policy
    readonly orders: readonly MigrationOrder[]
    readonly inFlight: readonly Flight[]
  }) {
    const { before, observation, inFlight } = about
    const { inventory } = observation
    this.observation = observation
    this.policy = about.policy
    this.orders = about.orders
    this.history = about.history
    this.flights = new Map([...inFlight, ...inventory.migrations].map((flight) => [flight.vmId, flight]))
    this.vmIndex = new Map(inventory.vms.map(({ id }, v) => [id, v]))
    this.hostIndex = new Map(inventory.hosts.map(({ id }, h) => [id, h]))
    this.ordersTo = Map.groupBy(about.orders, ({ to }) => to)
    this.there = inventory.hosts.map(() => [])
    inventory.hostOf.forEach((host, v) => {
      if (host !== HOST_UNKNOWN) this.there[host].push(v)
    })
    this.past = Map.groupBy(
      before.moveLog.filter((entry) => observation.at - entry.at < DAY_MS && this.wasBegun(entry, before.lastTurnAt)),
      ({ vmId }) => vmId,
    )
  }

  /** VMs that the host carries now or may carry by what is under way. */
  private membersNow(host: number): ReadonlySet<number> {
    const { id } = this.observation.inventory.hosts[host]
    const members = new Set(this.there[host])
    for (const { vmId, from, to } of this.flights.values()) {
      const vm = this.vmIndex.get(vmId)
      if (vm !== undefined && (from === id || to === id)) members.add(vm)
    }
    return members
  }

  /** VMs that the host carries once all that is under way and ordered has ended either way. */
  membersAfter(host: number): readonly number[] {
    const known = this.membersOf.get(host)
    if (known !== undefined) return known
    const { id } = this.observation.inventory.hosts[host]
    const members = new Set(this.membersNow(host))
    for (const { vmId } of this.ordersTo.get(id) ?? []) {
      const vm = this.vmIndex.get(vmId)
      if (vm !== undefined) members.add(vm)
    }
    const list = [...members]
    this.membersOf.set(host, list)
    return list
  }

  memoryAfter(host: number): number {
    const { vms } = this.observation.inventory
    return this.membersAfter(host).reduce((sum, v) => sum + vms[v].memoryBytes, 0)
  }

  /** In reference cores. */
  sizesAfter(host: number): number {
    const { vms } = this.observation.inventory
    return this.membersAfter(host).reduce((sum, v) => sum + vmSizeRefCores(vms[v]), 0)
  }

  capacity(host: number): number {
    return hostCapacityRefCores(this.observation.inventory.hosts[host])
  }

  /** The most that these VMs wanted together in any window of the past; what nobody measured counts nothing. In reference cores. */
  peakAfter(host: number): number {
    const members = this.membersAfter(host)
    return this.history.reduce((peak, window) => Math.max(peak, sumOf(window, members)), 0)
  }

  /** The most that one VM wanted in any window of the past. In reference cores. */
  peakOf(vm: number): number {
    return this.history.reduce((peak, window) => Math.max(peak, sumOf(window, [vm])), 0)
  }

  /** What the VMs that run there wanted in the newest window, as far as it was measured. In reference cores. */
  wantedNow(host: number): number {
    const newest = this.history.at(-1)
    return newest === undefined ? 0 : sumOf(newest, this.there[host])
  }

  /** Whether VMs may be short there at this moment. Generous: whom nobody measured may want all that he may have. */
  mayBeShort(host: number): boolean {
    const known = this.shortOf.get(host)
    if (known !== undefined) return known
    const { vms } = this.observation.inventory
    const newest = this.history.at(-1)
    const measured = this.observation.hostSamples?.cpuRefCores?.[host] ?? 0
    let wanted = 0
    for (const v of this.membersNow(host)) {
      const demand = newest?.[v] ?? NaN
      wanted += demand === demand ? demand : vmSizeRefCores(vms[v])
    }
    const isShort = Math.max(wanted, measured) > this.capacity(host) * this.policy.contention.highFraction
    this.shortOf.set(host, isShort)
    return isShort
  }

  /** Ordered to relieve a host where VMs are short now. */
  isInNeed({ class: moveClass, from }: MigrationOrder): boolean {
    const host = this.hostIndex.get(from)
    return moveClass === 'contention' && host !== undefined && this.mayBeShort(host)
  }

  /** What was ordered in the last turn and never came about is no move. */
  private wasBegun({ vmId, from, at }: MoveLogEntry, lastTurnAt: number): boolean {
    if (at !== lastTurnAt) return true
    const { inventory } = this.observation
    const vm = this.vmIndex.get(vmId)
    if (vm === undefined || this.flights.has(vmId)) return true
    if (inventory.ended.some((end) => end.vmId === vmId)) return true
    return inventory.hostOf[vm] === HOST_UNKNOWN || inventory.hosts[inventory.hostOf[vm]].id !== from
  }
}

function sumOf(window: Float32Array, members: readonly number[]): number {
  let sum = 0
  for (const v of members) if (window[v] === window[v]) sum += window[v]
  return sum
}
