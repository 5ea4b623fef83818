import { horizonHours, type TurnContext } from '../../context.ts'
import { hostName, type HostRule, showCores } from './rule.ts'

/** What a target may be filled to, in reference cores. */
export function fillLimit(context: TurnContext, host: number): number {
  return context.fleet.capacity[host] * context.policy.contention.lowFraction
}

/** The upper bound of demand, with the VM's own past added in step with the others', stays within what a target may be
 *  filled to. In reference cores. */
export const DEMAND: HostRule = {
  name: 'demand',
  lacking: 'cpu',
  shortBy: (context, vm, host) => context.loads.boundWith(host, vm) - fillLimit(context, host),
  reason: (context, vm, host) => {
    const limit = fillLimit(context, host)
    const bound = context.loads.boundWith(host, vm)
    const asked = `would have to serve up to ${showCores(bound)} cores in the next ${horizonHours(context)} h`
    return `${hostName(context, host)} ${asked}, ${showCores(bound - limit)} above the ${showCores(limit)} it may be filled to.`
  },
}

/** Whether the upper bound with the VM there would be contention. */
export function wouldContend(context: TurnContext, vm: number, host: number): boolean {
  return context.loads.boundWith(host, vm) > context.fleet.capacity[host] * context.policy.contention.highFraction
}
