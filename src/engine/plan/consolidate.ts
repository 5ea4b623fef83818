/** Empties hosts whose work fits elsewhere, when the energy saved is worth more than the moves. */
import { HOUR_MS } from '../../terms/units.ts'
import { horizonHours, hostStateAt, type TurnContext, vmAt } from '../context.ts'
import { calmShareAtLeast } from '../forecast/futures.ts'
import { priceMigration } from '../migration/estimate.ts'
import { isTrusted } from '../learn/coverage.ts'
import type { Draining } from '../state.ts'
import { firstShut } from '../suitability/rules.ts'
import { fillLimit } from '../suitability/rules/demand.ts'
import { isDoubtful } from '../suitability/rules/measured-load.ts'
import { estimateMove, harmAtWorst, riskAsIs, wattsFor } from '../suitability/score.ts'
import type { Planner } from './planner.ts'
import { money, percent } from './relieve.ts'

/** Candidates that fail before we give up for this turn: a floor, and a share of the hosts in use, so that cost per turn
 *  grows with size. */
const FAILED_MIN = 12
const FAILED_SHARE = 0.2

/** Plans the emptying of hosts: those begun earlier first, then the cheapest to empty. Returns those left half empty. */
export function consolidate(planner: Planner): readonly Draining[] {
  const { context } = planner
  const { isEnabled, hostsPerTurnMax } = context.policy.consolidation
  const draining: Draining[] = []
  if (!isEnabled) return draining
  // What was begun waits: half an evacuation saves no watt, and a forecast that errs empties the wrong host.
  if (!isTrusted(context.state.threshold.coverage, context.policy)) return context.state.draining
  const isSettled = new Uint8Array(planner.closed)
  let emptied = 0
  for (const { host, vms } of context.state.draining) {
    if (context.loads.count[host] === 0 || isSettled[host] === 1) continue
    isSettled[host] = 1
    const outcome = empty(planner, host, vms)
    if (outcome === 'begun') draining.push({ host, vms })
    if (outcome === 'begun' || outcome === 'done') emptied++
  }
  let failed = 0
  const candidates = candidatesByEffort(planner)
  const failedMax = Math.max(FAILED_MIN, candidates.length * FAILED_SHARE)
  for (const host of candidates) {
    if (emptied >= hostsPerTurnMax || failed >= failedMax || planner.movesLeft('energy') <= 0) break
    if (isSettled[host] === 1) continue
    const vms = context.loads.count[host]
    const outcome = empty(planner, host, vms)
    if (outcome === 'kept') failed++
    else if (outcome !== 'barred') emptied++
    if (outcome === 'begun') draining.push({ host, vms })
  }
  return draining
}

/** Hosts in use, the one with least to move for the most energy first. */
function candidatesByEffort(planner: Planner): readonly number[] {
  const { context } = planner
  const candidates: number[] = []
  const effort = new Float64Array(context.members.length)
  for (let h = 0; h < effort.length; h++) {
    if (context.members[h].length === 0 || planner.closed[h] === 1 || hostStateAt(context, h) === 'maintenance')
      continue
    if (isDoubtful(context, h)) continue
    if (context.observation.at - context.state.busySince[h] < context.policy.consolidation.hostOnMsMin) continue
    effort[h] = context.loads.bound(h) / context.fleet.idleWatts[h]
    candidates.push(h)
  }
  return candidates.sort((a, b) => effort[a] - effort[b] || a - b)
}

type Emptying = 'done' | 'begun' | 'kept' | 'barred'

interface Placed {
  readonly vm: number
  readonly to: number
  /** What its move is expected to take, in the policy's currency. */
  readonly cost: number
}

/** Tries to place every VM of the host elsewhere on the sheet. All or nothing: half an evacuation saves no watt.
 *  @param companions VMs that the host had when its emptying began */
function empty(planner: Planner, host: number, companions: number): Emptying {
  const { context } = planner
  // Those on their way from here already are not asked again.
  const members = context.members[host].filter((vm) => context.leaving[vm] !== host)
  const barred = members.find((vm) => firstShut(context, vm) !== undefined)
  if (barred !== undefined) return keep(planner, host, 'barred', `${vmAt(context, barred).id} may not move now`)
  members.sort((a, b) => effortOf(context, b) - effortOf(context, a) || a - b)
  planner.closed[host] = 1
  if (members.length === 0) return 'barred'
  const wattsBefore = wattsFor(context, host, context.loads.mean[host] - demandLeaving(context, host))
  const placed: Placed[] = []
  const isSafe = context.policy.safety !== undefined
  const sums = { harm: -riskAsIs(context, host), harmAtWorst: 0, cost: 0, wattsAdded: 0 }
  for (const vm of members) {
    const to = planner.findTarget(vm, 'energy')
    if (to < 0) {
      takeBack(planner, host, placed)
      return keep(planner, host, 'kept', `no other host in use can hold ${vmAt(context, vm).id}`)
    }
    const risk = riskAsIs(context, to)
    const watts = wattsOf(context, to)
    const cost = priceMigration(estimateMove(context, vm, to), context.levels.last[vm], context.policy.prices)
    sums.cost += cost
    if (isSafe) sums.harmAtWorst += harmAtWorst(context, vm, to)
    planner.shift(vm, to)
    sums.harm += riskAsIs(context, to) - risk
    sums.wattsAdded += wattsOf(context, to) - watts
    placed.push({ vm, to, cost })
  }
  const worth = worthOf(context, wattsBefore - sums.wattsAdded, { ...sums, placed })
  if (!isWorthIt(context, worth)) {
    takeBack(planner, host, placed)
    const { gain, cost, gainAtLeast } = worth
    const sure =
      gainAtLeast === undefined ? '' : `, of which ${money(context, gainAtLeast)} in 95 of 100 possible futures,`
    const sum = `emptying it would gain ${money(context, gain)}${sure} and cost ${money(context, cost)}`
    return keep(planner, host, 'kept', sum)
  }
  return commitEmptying(planner, host, placed, { ...worth, companions })
}

