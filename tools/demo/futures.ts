/** What comes of a beginning of the demo in the two hours after it, with the engine's moves and without: turns of five minutes, and each move over by the
 *  next. The same each time. */
import type { Beginning } from '../../src/apps/demo-site/beginning.ts'
import { type DemoCluster, demoCluster } from '../../src/apps/demo-site/cluster.ts'
import { followedBy, readRecorded, TraceLoad } from '../../src/apps/demo-site/load.ts'
import { ethos, initialState } from '../../src/engine/turn.ts'
import { hostCapacityRefCores } from '../../src/terms/host.ts'
import type { MigrationOrder } from '../../src/terms/move.ts'
import { PRODUCTION_POLICY, withSafety } from '../../src/terms/policy.ts'
import type { Observation } from '../../src/terms/turn.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { vmSizeRefCores } from '../../src/terms/vm.ts'

const PAST_SLOTS = 72
/** After the beginning. */
export const WATCHED_SLOTS = 24
const SLOT_MINUTES = 5
const OVER = 1.03

const SAFE = withSafety(PRODUCTION_POLICY)
/** The same with no move to spare: for the past. */
const HELD = {
  ...SAFE,
  consolidation: { ...SAFE.consolidation, isEnabled: false },
  gates: { ...SAFE.gates, movesPerTurnMax: 0 },
}

export interface JudgedMove {
  readonly minute: number
  readonly class: MigrationOrder['class']
  readonly vm: string
  readonly from: string
  /** When its host first contends if nothing is moved at all. Undefined: it does not. */
  readonly contendsAtMinute: number | undefined
}

export interface Judged extends Beginning {
  readonly moves: readonly JudgedMove[]
  /** Slots of hosts in contention, with these moves and without any. */
  readonly overWith: number
  readonly overWithout: number
}

/** Moves that leave a host because it is expected to contend, before the slot in which it would have. */
export function aheadOf({ moves }: Judged): readonly JudgedMove[] {
  return moves.filter((move) => move.class === 'contention' && move.minute < (move.contendsAtMinute ?? Infinity))
}

export class Futures {
  readonly slots: number
  readonly capacities: readonly number[]
  private readonly vmCount: number
  /** Reference cores, slot by slot. */
  private readonly demand: Float32Array

  constructor() {
    const recorded = readRecorded()
    const load = new TraceLoad({ recorded, followed: followedBy(recorded), from: 0, fromSlot: 0, seed: 1 })
    const { hosts, vms } = demoCluster(1)
    this.slots = recorded.mean.slots
    this.capacities = hosts.map(hostCapacityRefCores)
    this.vmCount = vms.length
    this.demand = new Float32Array(vms.length * this.slots)
    for (let vm = 0; vm < vms.length; vm++)
      for (let slot = 0; slot < this.slots; slot++)
        this.demand[slot * vms.length + vm] = vmSizeRefCores(vms[vm]) * load.slot(vm, slot * SLOT_MS).mean
  }

  /** What each host is asked for in each slot if nothing is moved, in reference cores. */
  hostLoads({ placed }: DemoCluster): readonly Float64Array[] {
    const loads = this.capacities.map(() => new Float64Array(this.slots))
    for (let slot = 0; slot < this.slots; slot++)
      for (let vm = 0; vm < this.vmCount; vm++) loads[placed[vm]][slot] += this.demand[slot * this.vmCount + vm]
    return loads
  }

  /** In how many slots of a span a host contends. */
  overSlots(loads: Float64Array, host: number, from: number, to: number): number {
    return loads.subarray(from, to).filter((wanted) => wanted / this.capacities[host] > OVER).length
  }

