import { hostName, type HostRule } from './rule.ts'

/** No more migrations out of and into one host at a time than the policy says, this turn's plan included. A VM that runs
 *  nowhere yet is started, not migrated. */
export const CONCURRENCY: HostRule = {
  name: 'concurrency',
  lacking: 'concurrency',
  shortBy: (context, vm, host) => {
    const copiesMax = context.policy.limits.migrationsPerHostMax
    return copiesMax === undefined || context.hostOf[vm] < 0 ? 0 : context.copies[host] + 1 - copiesMax
  },
  reason: (context, _vm, host) =>
    `${hostName(context, host)} has ${context.copies[host]} migrations under way, as many as it may.`,
}
