/** What it would take to empty a host now: which VM would go where, when and for how long, what can't go, how full the others get. Nothing is changed. */
import type { TurnContext } from '../../engine/context.ts'
import { shift, vmAt } from '../../engine/context.ts'
import { Planner } from '../../engine/plan/planner.ts'
import { findConflicts } from '../../engine/rule-conflicts.ts'
import { estimateMove } from '../../engine/suitability/score.ts'
import type { MoveLogEntry } from '../../engine/state.ts'
import { prepare } from '../../engine/turn.ts'
import type { HostState } from '../../terms/cluster.ts'
import type { HostId } from '../../terms/ids.ts'
import type { MigrationEstimate, MigrationOrder } from '../../terms/move.ts'
import { PLAN_MODELS } from './answer-models.ts'
import { bestTarget, putOnSheet, type StuckVm, whyNowhere } from './evacuation.ts'
import { leavingLimits, type LeavingLimits, startsOf, type UnderWay } from './evacuation-times.ts'
import { conflictViews } from './rule-conflicts.ts'
import type { TurnPacket } from './turn-packet.ts'

/** Where the policy or the mover lets none go within an hour. */
const NEVER =
  'The policy lets no VM leave an emptied host within an hour: see `evacuationsPerHostHourMax` and `evacuationsPerClusterHourMax`.'
const APPROXIMATIONS = [
  'VMs are taken to be as busy until the last has left as they are forecast to be now; each turn chooses anew.',
  'Each move is reckoned by memory, load and link, as if it had the link for itself; what the platform then measures corrects it.',
  'What the platform is asked just before a start (disks, networks, warnings) is not asked here.',
]

interface Leaving {
  readonly vm: number
  readonly to: number
  readonly estimate: MigrationEstimate
}

/** Undefined: there is no such host. */
export function previewEvacuation(packet: TurnPacket, hostId: HostId): Readonly<Record<string, unknown>> | undefined {
  const { before, observation, policy } = packet
  const { inventory } = observation
  const host = inventory.hosts.findIndex(({ id }) => id === hostId)
  if (host < 0) return undefined
  const hostStates = inventory.hostStates.map((state, h): HostState => (h === host ? 'maintenance' : state))
  const closed = { ...inventory, hostStates }
  const { context } = prepare(before, { ...observation, inventory: closed }, policy)
  const was = fullnessOf(context)
  const limits = leavingLimits(policy)
  const orders = begunBy(packet)
  const underWay = underWayOf(context, orders)
  const { leaving, stuck, vms } = placeAll(context, host, { limits, orders })
  const starts = startsOf(
    hostId,
    leaving.map(({ to, estimate: { durationMs } }) => ({ to: inventory.hosts[to].id, durationMs })),
    { limits, log: [...before.moveLog, ...orders.map(asLogged)], now: observation.at, underWay },
  )
  const conflicts = conflictViews(findConflicts(inventory, policy), findConflicts(closed, policy))
  const ordered = orders.flatMap(({ from, to }) => (from === hostId ? [context.state.hostIndex.get(to) ?? host] : []))
  const touched = new Set([host, ...leaving.map(({ to }) => to), ...ordered])
  return {
    host: hostId,
    vms,
    isComplete: stuck.length === 0,
    conflicts,
    moves: leaving.map(({ vm, to, estimate: { durationMs, downtimeMs, copiedBytes } }, i) => {
      const { id, memoryBytes } = vmAt(context, vm)
      const time = { startsInMs: starts[i], durationMs, downtimeMs, copiedBytes, memoryBytes }
      return { place: i + 1, round: 1 + Math.floor(i / limits.atOnce), vm: id, to: inventory.hosts[to].id, ...time }
    }),
    stuck: stuck.map(({ vmId: vm, reason }) => ({ vm, reason })),
    hosts: [...touched].map((h) => fullnessRow(context, h, was)),
    totalMs: leaving.reduce((most, { estimate }, i) => Math.max(most, starts[i] + estimate.durationMs), 0),
    copiedBytes: leaving.reduce((sum, { estimate }) => sum + estimate.copiedBytes, 0),
    models: PLAN_MODELS,
    approximations: APPROXIMATIONS,
  }
}

