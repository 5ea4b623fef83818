/** Of which VMs facts are wanted before anybody orders them: those that may have to leave soon. */
import type { HostId, VmId } from '../../terms/ids.ts'
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import type { LastTurn } from './moves-desk-options.ts'

/** Of one host, the busiest: one turn asks for a few to go. A reading takes some six seconds, one VM of a host after the other: a minute and a half for all. */
const VMS_PER_HOST_MAX = 16
/** Facts are read from half of the probability at which the policy acts. */
const TRIGGER_SHARE = 0.5

export interface WantedFacts {
  readonly vmId: VmId
  readonly hostId: HostId
}

/** VMs of hosts that showed contention in one of the last turns or may soon, that are being emptied or drained, busiest first; those that are pinned or
 *  on their way left out.
 *  @param emptied hosts that people want emptied */
export function wantedFacts(
  { state, observation, policy, contention }: LastTurn,
  emptied: ReadonlyMap<HostId, unknown>,
): readonly WantedFacts[] {
  const { hosts, vms, hostOf } = observation.inventory
  const from = policy.contention.triggerProbability * TRIGGER_SHARE
  const draining = new Set(state.draining.map(({ host }) => state.hosts[host]?.id))
  const isWanted = hosts.map(({ id }, h) => {
    const place = state.hostIndex.get(id)
    const bits = place === undefined ? 0 : state.triggerHistory[place]
    return bits > 0 || (contention?.[h] ?? 0) >= from || emptied.has(id) || draining.has(id)
  })
  const cpu = observation.samples.columns.cpu
  const busy = (vm: number): number => (Number.isNaN(cpu?.[vm] ?? Number.NaN) ? 0 : (cpu?.[vm] ?? 0))
  const moving = new Set(observation.inventory.migrations.map(({ vmId }) => vmId))
  const byHost = new Map<number, number[]>()
  for (const [vm, host] of hostOf.entries()) {
    if (host === HOST_UNKNOWN || !isWanted[host] || vms[vm].isPinned === true || moving.has(vms[vm].id)) continue
    const members = byHost.get(host) ?? []
    members.push(vm)
    byHost.set(host, members)
  }
  return [...byHost].flatMap(([host, members]) =>
    members
      .toSorted((a, b) => busy(b) - busy(a) || a - b)
      .slice(0, VMS_PER_HOST_MAX)
      .map((vm) => ({ vmId: vms[vm].id, hostId: hosts[host].id })),
  )
}
