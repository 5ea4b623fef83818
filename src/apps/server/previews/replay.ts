/** A span of the site's past, lived through once more in the simulator under one set of wishes: which moves would have begun, which would have waited for a
 *  person, and what came of it. */
import type { EngineState } from '../../../engine/state.ts'
import { ethos } from '../../../engine/turn.ts'
import { runLoop } from '../../../loop/run-loop.ts'
import { Simulation } from '../../../simulator/simulation.ts'
import { hostCapacityRefCores } from '../../../terms/host.ts'
import type { HostId, VmId } from '../../../terms/ids.ts'
import type { MigrationOrder } from '../../../terms/move.ts'
import { type Policy, withSafety } from '../../../terms/policy.ts'
import type { Balancer, PlacementRequest, Turn } from '../../../terms/turn.ts'
import { type EpochMs, HOUR_MS, JOULES_PER_KWH } from '../../../terms/units.ts'
import type { BacktestSetup } from '../../backtest/setup.ts'
import { type Automation, isMoving, type SiteSettings } from '../site-settings.ts'
import { whyNotStart } from '../start-permit.ts'
import { heldPolicy } from '../turn-taker.ts'

/** What people would have set. */
export interface Wished {
  readonly policy: Policy
  readonly automation: Pick<Automation, 'level' | 'isPaused'>
  readonly moveTimes: SiteSettings['moveTimes']
}

export interface ReplayGround {
  readonly setup: BacktestSetup
  /** Where VMs were when it began, as far as that is known. */
  readonly hostAtBegin: ReadonlyMap<VmId, number>
  /** Instant of the trace's first sample. */
  readonly beginAt: EpochMs
  /** Milliseconds in which the past is only looked at. */
  readonly warmMs: number
  /** Demand above this share of a host is contention, for both sides of a comparison. */
  readonly contentionFraction: number
}

export interface ReplayedMove {
  readonly at: EpochMs
  readonly order: MigrationOrder
  /** Why it would have waited for a person. Absent: it began. */
  readonly held?: string
}

export interface Replayed {
  readonly moves: readonly ReplayedMove[]
  readonly turns: number
  /** By host, within the span. */
  readonly contentionMs: Float64Array
  readonly unservedCoreHours: number
  readonly energyKwh: number
  readonly copiedBytes: number
}

/** @param onStep told of each step of the trace */
export async function replay(ground: ReplayGround, wished: Wished, onStep: (step: number) => void): Promise<Replayed> {
  const { setup, warmMs, contentionFraction } = ground
  const { demand, fleet, rules, seed } = setup
  const policy = isMoving(wished.automation.level) ? withSafety(wished.policy) : wished.policy
  const limits = Float64Array.from(fleet.hosts, (host) => hostCapacityRefCores(host) * contentionFraction)
  const contentionMs = new Float64Array(fleet.hosts.length)
  const sums = { joules: 0, unserved: 0, joulesWarm: 0, unservedWarm: 0 }
  const patient = new PatientBalancer(ground, { ...wished, policy })
  const simulation = new Simulation({
    demand,
    hosts: fleet.hosts,
    rules,
    seed,
    policy,
    placeNew: patient.balancer.placeNew,
    onStep: ({ step, at, hostDemand, totals }) => {
      onStep(step)
      sums.joules = totals.joules
      sums.unserved = totals.unserved
      if (at <= warmMs) {
        sums.joulesWarm = totals.joules
        sums.unservedWarm = totals.unserved
      }
      if (at < warmMs) return
      for (let h = 0; h < limits.length; h++) if (hostDemand[h] > limits[h]) contentionMs[h] += demand.stepMs
    },
  })
  const world = { clock: simulation, telemetry: simulation, hypervisor: simulation }
  await runLoop({ balancer: patient.balancer, world, policy, seed, until: (demand.steps - 1) * demand.stepMs })
  const begun = new Set(simulation.moves.map(({ orderId }) => orderId))
  return {
    // What the platform would have refused is no move.
    moves: patient.moves.filter(({ order, held }) => held !== undefined || begun.has(order.id)),
    turns: patient.turns,
    contentionMs,
    unservedCoreHours: ((sums.unserved - sums.unservedWarm) * 1000) / HOUR_MS,
    energyKwh: (sums.joules - sums.joulesWarm) / JOULES_PER_KWH,
    copiedBytes: simulation.figures().copiedBytes,
  }
}