  /** @param say is told of each turn and move */
  judge({ seed, slot }: Beginning, say: (text: string) => void = () => undefined): Judged {
    const cluster = demoCluster(seed)
    const still = this.hostLoads(cluster)
    const hostOf = Int32Array.from(cluster.placed)
    const moves: JudgedMove[] = []
    let state = initialState()
    let ended: readonly MigrationOrder[] = []
    let overWith = 0
    for (let step = -PAST_SLOTS; step < WATCHED_SLOTS; step++) {
      const seen = this.observe(cluster, hostOf, { slot: slot + step, ended })
      const turn = ethos.takeTurn(state, seen, step < 0 ? HELD : SAFE)
      state = turn.state
      ended = step < 0 || turn.adviceOnly !== undefined ? [] : turn.orders
      for (const order of ended) {
        const [from, to] = [order.from, order.to].map((id) => cluster.hosts.findIndex((host) => host.id === id))
        hostOf[cluster.vms.findIndex(({ id }) => id === order.vmId)] = to
        say(`${step * SLOT_MINUTES} min ${order.class} ${order.vmId} ${order.from} -> ${order.to}: ${order.reason}`)
        const contendsAtMinute = this.firstOver(still[from], from, slot)
        moves.push({
          minute: step * SLOT_MINUTES,
          class: order.class,
          vm: order.vmId,
          from: order.from,
          contendsAtMinute,
        })
      }
      if (step < 0) continue
      const loads = this.loadsNow(hostOf, slot + step)
      overWith += loads.filter((load) => load > OVER).length
      const p = turn.hostForecast?.contention
      say(`${step * SLOT_MINUTES} min ${loads.map((load, h) => `${load.toFixed(2)} (${p?.[h].toFixed(2)})`).join(' ')}`)
    }
    const overWithout = still.reduce((sum, loads, h) => sum + this.overSlots(loads, h, slot, slot + WATCHED_SLOTS), 0)
    return { seed, slot, moves, overWith, overWithout }
  }

  /** When a host first contends if nothing is moved, in minutes after the beginning. Undefined: not within the time that is watched. */
  contendsAtMinute({ seed, slot }: Beginning, hostId: string): number | undefined {
    const cluster = demoCluster(seed)
    const host = cluster.hosts.findIndex(({ id }) => id === hostId)
    return this.firstOver(this.hostLoads(cluster)[host], host, slot)
  }

  /** In minutes after a slot, within the time that is watched. */
  private firstOver(loads: Float64Array, host: number, slot: number): number | undefined {
    const watched = loads.subarray(slot, slot + WATCHED_SLOTS)
    const first = watched.findIndex((wanted) => wanted / this.capacities[host] > OVER)
    return first < 0 ? undefined : first * SLOT_MINUTES
  }

  /** What the engine sees at the beginning of a slot: the one before, and moves that have ended within it. */
  private observe(
    { hosts, vms }: DemoCluster,
    hostOf: Int32Array,
    { slot, ended }: { readonly slot: number; readonly ended: readonly MigrationOrder[] },
  ): Observation {
    const at = slot * SLOT_MS
    const span = { startedAt: at - SLOT_MS, endedAt: at - SLOT_MS / 2, copiedBytes: 8e9, downtimeMs: 300 }
    const inventory = {
      at,
      hosts,
      hostStates: hosts.map(() => 'on' as const),
      vms,
      hostOf: hostOf.slice(),
      migrations: [],
      ended: ended.map(({ id: orderId, vmId, from, to }) => ({
        orderId,
        vmId,
        from,
        to,
        result: 'done' as const,
        ...span,
      })),
    }
    const cpu = this.demand.slice((slot - 1) * this.vmCount, slot * this.vmCount)
    return { at, inventory, samples: { at, windowMs: SLOT_MS, columns: { cpu } }, personalities: [] }
  }

  /** Shares of capacity. */
  private loadsNow(hostOf: Int32Array, slot: number): readonly number[] {
    const loads = this.capacities.map(() => 0)
    for (const [vm, host] of hostOf.entries()) loads[host] += this.demand[slot * this.vmCount + vm]
    return loads.map((wanted, h) => wanted / this.capacities[h])
  }
}
