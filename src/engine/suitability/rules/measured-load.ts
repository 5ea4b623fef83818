import type { TurnContext } from '../../context.ts'
import { type HostRule, showCores } from './rule.ts'

/** A host whose own measurements contradict those of its VMs is not believed, and receives nothing. Short by the share of contradiction. */
export const MEASURED_LOAD: HostRule = {
  name: 'measured-load',
  lacking: 'measured-load',
  shortBy: (context, _vm, host) => context.hostCheck?.doubt[host] ?? 0,
  reason: (context, _vm, host) => sayDoubt(context, host),
}

/** Neither a target nor a reason to act. */
export function isDoubtful(context: TurnContext, host: number): boolean {
  return context.hostCheck !== undefined && context.hostCheck.doubt[host] > 0
}

/** One sentence with the values. Asked only where the host is doubtful. */
export function sayDoubt({ hostCheck, observation, fleet }: TurnContext, host: number): string {
  const measured = showCores(hostCheck?.measuredRefCores[host] ?? NaN)
  const vms = showCores(hostCheck?.vmRefCores[host] ?? NaN)
  const name = observation.inventory.hosts[host].id
  const capacity = showCores(fleet.capacity[host])
  return `${name} says it does ${measured} of ${capacity} cores of work and its VMs say ${vms}: one of them is wrong.`
}