/** The engine, with orders begun only as far as people would have let it. */
class PatientBalancer {
  readonly balancer: Balancer<EngineState>
  readonly moves: ReplayedMove[] = []
  turns = 0
  private readonly ground: ReplayGround
  private readonly settings: SiteSettings

  constructor(ground: ReplayGround, { policy, automation, moveTimes }: Wished) {
    this.ground = ground
    this.settings = {
      policy,
      automation: { ...automation, areGuestsTrusted: false },
      moveTimes,
      // VMs that are left alone are pinned in the trace; hosts that were emptied are not known.
      optOuts: new Map(),
      maintenances: new Map(),
      acceptedWarnings: new Map(),
      problems: [],
    }
    const takeTurn: typeof ethos.takeTurn = (state, observation, wanted) => this.takeTurn(state, observation, wanted)
    this.balancer = { ...ethos, placeNew: (request) => this.place(request), takeTurn }
  }

  private takeTurn(...[state, observation, policy]: Parameters<typeof ethos.takeTurn>): Turn<EngineState> {
    const { warmMs, beginAt } = this.ground
    const { level, isPaused } = this.settings.automation
    const isHeld = observation.at < warmMs || level === 'off' || isPaused
    const turn = ethos.takeTurn(state, observation, isHeld ? heldPolicy(policy) : policy)
    if (observation.at >= warmMs) this.turns++
    const at = beginAt + observation.at
    const carried = turn.orders.filter((order) => {
      const held = turn.adviceOnly?.join(' ') ?? this.whyHeld(order, at)
      this.moves.push({ at, order, ...(held === undefined ? {} : { held }) })
      return held === undefined
    })
    // Rest and budgets count what was proposed; nothing comes of its promise.
    const ids = new Set(carried.map(({ id }) => id))
    const promises = turn.state.promises.filter(({ order }) => order.decidedAt !== observation.at || ids.has(order.id))
    const { adviceOnly: _, ...rest } = turn
    return { ...rest, state: { ...turn.state, promises }, orders: carried }
  }

  private whyHeld(order: MigrationOrder, at: EpochMs): string | undefined {
    return whyNotStart({ cause: { kind: 'policy' }, order }, this.settings, at)
  }

  private place(request: PlacementRequest): Int32Array {
    const { hostAtBegin } = this.ground
    const { vms } = request.inventory
    const isKnown = [...request.newVms].every((v) => hostAtBegin.has(vms[v].id))
    const chosen = isKnown ? new Int32Array(request.newVms.length) : ethos.placeNew(request)
    return chosen.map((host, i) => hostAtBegin.get(vms[request.newVms[i]].id) ?? host)
  }
}

/** Which of two lists a move is in: the same VM leaves the same host within an hour under either. */
export function compareMoves(
  current: readonly ReplayedMove[],
  proposed: readonly ReplayedMove[],
): readonly (ReplayedMove & { readonly under: 'both' | 'current' | 'proposed' })[] {
  const keyOf = ({ order }: ReplayedMove): string => `${order.vmId} ${order.from}`
  const others = Map.groupBy(current, keyOf)
  const matched = new Set<ReplayedMove>()
  const all = proposed.map((move) => {
    const same = others
      .get(keyOf(move))
      ?.find((other) => !matched.has(other) && Math.abs(other.at - move.at) <= HOUR_MS)
    if (same !== undefined) matched.add(same)
    return { ...move, under: same === undefined ? ('proposed' as const) : ('both' as const) }
  })
  const rest = current.filter((move) => !matched.has(move)).map((move) => ({ ...move, under: 'current' as const }))
  return [...all, ...rest].sort((a, b) => a.at - b.at)
}

/** Where VMs were at an instant, by where they are and what has moved since, newest first. */
export function undoMoves(
  hostNow: ReadonlyMap<VmId, HostId>,
  since: readonly { readonly vmId: VmId; readonly from: HostId }[],
): ReadonlyMap<VmId, HostId> {
  const was = new Map(hostNow)
  for (const { vmId, from } of since) if (was.has(vmId)) was.set(vmId, from)
  return was
}
