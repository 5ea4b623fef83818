import { DAY_MS } from '../../../terms/units.ts'
import { vmAt } from '../../context.ts'
import type { MoveLogEntry } from '../../state.ts'
import { hostName, type HostRule, showMinutes } from './rule.ts'

/** A VM stays away from a host it left lately, and goes there and back between two hosts once a day at most, so that they can't play it to and fro.
 *  In milliseconds. */
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
    const home = context.hostOf[vm]
    return home < 0
      ? leftMs
      : Math.max(leftMs, pairLeftMs(moves, [hostName(context, home), name], context.observation.at))
  },
  reason: (context, vm, host) => {
    const left = showMinutes(NO_RETURN.shortBy(context, vm, host))
    return `The VM left ${hostName(context, host)} lately and may not return for another ${left} min.`
  },
}

/** Time until a VM that went there and back between two hosts within a day may go there again: until the older of the two moves is a day old. */
function pairLeftMs(moves: readonly MoveLogEntry[], [home, name]: readonly [string, string], at: number): number {
  let count = 0
  let beforeLastAt = -Infinity
  let lastAt = -Infinity
  for (const move of moves) {
    const isBetween = (move.from === name && move.to === home) || (move.from === home && move.to === name)
    if (!isBetween) continue
    count++
    beforeLastAt = lastAt
    lastAt = move.at
  }
  return count < 2 ? 0 : beforeLastAt + DAY_MS - at
}
