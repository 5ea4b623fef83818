/** Empties hosts whose work fits elsewhere, when the energy saved is worth more than the moves. */
import { HOUR_MS } from '../../terms/units.ts'
import { hostStateAt, horizonHours, type TurnContext } from '../context.ts'
import { priceMigration } from '../migration/estimate.ts'
import { fillLimit, firstGate } from '../suitability/rules.ts'
import { estimateMove, riskAsIs, wattsFor } from '../suitability/score.ts'
import { money, percent } from './relieve.ts'
import type { Planner, PlannedMove } from './planner.ts'

/** Candidates looked at per turn beside those already draining: a floor, and a share of the hosts in use, so that cost per turn grows with size. */
const CANDIDATES_MIN = 12
const CANDIDATES_SHARE = 0.2

/** Plans the emptying of hosts: those begun earlier first, then the cheapest to empty. Returns hosts that are left half empty. */
export function consolidate(planner: Planner): readonly number[] {
  const { context } = planner
  const { consolidation } = context.policy
  const draining: number[] = []
  if (!consolidation.isEnabled) return draining
  let emptied = 0
  for (const host of context.state.draining) {
    if (context.loads.count[host] === 0 || planner.closed[host] === 1) continue
    if (empty(planner, host) === 'begun') draining.push(host)
    emptied++
  }
  let failed = 0
  const candidates = candidatesByEffort(planner)
  const failedMax = Math.max(CANDIDATES_MIN, candidates.length * CANDIDATES_SHARE)
  for (const host of candidates) {
    if (emptied >= consolidation.hostsPerTurnMax || failed >= failedMax || planner.movesLeft <= 0) break
    if (planner.closed[host] === 1 || context.state.draining.includes(host)) continue
    const outcome = empty(planner, host)
    if (outcome === 'kept') failed++
    else if (outcome !== 'barred') emptied++
    if (outcome === 'begun') draining.push(host)
  }
  return draining
}

/** Hosts in use, the one with least to move for the most energy first. */
function candidatesByEffort(planner: Planner): readonly number[] {
  const { context } = planner
  const effort = new Map<number, number>()
  for (let h = 0; h < context.members.length; h++) {
    const members = context.members[h]
    if (members.length === 0 || planner.closed[h] === 1 || hostStateAt(context, h) === 'maintenance') continue
    if (context.observation.at - context.state.busySince[h] < context.policy.consolidation.hostOnMsMin) continue
    effort.set(h, context.loads.bound(h) / context.fleet.idleWatts[h])
  }
  return [...effort.keys()].sort((a, b) => (effort.get(a) ?? 0) - (effort.get(b) ?? 0) || a - b)
}

type Emptying = 'done' | 'begun' | 'kept' | 'barred'

/** Tries to place every VM of the host elsewhere on the sheet. All or nothing: half an evacuation saves no watt. */
function empty(planner: Planner, host: number): Emptying {
  const { context } = planner
  const members = [...context.members[host]]
  const barred = members.find((vm) => firstGate(context, vm) !== undefined)
  if (barred !== undefined) {
    keep(planner, host, `${planName(context, barred)} may not move now`)
    return 'barred'
  }
  members.sort((a, b) => effortOf(context, b) - effortOf(context, a) || a - b)
  planner.closed[host] = 1
  const wattsBefore = wattsOf(context, host)
  const placed: { readonly vm: number; readonly to: number }[] = []
  let harm = -riskAsIs(context, host)
  let cost = 0
  let wattsAdded = 0
  for (const vm of members) {
    const to = planner.findTarget(vm, false)
    if (to < 0) {
      takeBack(planner, host, placed)
      return keep(planner, host, `no other host in use can hold ${planName(context, vm)}`)
    }
    const risk = riskAsIs(context, to)
    const watts = wattsOf(context, to)
    cost += priceMigration(estimateMove(context, vm, to), context.levels.last[vm], context.policy.prices)
    planner.shift(vm, to)
    harm += riskAsIs(context, to) - risk
    wattsAdded += wattsOf(context, to) - watts
    placed.push({ vm, to })
  }
  const hours = context.policy.consolidation.expectedOffMs / HOUR_MS
  const saved = (((wattsBefore - wattsAdded) * hours) / 1000) * context.policy.prices.perKwh
  const gain = saved - (harm * hours) / horizonHours(context)
  if (gain <= cost * (1 + context.marginFraction)) {
    takeBack(planner, host, placed)
    return keep(planner, host, `emptying it would gain ${money(context, gain)} and cost ${money(context, cost)}`)
  }
  return commitEmptying(planner, host, placed, { gain, cost, watts: wattsBefore - wattsAdded })
}

/** Gain grows with how long the host stays off. If that time is exponential, P(gain > cost) = exp(-cost / gain). */
interface Worth {
  readonly gain: number
  readonly cost: number
  readonly watts: number
}

/** Orders as many of the moves as the limits allow now; the rest follow in later turns. */
function commitEmptying(
  planner: Planner,
  host: number,
  placed: readonly { readonly vm: number; readonly to: number }[],
  worth: Worth,
): Emptying {
  const { context } = planner
  const copiesMax = context.policy.limits.migrationsPerHostMax ?? Infinity
  let isWhole = true
  for (const { vm, to } of placed) {
    const isOver = planner.movesLeft <= 0 || context.copies[host] >= copiesMax || context.copies[to] >= copiesMax
    if (isOver) {
      isWhole = false
      planner.shift(vm, host)
      planner.stay(vm, 'move-budget')
    } else planner.decide(describe(planner, vm, to, host, placed.length, worth))
  }
  if (!isWhole) return 'begun'
  return 'done'
}

function describe(planner: Planner, vm: number, to: number, host: number, count: number, worth: Worth): PlannedMove {
  const { context } = planner
  const { hosts } = context.observation.inventory
  const reason = `Empties ${hosts[host].id} (${count} VMs, ${percent(context.loads.bound(to) / fillLimit(context, to))} of what ${hosts[to].id} may hold is then used): saves ${worth.watts.toFixed(0)} W.`
  context.hostOf[vm] = host
  const move = planner.describeMove(vm, to, {
    class: 'energy',
    reason,
    gain: worth.gain / count,
    cost: worth.cost / count,
    confidence: Math.exp(-worth.cost / worth.gain),
  })
  context.hostOf[vm] = to
  return { vm, from: host, to, move }
}

function takeBack(
  planner: Planner,
  host: number,
  placed: readonly { readonly vm: number; readonly to: number }[],
): void {
  for (const { vm } of placed) planner.shift(vm, host)
  planner.closed[host] = 0
}

function keep(planner: Planner, host: number, why: string): Emptying {
  const { context } = planner
  for (const vm of context.members[host]) planner.stay(vm, 'host-not-worth-emptying')
  planner.events.push({
    kind: 'host-kept',
    hostId: context.observation.inventory.hosts[host].id,
    reason: `Kept on: ${why}.`,
  })
  return 'kept'
}

function wattsOf(context: TurnContext, host: number): number {
  return context.loads.count[host] === 0 ? 0 : wattsFor(context, host, context.loads.mean[host])
}

/** Hard to place first: level and spread of its demand, in reference cores. */
function effortOf(context: TurnContext, vm: number): number {
  return context.levels.mean[vm] + context.state.threshold.bandSd * Math.sqrt(context.levels.variance[vm])
}

function planName(context: TurnContext, vm: number): string {
  return context.observation.inventory.vms[vm].id
}
