import { estimateMove } from '../score.ts'
import { hostName, type HostRule } from './rule.ts'

/** A copy that can't catch up with what the VM dirties is not begun. Where the VM runs nowhere yet, nothing is copied. */
export const CONVERGENCE: HostRule = {
  name: 'convergence',
  lacking: 'does-not-converge',
  shortBy: (context, vm, host) => (context.hostOf[vm] < 0 || estimateMove(context, vm, host).converges ? 0 : 1),
  reason: (context, vm, host) => {
    const { rounds, downtimeMs } = estimateMove(context, vm, host)
    const seconds = (downtimeMs / 1000).toFixed(1)
    const after = `after ${rounds} rounds it would still have to stop for ${seconds} s`
    return `Copying it to ${hostName(context, host)} does not converge: ${after}.`
  },
}
