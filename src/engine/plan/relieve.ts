/** Takes VMs off hosts where contention is coming, before it comes. */
import type { HostId } from '../../terms/ids.ts'
import type { Lack } from '../../terms/ranking.ts'
import { moneyText } from '../../terms/shown.ts'
import type { TimeUntilContention, TurnEvent } from '../../terms/turn.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import { horizonHours, horizonSteps, type TurnContext, vmAt } from '../context.ts'
import { contentionWithin, predictContention, probabilityWithin } from '../forecast/contention.ts'
import { isTrusted } from '../learn/coverage.ts'
import { priceMigration } from '../migration/estimate.ts'
import { getSuitableHosts, remediate, selectBestHost } from '../suitability/rank.ts'
import { firstShut, firstShutInNeed } from '../suitability/rules.ts'
import { fillLimit } from '../suitability/rules/demand.ts'
import { isDoubtful } from '../suitability/rules/measured-load.ts'
import { estimateMove, harmAtWorst, reliefForSure, riskAsIs, riskWith, riskWithout } from '../suitability/score.ts'
import type { Planner } from './planner.ts'

/** Moves planned off one host in one turn: closed loop, not "plan fifty moves from one snapshot" ... */
const MOVES_PER_HOST_MAX = 4
/** ... but where VMs suffer now, up to this share of them. */
const MOVES_SHARE_IN_NEED = 0.25
/** VMs tried in vain on one host before the next is seen to. */
const FAILED_MAX = 4

/** Probability of contention per host within the horizon, and which hosts have shown it often enough to act. */
export interface Alarm {
  readonly contention: Float32Array
  /** Trigger bits after this turn, newest lowest. */
  readonly history: Uint8Array
}

/** Asks of each host in use how likely contention within the horizon is, and notes it in the host's trigger history. */
export function raiseAlarm(context: TurnContext): Alarm {
  const { policy, loads, fleet, state } = context
  const hosts = fleet.capacity.length
  const contention = new Float32Array(hosts).fill(NaN)
  const history = new Uint8Array(hosts)
  const steps = horizonSteps(context)
  for (let h = 0; h < hosts; h++) {
    if (loads.count[h] === 0 || isDoubtful(context, h)) continue
    contention[h] = contentionWithin(loads, h, fleet.capacity[h] * policy.contention.highFraction, steps)
    const isTriggered = contention[h] >= policy.contention.triggerProbability ? 1 : 0
    history[h] = ((state.triggerHistory[h] << 1) | isTriggered) & ((1 << Math.min(8, policy.contention.ofTurns)) - 1)
  }
  return { contention, history }
}

/** True where the newest turn shows the trigger, and enough of the last ones did. */
export function isAlarmed(context: TurnContext, alarm: Alarm, host: number): boolean {
  const bits = alarm.history[host]
  return (bits & 1) === 1 && countBits(bits) >= context.policy.contention.holdTurns
}

/** True where VMs have been wanting more than the host has for two windows, or want it as far as can be told: that is no spike, and no forecast. */
export function isOverwhelmed(context: TurnContext, host: number): boolean {
  const { loads, fleet, policy } = context
  const { windows } = loads
  if (windows === 0 || loads.count[host] === 0 || isDoubtful(context, host)) return false
  const limit = fleet.capacity[host] * policy.contention.highFraction
  if (loads.sumAt(host, windows - 1) <= limit) return false
  return loads.mean[host] > limit || (windows > 1 && loads.sumAt(host, windows - 2) > limit)
}

/** True where contention is likely to begin before a move begun now would have ended, and a margin passed: who waits for the next turn comes too late.
 *  Says so. The hold is against forecasts that come and go, so only a trusted forecast may go past it. */
function isDueAtOnce(planner: Planner, host: number): boolean {
  const { context } = planner
  const { contention, forecast } = context.policy
  if (contention.atOnceMarginMs === undefined || !isTrusted(context.state.threshold.coverage, context.policy))
    return false
  const vm = chooseVm(context, context.members[host], host)
  if (vm < 0) return false
  const soonMs = estimateMove(context, vm, host).durationMs + contention.atOnceMarginMs
  const timeUntil = timeUntilContention(context, host)
  const probability = probabilityWithin(timeUntil, Math.min(soonMs, forecast.horizonMs))
  if (probability < contention.triggerProbability) return false
  const name = context.observation.inventory.hosts[host].id
  const likely = `contention within ${(soonMs / MINUTE_MS).toFixed(1)} min is ${percent(probability)} likely`
  planner.events.push({
    kind: 'note',
    text: `${name}: ${likely}, sooner than a move and its margin take. It is not held.`,
  })
  return true
}

