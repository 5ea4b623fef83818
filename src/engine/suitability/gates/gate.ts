import type { Lack } from '../../../terms/ranking.ts'
import type { StayReason } from '../../../terms/turn.ts'
import { type TurnContext, vmAt } from '../../context.ts'

/** One reason for which a VM may not move at all, whatever the target. */
export interface VmGate {
  readonly lacking: Lack & StayReason
  readonly isShut: (context: TurnContext, vm: number) => boolean
  /** One sentence with the values, for people. Asked only where the gate is shut. */
  readonly reason: (context: TurnContext, vm: number) => string
}

/** Our orders for the VM within the last 24 hours. */
export function movesToday(context: TurnContext, vm: number): number {
  return context.recentMoves.get(vmAt(context, vm).id)?.length ?? 0
}
