import type { HostState } from '../../../terms/cluster.ts'
import { hostStateAt } from '../../context.ts'
import { hostName, type HostRule } from './rule.ts'

/** Hosts that are on, or may be started. */
const RECEIVING: ReadonlySet<HostState> = new Set(['on', 'off', 'starting'])

/** What is going down, in the operator's hands or out of sight receives nothing. */
export const HOST_STATE: HostRule = {
  name: 'host-state',
  lacking: 'host-state',
  shortBy: (context, _vm, host) => (RECEIVING.has(hostStateAt(context, host)) ? 0 : 1),
  reason: (context, _vm, host) => `${hostName(context, host)} is ${hostStateAt(context, host)}.`,
}
