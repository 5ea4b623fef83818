/** Hosts emptied at a person's word: where each of their VMs goes, and why one can't. Gain is not asked for, and gates that spare VMs motion don't hold;
 *  hard rules do. */
import type { TurnContext } from '../../engine/context.ts'
import { shift, vmAt } from '../../engine/context.ts'
import { priceMigration } from '../../engine/migration/estimate.ts'
import { initiateMigration } from '../../engine/plan/orders.ts'
import { Planner } from '../../engine/plan/planner.ts'
import { estimateMove, scoreTarget } from '../../engine/suitability/score.ts'
import { firstBrokenAsked } from '../../engine/suitability/rules.ts'
import { prepare } from '../../engine/turn.ts'
import type { EngineState } from '../../engine/state.ts'
import type { HostId, VmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Observation } from '../../terms/turn.ts'
import type { Maintenances } from './wishes.ts'

/** A VM that can't leave, for now or at all. */
export interface StuckVm {
  readonly vmId: VmId
  readonly reason: string
}

/** How far one host's emptying has come. */
export interface Evacuation {
  readonly hostId: HostId
  /** On it now, those on their way from it included. */
  readonly vms: number
  readonly leaving: number
  readonly stuck: readonly StuckVm[]
}

export interface EvacuationPlan {
  readonly orders: readonly MigrationOrder[]
  readonly evacuations: readonly Evacuation[]
}

/** What a turn knew, and what it ordered already. */
export interface EvacuationGround {
  readonly before: EngineState
  readonly observation: Observation
  readonly policy: Policy
  readonly orders: readonly MigrationOrder[]
}

/** Moves that are ordered in one turn for all hosts that are emptied: the next turn sees what came of them (gate 7). */
export const ORDERS_MAX = 8
/** Hosts whose refusals are named for a VM that finds none. */
const REASONS_SHOWN = 3

/** Orders for VMs on hosts in maintenance, biggest first, as far as limits let them go now.
 *  @param maintenances hosts to be emptied, in the order in which people asked */
export function planEvacuation(ground: EvacuationGround, maintenances: Maintenances): EvacuationPlan {
  const { before, observation, policy } = ground
  if (maintenances.size === 0) return { orders: [], evacuations: [] }
  const { context } = prepare(before, observation, policy)
  const planner = new Planner(context)
  putOnSheet(context, ground.orders)
  const indexOf = new Map<string, number>(observation.inventory.hosts.map(({ id }, h) => [id, h]))
  const hosts = [...maintenances].flatMap(([id, { reason }]) => {
    const host = indexOf.get(id)
    return host === undefined ? [] : [{ host, id, reason }]
  })
  for (const { host } of hosts) planner.closed[host] = 1
  const orders: MigrationOrder[] = []
  const evacuations = hosts.map(({ host, id, reason }): Evacuation => {
    const stuck: StuckVm[] = []
    const members = [...context.members[host]].filter((vm) => observation.inventory.hostOf[vm] === host)
    members.sort((a, b) => context.levels.mean[b] - context.levels.mean[a] || a - b)
    for (const vm of members) {
      if (context.inFlight[vm] === 1) continue
      const to = targetOf(planner, { vm, host, isFull: orders.length >= ORDERS_MAX })
      if (typeof to === 'string') stuck.push({ vmId: vmAt(context, vm).id, reason: to })
      else orders.push(leave(planner, { vm, to, id, reason, place: ground.orders.length + orders.length }))
    }
    const leaving = members.filter((vm) => context.inFlight[vm] === 1).length
    return { hostId: id, vms: members.length, leaving, stuck }
  })
  return { orders, evacuations }
}

/** What was ordered in the turn already counts on both hosts. */
export function putOnSheet(context: TurnContext, orders: readonly MigrationOrder[]): void {
  for (const { vmId, from, to } of orders) {
    const vm = context.state.vmIndex.get(vmId)
    const [source, target] = [context.state.hostIndex.get(from), context.state.hostIndex.get(to)]
    if (vm === undefined || source === undefined || target === undefined) continue
    shift(context, vm, target)
    context.inFlight[vm] = 1
    context.copies[source]++
    context.copies[target]++
  }
}

/** Where it goes; a sentence where it can't go now. */
function targetOf(
  planner: Planner,
  { vm, host, isFull }: { readonly vm: number; readonly host: number; readonly isFull: boolean },
): number | string {
  const { context } = planner
  const { isPinned } = vmAt(context, vm)
  if (isPinned === true) return 'It is pinned, or somebody wants it left alone.'
  const copiesMax = context.policy.limits.migrationsPerHostMax ?? Infinity
  if (isFull || context.copies[host] >= copiesMax) return 'It waits its turn: others are on their way.'
  const to = bestTarget(planner, vm, host)
  return to >= 0 ? to : whyNowhere(context, vm, host)
}

/** By the rules for moves that are asked for, which pass rest and the budgets of voluntary ones; -1 where no host is left. */
export function bestTarget({ context, closed }: Planner, vm: number, from: number): number {
  let best = -1
  let bestScore = -Infinity
  for (let host = 0; host < closed.length; host++) {
    if (host === from || closed[host] === 1 || firstBrokenAsked(context, vm, host) !== undefined) continue
    const score = scoreTarget(context, vm, host)
    if (score > bestScore) [best, bestScore] = [host, score]
  }
  return best
}

/** What hosts lack, and how many of them each. */
export function whyNowhere(context: TurnContext, vm: number, from: number): string {
  const { hosts } = context.observation.inventory
  const counts = new Map<string, number>()
  hosts.forEach((_, host) => {
    const lacking = host === from ? undefined : firstBrokenAsked(context, vm, host)?.lacking
    if (lacking !== undefined) counts.set(lacking, (counts.get(lacking) ?? 0) + 1)
  })
  const worst = [...counts].sort((a, b) => b[1] - a[1]).slice(0, REASONS_SHOWN)
  const told = worst.map(([lacking, count]) => `${lacking} on ${count}`).join(', ')
  return `No host can take it${told === '' ? '.' : `: ${told}.`}`
}

function leave(
  planner: Planner,
  about: {
    readonly vm: number
    readonly to: number
    readonly id: HostId
    readonly reason: string
    readonly place: number
  },
): MigrationOrder {
  const { vm, to, id, place } = about
  const { context } = planner
  const from = context.hostOf[vm]
  const cost = priceMigration(estimateMove(context, vm, to), context.levels.last[vm], context.policy.prices)
  const reason = `${id} is being emptied: ${about.reason}.`
  const told = { class: 'evacuation', reason, gain: 0, cost, confidence: 1 } as const
  const move = planner.describeMove({ vm, from, to }, told)
  planner.shift(vm, to)
  planner.decide({ vm, from, to, move, companions: 1 })
  return initiateMigration(move, context.observation.at, context.state.turns, place)
}
