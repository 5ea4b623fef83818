import { hostName, type HostRule } from './rule.ts'

/** Where a site limits it: a host takes part in so many moves at a time and within an hour. Short by one. */
export const HOST_BUDGET: HostRule = {
  name: 'host-budget',
  lacking: 'move-budget',
  shortBy: ({ budgets, hostOf }, vm, host) => {
    if (budgets === undefined || hostOf[vm] < 0) return 0
    return budgets.leftTo(host) > 0 ? 0 : 1
  },
  reason: (context, _vm, host) =>
    `${hostName(context, host)} takes part in as many moves as it may, at a time or within the hour.`,
}
