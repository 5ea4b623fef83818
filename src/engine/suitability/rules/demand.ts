import { horizonHours, type TurnContext } from '../../context.ts'
import { hostName, type HostRule, showCores } from './rule.ts'

/** What a target may be filled to, in reference cores. */
export function fillLimit(context: TurnContext, host: number): number {
  return context.fleet.capacity[host] * context.policy.contention.lowFraction
}

/** The same for one VM. Where moves are real and others are there, the gap up to contention is at least all that this VM wanted at its most: a smaller
 *  one, and its coming and going could make the two hosts swap roles. A VM alone has nobody to swap with. */
function fillLimitFor(context: TurnContext, vm: number, host: number): number {
  const limit = fillLimit(context, host)
  const { loads, policy, fleet, hostOf } = context
  if (policy.safety === undefined || hostOf[vm] < 0 || loads.count[host] === 0) return limit
  return Math.min(limit, fleet.capacity[host] * policy.contention.highFraction - highest(loads.past(vm)))
}

/** The upper bound of demand, with the VM's own past added in step with the others', stays within what a target may be
 *  filled to. In reference cores. */
export const DEMAND: HostRule = {
  name: 'demand',
  lacking: 'cpu',
  shortBy: (context, vm, host) => context.loads.boundWith(host, vm) - fillLimitFor(context, vm, host),
  reason: (context, vm, host) => {
    const limit = fillLimitFor(context, vm, host)
    const isSwap = limit < fillLimit(context, host)
    const gap = isSwap ? ' by a VM that can want so much, or the two hosts might swap roles' : ''
    const bound = context.loads.boundWith(host, vm)
    const asked = `would have to serve up to ${showCores(bound)} cores in the next ${horizonHours(context)} h`
    return `${hostName(context, host)} ${asked}, ${showCores(bound - limit)} above the ${showCores(limit)} it may be filled to${gap}.`
  },
}

/** Whether a host would be fuller with the VM there than a site lets one be for energy's sake: hysteresis is wider where nobody suffers. */
export function isTooFullForEnergy({ loads, policy, fleet }: TurnContext, vm: number, host: number): boolean {
  if (policy.safety === undefined) return false
  return loads.boundWith(host, vm) > fleet.capacity[host] * policy.safety.energyLowFraction
}

function highest(past: Float64Array): number {
  let most = 0
  for (const demand of past) if (demand > most) most = demand
  return most
}

/** Whether the upper bound with the VM there would be contention. */
export function wouldContend(context: TurnContext, vm: number, host: number): boolean {
  return context.loads.boundWith(host, vm) > context.fleet.capacity[host] * context.policy.contention.highFraction
}
