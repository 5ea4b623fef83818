import { vmAt } from '../../context.ts'
import { hostName, type HostRule, showGib } from './rule.ts'

/** Configured memory of all VMs, those on their way included, stays within the limit. In bytes. */
export const MEMORY: HostRule = {
  name: 'memory',
  lacking: 'memory',
  shortBy: (context, vm, host) => {
    const share = context.policy.limits.memoryAllocationMax
    if (share === undefined) return 0
    const limit = context.observation.inventory.hosts[host].memoryBytes * share
    return context.memoryBytes[host] + vmAt(context, vm).memoryBytes - limit
  },
  reason: (context, vm, host) => {
    const lacks = showGib(MEMORY.shortBy(context, vm, host))
    const committed = showGib(context.memoryBytes[host])
    const all = showGib(context.observation.inventory.hosts[host].memoryBytes)
    return `${hostName(context, host)} lacks ${lacks} GiB of memory: ${committed} of ${all} GiB are committed.`
  },
}
