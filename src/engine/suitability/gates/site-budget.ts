import type { VmGate } from './gate.ts'

/** Where a site limits it: moves out of one host, and in the whole cluster, at a time and within an hour. */
export const SITE_BUDGET: VmGate = {
  lacking: 'move-budget',
  isShut: ({ budgets, hostOf }, vm) =>
    budgets !== undefined && hostOf[vm] >= 0 && Math.min(budgets.left(), budgets.leftFrom(hostOf[vm])) <= 0,
  reason: ({ budgets }) =>
    budgets !== undefined && budgets.left() <= 0
      ? 'The cluster has as many moves under way, or within the hour, as it may.'
      : 'Its host has as many moves under way, or within the hour, as it may.',
}
