import type { Lack } from '../../../terms/ranking.ts'
import type { StayReason } from '../../../terms/turn.ts'
import { type TurnContext, vmAt } from '../../context.ts'
import type { MoveLogEntry } from '../../state.ts'

/** One reason for which a VM may not move at all, whatever the target. */
export interface VmGate {
  readonly lacking: Lack & StayReason
  readonly isShut: (context: TurnContext, vm: number) => boolean
  /** One sentence with the values, for people. Asked only where the gate is shut. */
  readonly reason: (context: TurnContext, vm: number) => string
}

/** Our orders for the VM within the last 24 hours. */
export function movesToday(context: TurnContext, vm: number): number {
  return logOf(context, vm).length
}

const NO_MOVES: readonly MoveLogEntry[] = []

/** The same, one by one, oldest first. */
export function logOf(context: TurnContext, vm: number): readonly MoveLogEntry[] {
  return context.recentMoves.get(vmAt(context, vm).id) ?? NO_MOVES
}
