import { vmAt } from '../../context.ts'
import { hostName, type HostRule, showMinutes } from './rule.ts'

/** A VM stays away from a host it left lately, so that two hosts can't play it to and fro. In milliseconds. */
export const NO_RETURN: HostRule = {
  name: 'no-return',
  lacking: 'no-return',
  shortBy: (context, vm, host) => {
    const moves = context.recentMoves.get(vmAt(context, vm).id)
    if (moves === undefined) return 0
    const name = hostName(context, host)
    let leftMs = 0
    for (const { from, at } of moves) {
      if (from === name) leftMs = Math.max(leftMs, at + context.policy.gates.noReturnMs - context.observation.at)
    }
    return leftMs
  },
  reason: (context, vm, host) => {
    const left = showMinutes(NO_RETURN.shortBy(context, vm, host))
    return `The VM left ${hostName(context, host)} lately and may not return for another ${left} min.`
  },
}
