/** The hard rules in the order in which they are asked: the cheap ones first, the one that looks at the past last. */
import type { Refused } from '../../terms/ranking.ts'
import type { TurnContext } from '../context.ts'
import { COOLDOWN } from './gates/cooldown.ts'
import type { VmGate } from './gates/gate.ts'
import { IN_FLIGHT } from './gates/in-flight.ts'
import { LOCATION_UNKNOWN } from './gates/location-unknown.ts'
import { MOVE_BUDGET } from './gates/move-budget.ts'
import { OBJECTED } from './gates/objected.ts'
import { PINNED } from './gates/pinned.ts'
import { SITE_BUDGET } from './gates/site-budget.ts'
import { ALLOCATION } from './rules/allocation.ts'
import { ANTI_AFFINITY } from './rules/anti-affinity.ts'
import { BARRIER } from './rules/barrier.ts'
import { CONCURRENCY } from './rules/concurrency.ts'
import { CONVERGENCE } from './rules/convergence.ts'
import { CPU_FLAGS } from './rules/cpu-flags.ts'
import { DEMAND, wouldContend } from './rules/demand.ts'
import { HOST_BUDGET } from './rules/host-budget.ts'
import { HOST_STATE } from './rules/host-state.ts'
import { MEASURED_LOAD } from './rules/measured-load.ts'
import { MEASURED_MEMORY } from './rules/measured-memory.ts'
import { MEMORY } from './rules/memory.ts'
import { NO_RETURN } from './rules/no-return.ts'
import type { HostRule } from './rules/rule.ts'
import { SAME_HOST } from './rules/same-host.ts'
import { SETTLING } from './rules/settling.ts'

/** The hard rules, in the order in which they are asked. */
export const HOST_RULES: readonly HostRule[] = [
  SAME_HOST,
  HOST_STATE,
  MEMORY,
  ALLOCATION,
  ANTI_AFFINITY,
  CPU_FLAGS,
  BARRIER,
  MEASURED_LOAD,
  MEASURED_MEMORY,
  NO_RETURN,
  CONCURRENCY,
  HOST_BUDGET,
  SETTLING,
  CONVERGENCE,
  DEMAND,
]

/** The gates, in the order in which they are asked. */
export const VM_GATES: readonly VmGate[] = [
  LOCATION_UNKNOWN,
  IN_FLIGHT,
  PINNED,
  OBJECTED,
  COOLDOWN,
  MOVE_BUDGET,
  SITE_BUDGET,
]

/** The first rule by which `vm` may not go to `host`, or undefined. */
export function firstBroken(context: TurnContext, vm: number, host: number): HostRule | undefined {
  for (const rule of HOST_RULES) if (rule.shortBy(context, vm, host) > 0) return rule
  return undefined
}

/** The same for a VM that must leave a host where it suffers now: forecast demand is then a matter of what is least bad, not of yes or no; but where
 *  moves are real, nobody is brought to contention by one. */
export function firstBrokenInNeed(context: TurnContext, vm: number, host: number): HostRule | undefined {
  for (const rule of HOST_RULES) if (rule !== DEMAND && rule.shortBy(context, vm, host) > 0) return rule
  return context.policy.safety !== undefined && wouldContend(context, vm, host) ? DEMAND : undefined
}

/** Rules of moves that nobody asked for. */
const VOLUNTARY_RULES: ReadonlySet<HostRule> = new Set([NO_RETURN, HOST_BUDGET, SETTLING, DEMAND])

/** The same for a move that a person or an emptied host asks for: what keeps VMs from going to and fro does not stand in its way. */
export function firstBrokenAsked(context: TurnContext, vm: number, host: number): HostRule | undefined {
  for (const rule of HOST_RULES) if (!VOLUNTARY_RULES.has(rule) && rule.shortBy(context, vm, host) > 0) return rule
  return wouldContend(context, vm, host) ? DEMAND : undefined
}

/** The first gate that keeps `vm` from moving anywhere, or undefined. */
export function firstShut(context: TurnContext, vm: number): VmGate | undefined {
  for (const gate of VM_GATES) if (gate.isShut(context, vm)) return gate
  return undefined
}

/** The same for a VM that suffers now: rest is for those who can wait; but where moves are real, nobody is exempt. */
export function firstShutInNeed(context: TurnContext, vm: number): VmGate | undefined {
  if (context.policy.safety !== undefined) return firstShut(context, vm)
  for (const gate of VM_GATES) if (gate !== COOLDOWN && gate.isShut(context, vm)) return gate
  return undefined
}

/** The verdict of a broken rule, in full. */
export function refuse(context: TurnContext, rule: HostRule, vm: number, host: number): Refused {
  return {
    kind: 'refused',
    lacking: rule.lacking,
    shortBy: rule.shortBy(context, vm, host),
    reason: rule.reason(context, vm, host),
  }
}
