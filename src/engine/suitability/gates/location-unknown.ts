import { HOST_UNKNOWN } from '../../../terms/cluster.ts'
import { hostStateAt } from '../../context.ts'
import type { VmGate } from './gate.ts'

/** Unknown is not failed, and not free to act on: a VM on a host that does not answer may run there, or elsewhere. */
export const LOCATION_UNKNOWN: VmGate = {
  lacking: 'location-unknown',
  isShut: (context, vm) => {
    const host = context.hostOf[vm]
    return host === HOST_UNKNOWN || hostStateAt(context, host) === 'unreachable'
  },
  reason: () => 'Nobody knows where it runs: what is unknown is left alone.',
}
