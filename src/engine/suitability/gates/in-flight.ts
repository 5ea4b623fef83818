import type { VmGate } from './gate.ts'

/** A VM has at most one order. */
export const IN_FLIGHT: VmGate = {
  lacking: 'in-flight',
  isShut: (context, vm) => context.inFlight[vm] === 1,
  reason: () => 'It is being migrated.',
}
