/** Takes VMs off hosts where contention is coming, before it comes. */
import type { TurnEvent } from '../../terms/turn.ts'
import { horizonHours, horizonSteps, type TurnContext } from '../context.ts'
import { contentionWithin, predictContention } from '../forecast/contention.ts'
import { priceMigration } from '../migration/estimate.ts'
import { countRefusals, getSuitableHosts, remediate } from '../suitability/rank.ts'
import { describeGate, fillLimit, firstGate } from '../suitability/rules.ts'
import { estimateMove, riskAsIs, riskWith, riskWithout } from '../suitability/score.ts'
import { vmAt } from '../context.ts'
import type { Planner } from './planner.ts'

/** Moves planned off one host in one turn: closed loop, not "plan fifty moves from one snapshot". */
const MOVES_PER_HOST_MAX = 4

/** Probability of contention per host within the horizon, and which hosts have shown it often enough to act. */
export interface Alarm {
  readonly contention: Float32Array
  /** Trigger bits after this turn, newest lowest. */
  readonly history: Uint8Array
}

export function raiseAlarm(context: TurnContext): Alarm {
  const { policy, loads, fleet, state } = context
  const hosts = fleet.capacity.length
  const contention = new Float32Array(hosts).fill(NaN)
  const history = new Uint8Array(hosts)
  const steps = horizonSteps(context)
  for (let h = 0; h < hosts; h++) {
    if (loads.count[h] === 0) continue
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

/** Plans relief, worst host first. */
export function relieve(planner: Planner, alarm: Alarm): void {
  const { context } = planner
  const alarmed: number[] = []
  for (let h = 0; h < alarm.history.length; h++) {
    if ((alarm.history[h] & 1) === 0) continue
    planner.closed[h] = 1
    if (isAlarmed(context, alarm, h)) alarmed.push(h)
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
  for (let moved = 0; moved < MOVES_PER_HOST_MAX && planner.movesLeft > 0; moved++) {
    if (context.loads.count[host] <= 1 || context.loads.bound(host) <= limit) break
    const vm = chooseVm(planner, host)
    if (vm < 0) break
    if (!moveOff(planner, vm, host, probability)) break
  }
  for (const vm of context.members[host]) planner.stay(vm, 'another-vm-relieves-host')
}

/** The VM whose leaving brings the host just within its limit; where no single one does, the one whose leaving helps most. */
function chooseVm(planner: Planner, host: number): number {
  const { context } = planner
  const limit = fillLimit(context, host)
  const now = context.loads.bound(host)
  let best = -1
  let bestWorth = -Infinity
  for (const vm of context.members[host]) {
    const gate = firstGate(context, vm)
    if (gate !== undefined) {
      refuseMove(planner, vm, host, gate)
      continue
    }
    const after = context.loads.boundWithout(host, vm)
    const worth = after <= limit ? 1e9 - (now - after) : now - after
    if (worth > bestWorth) {
      best = vm
      bestWorth = worth
    }
  }
  return best
}

/** Plans one move off the host, or says why not. */
function moveOff(planner: Planner, vm: number, host: number, probability: number): boolean {
  const { context } = planner
  const to = planner.findTarget(vm, true)
  if (to < 0) {
    noSuitableHost(planner, vm)
    return false
  }
  const gain =
    riskAsIs(context, host) - riskWithout(context, host, vm) - (riskWith(context, to, vm) - riskAsIs(context, to))
  const estimate = estimateMove(context, vm, to)
  const cost = priceMigration(estimate, context.levels.last[vm], context.policy.prices)
  if (gain <= cost * (1 + context.marginFraction) || probability < context.policy.gates.confidenceMin) {
    planner.stay(vm, 'benefit-below-cost')
    planner.events.push({
      kind: 'move-refused',
      vmId: vmAt(context, vm).id,
      from: context.observation.inventory.hosts[host].id,
      to: context.observation.inventory.hosts[to].id,
      lacking: 'benefit',
      reason: `Moving it would gain ${money(context, gain)} and cost ${money(context, cost)}; with a margin of ${percent(context.marginFraction)} that is not worth it.`,
    })
    return false
  }
  const reason = `${percent(probability)} chance that ${context.observation.inventory.hosts[host].id} is asked for more than ${context.fleet.capacity[host].toFixed(2)} cores within ${horizonHours(context)} h; its bound is ${context.loads.bound(host).toFixed(2)} cores.`
  const move = planner.describeMove(vm, to, { class: 'contention', reason, gain, cost, confidence: probability })
  planner.shift(vm, to)
  planner.decide({ vm, from: host, to, move })
  return true
}

/** Log, alert, remediation: what the seed asks for when there is no suitable host. */
export function noSuitableHost(planner: Planner, vm: number): void {
  const { context } = planner
  const ranking = getSuitableHosts(context, vm)
  planner.stay(vm, 'no-suitable-host')
  planner.events.push({
    kind: 'no-suitable-host',
    vmId: vmAt(context, vm).id,
    refusals: countRefusals(ranking),
    remediation: remediate(context, vm, ranking),
  })
}

function refuseMove(
  planner: Planner,
  vm: number,
  host: number,
  lacking: NonNullable<ReturnType<typeof firstGate>>,
): void {
  const { context } = planner
  if (
    lacking === 'cooldown' ||
    lacking === 'pinned' ||
    lacking === 'in-flight' ||
    lacking === 'location-unknown' ||
    lacking === 'move-budget'
  ) {
    planner.stay(vm, lacking)
  }
  planner.events.push({
    kind: 'move-refused',
    vmId: vmAt(context, vm).id,
    from: context.observation.inventory.hosts[host].id,
    lacking,
    reason: describeGate(context, vm, lacking),
  })
}

function announce(context: TurnContext, host: number): TurnEvent {
  const capacity = context.fleet.capacity[host]
  return {
    kind: 'contention-predicted',
    hostId: context.observation.inventory.hosts[host].id,
    timeUntilContention: predictContention(context.loads, host, capacity * context.policy.contention.highFraction, {
      steps: horizonSteps(context),
      stepMs: context.observation.samples.windowMs,
    }),
    demandP95: context.loads.mean[host] + 1.645 * context.loads.sd(host),
    capacity,
  }
}

export function money(context: TurnContext, amount: number): string {
  return `${amount.toFixed(4)} ${context.policy.prices.currency}`
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

function countBits(bits: number): number {
  let count = 0
  for (let rest = bits; rest > 0; rest >>= 1) count += rest & 1
  return count
}
