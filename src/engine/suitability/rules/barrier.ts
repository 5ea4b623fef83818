import type { Barrier } from '../../../terms/cluster.ts'
import type { TurnContext } from '../../context.ts'
import type { HostRule } from './rule.ts'

/** What the platform itself says against a host, by CPU, storage, network or hardware: no room and no price makes it good. Where nobody asked the platform,
 *  nothing is refused. Short by one. */
export const BARRIER: HostRule = {
  name: 'barrier',
  lacking: 'platform',
  shortBy: (context, vm, host) => (barrierOf(context, vm, host) === undefined ? 0 : 1),
  reason: (context, vm, host) => barrierOf(context, vm, host)?.reason ?? '',
}

/** Whether the platform bars the VM from any host: of most it says nothing. */
export function hasBarrier({ observation, hostOf }: TurnContext, vm: number): boolean {
  const { barriers, hosts, vms } = observation.inventory
  if (barriers === undefined || hostOf[vm] < 0) return false
  return barriers.pairs.has(hosts[hostOf[vm]].id) || barriers.vms.has(vms[vm].id)
}

function barrierOf({ observation, hostOf }: TurnContext, vm: number, host: number): Barrier | undefined {
  const { barriers, hosts, vms } = observation.inventory
  const from = hostOf[vm]
  // A VM to come is on no host, and is nobody that the platform knows.
  if (barriers === undefined || from < 0 || from === host) return undefined
  const to = hosts[host].id
  const ofPair = barriers.pairs.get(hosts[from].id)?.get(to)
  return ofPair ?? barriers.vms.get(vms[vm].id)?.find((barrier) => barrier.hosts?.has(to) ?? true)
}
