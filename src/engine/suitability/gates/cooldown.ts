import { HOUR_MS } from '../../../terms/units.ts'
import type { TurnContext } from '../../context.ts'
import { showMinutes } from '../rules/rule.ts'
import { movesToday, type VmGate } from './gate.ts'

/** Back-off ends here, as in the Kubernetes descheduler. */
const COOLDOWN_MS_MAX = 6 * HOUR_MS

/** A VM that moved rests; twice as long with each further move of the day. */
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
  const doublings = Math.max(0, movesToday(context, vm) - 1)
  const cooldownMs = Math.min(COOLDOWN_MS_MAX, context.policy.gates.cooldownMs * 2 ** doublings)
  return movedAt + cooldownMs - context.observation.at
}