/** Plans relief, worst host first. */
export function relieve(planner: Planner, alarm: Alarm): void {
  const { context } = planner
  const alarmed: number[] = []
  for (let h = 0; h < alarm.history.length; h++) {
    const isInNeed = isOverwhelmed(context, h)
    if ((alarm.history[h] & 1) === 0 && !isInNeed) continue
    planner.closed[h] = 1
    if (isInNeed || isAlarmed(context, alarm, h) || isDueAtOnce(planner, h)) alarmed.push(h)
    else for (const vm of context.members[h]) planner.stay(vm, 'hold-not-reached')
  }
  alarmed.sort((a, b) => alarm.contention[b] - alarm.contention[a] || a - b)
  for (const host of alarmed) {
    planner.events.push(announce(context, host))
    relieveHost(planner, host, alarm.contention[host])
  }
}

function relieveHost(planner: Planner, host: number, probability: number): void {
  const { context } = planner
  const limit = fillLimit(context, host)
  // Whoever has a reason of his own is given it below.
  for (const vm of context.members[host]) planner.stay(vm, 'another-vm-relieves-host')
  const isRelieved = (): boolean => context.loads.count[host] <= 1 || context.loads.bound(host) <= limit
  if (planner.movesLeft('contention') <= 0 || isRelieved()) return
  const isInNeed = isOverwhelmed(context, host)
  const movable = context.members[host].filter((vm) => mayMove(planner, { vm, host, isInNeed }))
  const share = isInNeed ? movable.length * MOVES_SHARE_IN_NEED : 0
  let movesLeft = Math.min(planner.movesLeftFrom(host, 'contention'), Math.max(MOVES_PER_HOST_MAX, share))
  let failuresLeft = FAILED_MAX
  // One VM's want of a host is told in full for the others.
  let isTold = false
  while (movesLeft > 0 && failuresLeft > 0 && planner.movesLeft('contention') > 0 && !isRelieved()) {
    const vm = chooseVm(context, movable, host)
    if (vm < 0) break
    const to = findHost(planner, { vm, host, isInNeed }, isTold)
    if (to >= 0 && moveOff(planner, { vm, from: host, to }, probability)) movesLeft--
    else failuresLeft--
    if (to < 0) isTold = true
    movable.splice(movable.indexOf(vm), 1)
  }
}

/** One who is to leave. */
interface Leaver {
  readonly vm: number
  readonly host: number
  /** It suffers now: see `isOverwhelmed`. */
  readonly isInNeed: boolean
}

/** Whether no gate is shut; says which one is. */
function mayMove(planner: Planner, { vm, host, isInNeed }: Leaver): boolean {
  const { context } = planner
  const gate = isInNeed ? firstShutInNeed(context, vm) : firstShut(context, vm)
  if (gate === undefined) return true
  planner.stay(vm, gate.lacking)
  planner.events.push({
    kind: 'move-refused',
    vmId: vmAt(context, vm).id,
    from: context.observation.inventory.hosts[host].id,
    lacking: gate.lacking,
    reason: gate.reason(context, vm),
  })
  return false
}

/** The VM whose leaving brings the host just within its limit; where no single one does, the one whose leaving helps most;
 *  -1 where none may move. */
function chooseVm(context: TurnContext, movable: readonly number[], host: number): number {
  const limit = fillLimit(context, host)
  const now = context.loads.bound(host)
  let best = -1
  let bestRelief = 0
  let isBestEnough = false
  for (const vm of movable) {
    const after = context.loads.boundWithout(host, vm)
    const relief = now - after
    const isEnough = after <= limit
    const isAlikeBetter = isEnough ? relief < bestRelief : relief > bestRelief
    const isBetter = isEnough === isBestEnough ? isAlikeBetter : isEnough
    if (best >= 0 && !isBetter) continue
    best = vm
    bestRelief = relief
    isBestEnough = isEnough
  }
  return best
}

/** Where the VM could go; -1, with the reason on record, where there is no such host. */
function findHost(planner: Planner, { vm, isInNeed }: Leaver, isTold: boolean): number {
  const roomy = planner.findTarget(vm, 'contention')
  const target = roomy < 0 && isInNeed ? planner.findLeastBad(vm) : roomy
  if (target >= 0) return target
  if (!isTold) return lookEverywhere(planner, vm)
  planner.stay(vm, 'no-suitable-host')
  return -1
}

interface Route {
  readonly vm: number
  readonly from: number
  readonly to: number
}

/** What a move is worth and takes, in the policy's currency. */
interface Sums {
  readonly gain: number
  readonly cost: number
  /** Where a site's safety policy binds: what is gained in at least 95 of 100 futures. */
  readonly gainAtLeast?: number
}

/** Expected relief at the source less expected harm at the target; and where moves are real, relief at its least less harm at its most: it is never
 *  said to be more than what is expected. */
