import { vmAt } from '../../context.ts'
import type { VmGate } from './gate.ts'

/** A person's no to a move holds the policy, and nobody else. */
export const OBJECTED: VmGate = {
  lacking: 'objected',
  isShut: (context, vm) => context.observation.inventory.objections?.has(vmAt(context, vm).id) === true,
  reason: (context, vm) => context.observation.inventory.objections?.get(vmAt(context, vm).id) ?? '',
}
