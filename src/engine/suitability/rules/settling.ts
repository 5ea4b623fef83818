import { hostName, type HostRule, showMinutes } from './rule.ts'

/** Where a site wants it: a host that received a VM receives no other until it was measured with that one. In milliseconds; 1 where a VM is on its way
 *  there and nobody knows how long that takes. */
export const SETTLING: HostRule = {
  name: 'settling',
  lacking: 'hysteresis',
  shortBy: ({ budgets, hostOf }, vm, host) => {
    if (budgets === undefined || hostOf[vm] < 0) return 0
    const leftMs = budgets.settlesInMs(host)
    return leftMs === Infinity ? 1 : Math.max(0, leftMs)
  },
  reason: (context, vm, host) => {
    const leftMs = SETTLING.shortBy(context, vm, host)
    const until =
      leftMs === 1 ? 'has arrived and was measured there' : `was measured there, in ${showMinutes(leftMs)} min`
    return `${hostName(context, host)} receives nobody else until the VM that came last ${until}.`
  },
}