function weigh({ context }: Planner, { vm, from, to }: Route): Sums {
  const relief = riskAsIs(context, from) - riskWithout(context, from, vm)
  const gain = relief - (riskWith(context, to, vm) - riskAsIs(context, to))
  const cost = priceMigration(estimateMove(context, vm, to), context.levels.last[vm], context.policy.prices)
  if (context.policy.safety === undefined) return { gain, cost }
  const gainAtLeast = reliefForSure(context, vm, from) - harmAtWorst(context, vm, to)
  return { gain, cost, gainAtLeast: Math.min(gain, gainAtLeast) }
}

/** Plans one move off the host, or says why it is not worth it. */
function moveOff(planner: Planner, route: Route, probability: number): boolean {
  const { context } = planner
  const { vm, from: host, to } = route
  const sums = weigh(planner, route)
  const needed = sums.cost * (1 + context.marginFraction)
  // What is no number is not more than is needed.
  if (!((sums.gainAtLeast ?? sums.gain) > needed && probability >= context.policy.gates.confidenceMin)) {
    refuseMove(planner, route, sums)
    return false
  }
  const name = context.observation.inventory.hosts[host].id
  const capacity = context.fleet.capacity[host].toFixed(2)
  const bound = context.loads.bound(host).toFixed(2)
  const asked = `${name} is asked for more than ${capacity} cores within ${horizonHours(context)} h`
  const reason = `${percent(probability)} chance that ${asked}; its bound is ${bound} cores.`
  const move = planner.describeMove(route, { class: 'contention', reason, ...sums, confidence: probability })
  planner.shift(vm, to)
  planner.decide({ vm, from: host, to, move, companions: 1 })
  return true
}

/** The move would do good, but not enough of it, or not surely enough. */
function refuseMove(planner: Planner, route: Route, { gain, cost, gainAtLeast }: Sums): void {
  const { context } = planner
  const { hosts } = context.observation.inventory
  const margin = percent(context.marginFraction)
  const sure =
    gainAtLeast === undefined ? '' : `, of which ${money(context, gainAtLeast)} in 95 of 100 possible futures,`
  const sums = `Moving it would gain ${money(context, gain)}${sure} and cost ${money(context, cost)}`
  planner.stay(route.vm, 'benefit-below-cost')
  planner.events.push({
    kind: 'move-refused',
    vmId: vmAt(context, route.vm).id,
    from: hosts[route.from].id,
    to: hosts[route.to].id,
    lacking: 'benefit',
    reason: `${sums}; with a margin of ${margin} that is not worth it.`,
  })
}

/** Log, alert, remediation: what the seed asks for when there is no suitable host. The index asks only so many hosts, so
 *  all are looked at before that is said. Returns the host that was found after all, or -1. */
function lookEverywhere(planner: Planner, vm: number): number {
  const { context } = planner
  const refusals: Partial<Record<Lack, number>> = {}
  if (planner.takeRanking()) {
    const ranking = getSuitableHosts(context, vm)
    const indexOf = (hostId: HostId): number => context.state.hostIndex.get(hostId) ?? -1
    const open = ranking.ranked.filter(({ hostId }) => planner.closed[indexOf(hostId)] === 0)
    const best = selectBestHost({ ...ranking, ranked: open })
    if (best !== undefined) return indexOf(best.hostId)
    // Suitable, but contended itself or being emptied: a target today would be a source tomorrow.
    if (ranking.ranked.length > 0) refusals.hysteresis = ranking.ranked.length
    for (const { verdict } of ranking.refused) refusals[verdict.lacking] = (refusals[verdict.lacking] ?? 0) + 1
  }
  planner.stay(vm, 'no-suitable-host')
  const remediation = remediate(context, vm, refusals)
  const from = context.observation.inventory.hosts[context.hostOf[vm]].id
  planner.events.push({ kind: 'no-suitable-host', vmId: vmAt(context, vm).id, from, refusals, remediation })
  return -1
}

function announce(context: TurnContext, host: number): TurnEvent {
  return {
    kind: 'contention-predicted',
    hostId: context.observation.inventory.hosts[host].id,
    timeUntilContention: timeUntilContention(context, host),
    demandP95: context.loads.mean[host] + 1.645 * context.loads.sd(host),
    capacity: context.fleet.capacity[host],
  }
}

function timeUntilContention(context: TurnContext, host: number): TimeUntilContention {
  const limit = context.fleet.capacity[host] * context.policy.contention.highFraction
  const ahead = { steps: horizonSteps(context), stepMs: context.observation.samples.windowMs }
  return predictContention(context.loads, host, limit, ahead)
}

/** What is less is no reason for anybody. */
const MONEY_LEAST = 0.00005

/** An amount in the policy's currency, for people. */
export function money(context: TurnContext, amount: number): string {
  return `${moneyText(Math.abs(amount) < MONEY_LEAST ? 0 : amount)} ${context.policy.prices.currency}`
}

/** A share in percent, for people. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

function countBits(bits: number): number {
  let count = 0
  for (let rest = bits; rest > 0; rest >>= 1) count += rest & 1
  return count
}
