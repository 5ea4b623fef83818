import { HOUR_MS } from '../../../terms/units.ts'
import type { TurnContext } from '../../context.ts'
import type { MoveLogEntry } from '../../state.ts'
import { showMinutes } from '../rules/rule.ts'
import { logOf, type VmGate } from './gate.ts'

/** Back-off ends here, as in the Kubernetes descheduler. */
const COOLDOWN_MS_MAX = 6 * HOUR_MS

/** A VM that moved rests; twice as long with each further move of the day, one that failed counting twice, and never less than twice as long as its last
 *  move took. */
export const COOLDOWN: VmGate = {
  lacking: 'cooldown',
  isShut: (context, vm) => cooldownLeftMs(context, vm) > 0,
  reason: (context, vm) => {
    const ago = showMinutes(context.observation.at - context.state.movedAt[vm])
    return `A move of it was ordered ${ago} min ago; it rests for another ${showMinutes(cooldownLeftMs(context, vm))} min.`
  },
}

/** Not above 0: it is rested. */
export function cooldownLeftMs(context: TurnContext, vm: number): number {
  const movedAt = context.state.movedAt[vm]
  if (movedAt === -Infinity) return 0
  return movedAt + restMs(logOf(context, vm), context.policy.gates.cooldownMs) - context.observation.at
}

/** How long a VM with these moves within a day rests after the last of them, in milliseconds.
 *  @param cooldownMs after a single one */
export function restMs(moves: readonly MoveLogEntry[], cooldownMs: number): number {
  let counted = 0
  for (const { end } of moves) counted += end?.isDone === false ? 2 : 1
  const base = Math.max(cooldownMs, 2 * (moves.at(-1)?.end?.tookMs ?? 0))
  return Math.min(COOLDOWN_MS_MAX, base * 2 ** Math.max(0, counted - 1))
}
