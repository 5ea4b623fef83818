import { vmAt } from '../../context.ts'
import type { VmGate } from './gate.ts'

/** An owner's word is kept. */
export const PINNED: VmGate = {
  lacking: 'pinned',
  isShut: (context, vm) => vmAt(context, vm).isPinned === true,
  reason: () => 'Its owner pinned it.',
}
