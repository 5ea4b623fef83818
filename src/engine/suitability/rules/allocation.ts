import { hostName, type HostRule, showCores } from './rule.ts'

/** VM sizes, whatever the VMs make of them, stay within a multiple of the host's capacity. In reference cores. */
export const ALLOCATION: HostRule = {
  name: 'allocation',
  lacking: 'cpu',
  shortBy: (context, vm, host) => {
    const share = context.policy.limits.cpuAllocationMax
    if (share === undefined) return 0
    return context.sizes[host] + context.levels.size[vm] - context.fleet.capacity[host] * share
  },
  reason: (context, vm, host) => {
    const above = showCores(ALLOCATION.shortBy(context, vm, host))
    return `${hostName(context, host)} would carry ${above} cores of VM sizes more than its allocation limit allows.`
  },
}
