import { vmAt } from '../../context.ts'
import { hostName, type HostRule } from './rule.ts'

/** VMs of one group do not share a host, not even while one of them is on its way. */
export const ANTI_AFFINITY: HostRule = {
  name: 'anti-affinity',
  lacking: 'anti-affinity',
  shortBy: (context, vm, host) => {
    const group = vmAt(context, vm).antiAffinityGroup
    if (group === undefined) return 0
    const isMate = (other: number): boolean => other !== vm && vmAt(context, other).antiAffinityGroup === group
    return context.members[host].some(isMate) ? 1 : 0
  },
  reason: (context, vm, host) => {
    const group = vmAt(context, vm).antiAffinityGroup
    return `${hostName(context, host)} holds a VM of the same anti-affinity group "${group}".`
  },
}