/** Orders of the newest turn that begin by themselves: those that empty hosts, and at `full` what the policy decided; all others are proposals. */
function begunBy({ result, automation }: TurnPacket): readonly MigrationOrder[] {
  const isPolicyHeeded = automation.level === 'full' && result?.adviceOnly === undefined
  return (result?.orders ?? []).filter((order) => order.class === 'evacuation' || isPolicyHeeded)
}

/** What the state after the turn would remember of it. */
function asLogged({ vmId, from, to, class: kind, decidedAt: at }: MigrationOrder): MoveLogEntry {
  return { vmId, from, to, class: kind, at }
}

/** What goes already, and what the turn sends; before its orders are on the sheet. */
function underWayOf(context: TurnContext, orders: readonly MigrationOrder[]): readonly UnderWay[] {
  const { at, inventory } = context.observation
  const begun = orders.map(({ vmId, from, to }) => ({ vmId, from, to, startedAt: at }))
  return [...inventory.migrations, ...begun].flatMap(({ vmId, from, to, startedAt }) => {
    const [vm, target] = [context.state.vmIndex.get(vmId), context.state.hostIndex.get(to)]
    if (vm === undefined || target === undefined) return []
    const { durationMs } = estimateMove(context, vm, target)
    return [{ from, endsInMs: Math.max(0, startedAt + durationMs - at) }]
  })
}

/** Each VM's place once those before it have gone, busiest first, as turns would choose: by the rules for moves that are asked for. */
function placeAll(
  context: TurnContext,
  host: number,
  { limits, orders }: { readonly limits: LeavingLimits; readonly orders: readonly MigrationOrder[] },
) {
  const { atOnce } = limits
  const isBarred = Math.min(limits.hostPerHour, limits.clusterPerHour) < 1
  const planner = new Planner(context)
  planner.closed[host] = 1
  const under = Uint16Array.from(context.copies)
  const { hostOf } = context.observation.inventory
  const members = [...context.members[host]].filter((vm) => hostOf[vm] === host)
  members.sort((a, b) => context.levels.mean[b] - context.levels.mean[a] || a - b)
  putOnSheet(context, orders)
  const leaving: Leaving[] = []
  const stuck: StuckVm[] = []
  for (const vm of members) {
    const { id: vmId, isPinned } = vmAt(context, vm)
    const to = bestTarget(planner, vm, host)
    if (context.inFlight[vm] === 1) stuck.push({ vmId, reason: 'It is on its way already.' })
    else if (isPinned === true) stuck.push({ vmId, reason: 'It is pinned, or somebody wants it left alone.' })
    else if (isBarred) stuck.push({ vmId, reason: NEVER })
    else if (to < 0) stuck.push({ vmId, reason: whyNowhere(context, vm, host) })
    else {
      leaving.push({ vm, to, estimate: estimateMove(context, vm, to) })
      shift(context, vm, to)
      context.copies[to]++
      // Those of a round have arrived when the next begins.
      if (leaving.length % atOnce === 0) context.copies.set(under)
    }
  }
  return { leaving, stuck, vms: members.length }
}

interface Fullness {
  readonly vms: number
  readonly mean: number
  readonly bound: number
  readonly memoryBytes: number
}

function fullnessOf(context: TurnContext): readonly Fullness[] {
  return context.members.map((_, h) => fullness(context, h))
}

function fullness({ loads, memoryBytes }: TurnContext, h: number): Fullness {
  const isEmpty = loads.count[h] === 0
  const [mean, bound] = isEmpty ? [0, 0] : [Math.max(0, loads.mean[h]), loads.bound(h)]
  return { vms: loads.count[h], mean, bound, memoryBytes: memoryBytes[h] }
}

function fullnessRow(context: TurnContext, h: number, was: readonly Fullness[]) {
  const { id, memoryBytes } = context.observation.inventory.hosts[h]
  const [before, after] = [was[h], fullness(context, h)]
  return {
    host: id,
    vms: { before: before.vms, after: after.vms },
    cpu: {
      capacity: context.fleet.capacity[h],
      meanBefore: before.mean,
      meanAfter: after.mean,
      boundBefore: before.bound,
      boundAfter: after.bound,
    },
    memory: { bytes: memoryBytes, allocatedBefore: before.memoryBytes, allocatedAfter: after.memoryBytes },
  }
}