/** Expected demand of VMs that are on their way from the host, in reference cores. */
function demandLeaving(context: TurnContext, host: number): number {
  let demand = 0
  for (const vm of context.members[host]) if (context.leaving[vm] === host) demand += context.levels.mean[vm]
  return demand
}

interface Worth {
  readonly gain: number
  readonly cost: number
  /** Watts saved while the host is off. */
  readonly watts: number
  /** Gain grows with how long the host stays off. If that time is exponential, P(gain > cost) = exp(-cost / gain). */
  readonly confidence: number
  /** Where a site's safety policy binds: what is gained in at least 95 of 100 futures. */
  readonly gainAtLeast?: number
}

interface Emptied {
  readonly harm: number
  /** The same in all but 5 of 100 futures, each target's by itself. */
  readonly harmAtWorst: number
  readonly cost: number
  readonly placed: readonly Placed[]
}

/** Asked while the VMs are on their targets on the sheet. */
function worthOf(context: TurnContext, watts: number, sums: Emptied): Worth {
  const hours = context.policy.consolidation.expectedOffMs / HOUR_MS
  const saved = ((watts * hours) / 1000) * context.policy.prices.perKwh
  const gain = saved - (sums.harm * hours) / horizonHours(context)
  const worth = { gain, cost: sums.cost, watts, confidence: gain > 0 ? Math.exp(-sums.cost / gain) : 0 }
  if (context.policy.safety === undefined) return worth
  const savedAtLeast = saved * offShareAtLeast(context, sums.placed)
  return { ...worth, gainAtLeast: Math.min(gain, savedAtLeast - (sums.harmAtWorst * hours) / horizonHours(context)) }
}

/** Share of the time off that is nearly sure: until a target would be contended, and a host had to be started again. */
function offShareAtLeast(context: TurnContext, placed: readonly Placed[]): number {
  const { consolidation, contention } = context.policy
  const targets = [...new Set(placed.map(({ to }) => to))]
  const limits = targets.map((host) => context.fleet.capacity[host] * contention.highFraction)
  const steps = Math.max(1, Math.round(consolidation.expectedOffMs / context.observation.samples.windowMs))
  return calmShareAtLeast(context.loads, targets, limits, steps)
}

function isWorthIt(context: TurnContext, { gain, gainAtLeast, cost, confidence }: Worth): boolean {
  const needed = cost * (1 + context.marginFraction)
  return (gainAtLeast ?? gain) > needed && confidence >= context.policy.gates.confidenceMin
}

/** Orders as many of the moves as the limits allow now; the rest follow in later turns. */
function commitEmptying(
  planner: Planner,
  host: number,
  placed: readonly Placed[],
  worth: Worth & { readonly companions: number },
): Emptying {
  const { context } = planner
  let isWhole = true
  for (const { vm, to, cost } of placed) {
    const isOver =
      planner.movesLeft('energy') <= 0 ||
      planner.movesLeftFrom(host, 'energy') <= 0 ||
      !planner.mayReceive(to, 'energy')
    if (isOver) {
      isWhole = false
      planner.shift(vm, host)
      planner.stay(vm, 'move-budget')
      continue
    }
    const { companions, confidence } = worth
    const reason = explainEmptying(context, { host, to, companions, watts: worth.watts })
    // What is sure of the whole is shared out by cost, so that it is above each one's cost where it is above all of it.
    const part = worth.cost > 0 ? cost / worth.cost : 1 / companions
    const sure = worth.gainAtLeast === undefined ? {} : { gainAtLeast: worth.gainAtLeast * part }
    const share = { gain: worth.gain / companions, ...sure, cost }
    const move = planner.describeMove({ vm, from: host, to }, { class: 'energy', reason, ...share, confidence })
    planner.decide({ vm, from: host, to, move, companions })
  }
  return isWhole ? 'done' : 'begun'
}

function explainEmptying(
  context: TurnContext,
  about: { readonly host: number; readonly to: number; readonly companions: number; readonly watts: number },
): string {
  const { hosts } = context.observation.inventory
  const { host, to, companions, watts } = about
  const filled = percent(context.loads.bound(to) / fillLimit(context, to))
  const target = `${filled} of what ${hosts[to].id} may hold is then used`
  return `Empties ${hosts[host].id} (${companions} VMs, ${target}): saves ${watts.toFixed(0)} W.`
}

function takeBack(planner: Planner, host: number, placed: readonly Placed[]): void {
  for (const { vm } of placed) planner.shift(vm, host)
  planner.closed[host] = 0
}

function keep(planner: Planner, host: number, outcome: 'kept' | 'barred', why: string): Emptying {
  const { context } = planner
  for (const vm of context.members[host]) planner.stay(vm, 'host-not-worth-emptying')
  planner.events.push({
    kind: 'host-kept',
    hostId: context.observation.inventory.hosts[host].id,
    reason: `Kept on: ${why}.`,
  })
  return outcome
}

function wattsOf(context: TurnContext, host: number): number {
  return context.loads.count[host] === 0 ? 0 : wattsFor(context, host, context.loads.mean[host])
}

/** Hard to place first: level and spread of its demand, in reference cores. */
function effortOf(context: TurnContext, vm: number): number {
  return context.levels.mean[vm] + context.state.threshold.bandSd * Math.sqrt(context.levels.variance[vm])
}
