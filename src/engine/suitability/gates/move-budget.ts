import { movesToday, type VmGate } from './gate.ts'

/** Moves of one VM in a day. */
export const MOVE_BUDGET: VmGate = {
  lacking: 'move-budget',
  isShut: (context, vm) => movesToday(context, vm) >= context.policy.gates.movesPerVmDayMax,
  reason: (context, vm) =>
    `Moves of it were ordered ${movesToday(context, vm)} times in the last 24 h, which is its budget.`,
}
