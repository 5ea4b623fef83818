/** What a site's libvirts say against moves before anybody plans one: the part of a preflight that needs no question to the target. Pure, over inventories and
 *  descriptions of VMs. */
import type { Barrier, Barriers, VmBarrier } from '../../../terms/cluster.ts'
import type { HostId, VmId } from '../../../terms/ids.ts'
import { type CpuKind, cpuBaseline, cpuPair, differenceOf } from './cpu-baseline.ts'
import { Findings } from './findings.ts'
import type { ToldHost } from './inventory.ts'
import { noPeer } from './move.ts'
import { cardsOf, checkVm, type NetworkCard, networksOf } from './preflight-vm.ts'
import { type LibvirtHost, type LibvirtSite, peerUriOf } from './sites.ts'
import { attributeOf, childOf, childrenOf, type XmlElement } from './xml.ts'

/** A VM that runs, and what it is made of. */
export interface DescribedVm {
  readonly vmId: VmId
  readonly hostId: HostId
  readonly description: XmlElement
}

/** Hosts that did not tell, and VMs that were not described, have no barrier: the preflight asks them. */
export function barriersOf(site: LibvirtSite, hosts: readonly ToldHost[], vms: readonly DescribedVm[]): Barriers {
  const told = new Map(hosts.map((host) => [host.hostId, host]))
  const kinds = cpuBaseline(hosts).kinds
  const kindOf = new Map(kinds.flatMap((kind) => kind.hosts.map((id) => [id, kind] as const)))
  const networksAt = new Map<HostId, Set<string>>()
  for (const { hostId, description } of vms) {
    const there = networksAt.get(hostId) ?? new Set()
    for (const name of networksOf(description)) there.add(name)
    networksAt.set(hostId, there)
  }
  const ground: Ground = { site, told, kindOf, networksAt, without: new Map(), unlike: new Map() }
  const found = vms.map((vm) => [vm.vmId, vmBarriers(ground, vm)] as const)
  return { pairs: pairBarriers(site, kinds, kindOf), vms: new Map(found.filter(([, barriers]) => barriers.length > 0)) }
}

interface Ground {
  readonly site: LibvirtSite
  readonly told: ReadonlyMap<HostId, ToldHost>
  readonly kindOf: ReadonlyMap<HostId, CpuKind>
  /** What VMs of each host use. */
  readonly networksAt: ReadonlyMap<HostId, ReadonlySet<string>>
  /** Looked for once for all VMs that want the same, for 10,000 VMs on 1000 hosts are ten million pairs: hosts without a pool or a network, by which. */
  readonly without: Map<string, ReadonlySet<HostId>>
  /** The same of CPUs that will not do, by the source's: hosts by why. */
  readonly unlike: Map<CpuKind, ReadonlyMap<string, ReadonlySet<HostId>>>
}

/** @param key what is wanted of hosts */
function foundOnce<Key, Found>(found: Map<Key, Found>, key: Key, look: () => Found): Found {
  const known = found.get(key) ?? look()
  found.set(key, known)
  return known
}

/** Whatever the VM: CPUs of which nothing is common, and hosts to which no other finds the way. */
function pairBarriers(
  site: LibvirtSite,
  kinds: readonly CpuKind[],
  kindOf: ReadonlyMap<HostId, CpuKind>,
): Barriers['pairs'] {
  const unlike = new Map(kinds.map((from) => [from, new Map(kinds.map((to) => [to, differenceOf(from, to)]))]))
  const unfound = new Set(site.hosts.filter((host) => peerUriOf(host) === undefined).map(({ id }) => id))
  const pairs = new Map<HostId, Map<HostId, Barrier>>()
  for (const { id: from } of site.hosts) {
    const barred = new Map<HostId, Barrier>()
    const kind = kindOf.get(from)
    for (const to of site.hosts) {
      const there = kindOf.get(to.id)
      const reason = kind === undefined || there === undefined ? undefined : unlike.get(kind)?.get(there)
      if (to.id === from) continue
      if (reason !== undefined) barred.set(to.id, { lacking: 'cpu-flags', reason: `${to.id}: ${reason}` })
      else if (unfound.has(to.id)) barred.set(to.id, { lacking: 'network', reason: noPeer(to) })
    }
    if (barred.size > 0) pairs.set(from, barred)
  }
  return pairs
}

function vmBarriers(ground: Ground, vm: DescribedVm): readonly VmBarrier[] {
  return [
    ...ownOfHost(ground, vm),
    ...poolBarriers(ground, vm),
    ...networkBarriers(ground, vm),
    ...cpuBarriers(ground, vm),
  ]
}

/** As the preflight says it of any target: disks and devices that are of the host alone. What is only a warning there bars nothing. */
function ownOfHost({ site }: Ground, { vmId, description }: DescribedVm): readonly VmBarrier[] {
  const findings = new Findings()
  const nobody = { id: 'another host' as HostId, uri: '' }
  checkVm({ domain: description, name: vmId, site, target: nobody, networksInUse: new Set() }, findings)
  return (['storage', 'pinned'] as const).flatMap((lacking): VmBarrier[] => {
    const refusal = findings.result.refusals.find((found) => found.lacking === lacking)
    return refusal === undefined ? [] : [{ lacking, reason: refusal.reason }]
  })
}

/** A pool that is declared shared, and is not active where the VM would go. */
function poolBarriers(ground: Ground, { vmId, hostId, description }: DescribedVm): readonly VmBarrier[] {
  const { site, told } = ground
  const disks = childrenOf(childOf(description, 'devices'), 'disk')
  const used = new Set(disks.map((disk) => attributeOf(childOf(disk, 'source'), 'pool')))
  return [...used].flatMap((pool): VmBarrier[] => {
    if (pool === undefined || site.sharedPools?.includes(pool) !== true) return []
    const isWithout = ({ pools }: ToldHost): boolean => pools?.some(({ name }) => name === pool) === false
    const look = (): Set<HostId> => new Set([...told.values()].filter(isWithout).map((host) => host.hostId))
    const hosts = othersWithout(ground, JSON.stringify([pool]), hostId, look)
    const reason = `A disk of ${vmId} is in the pool ${pool}, which is not active there: virsh pool-start ${pool}.`
    return hosts.size === 0 ? [] : [{ lacking: 'storage', reason, hosts }]
  })
}

function networkBarriers(ground: Ground, { vmId, hostId, description }: DescribedVm): readonly VmBarrier[] {
  return cardsOf(description).flatMap((card): VmBarrier[] => {
    const { type, network } = card
    if (network === undefined) return []
    const hosts = othersWithout(ground, JSON.stringify([type, network]), hostId, () => hostsWithout(ground, card))
    const reason = `${vmId} is on the ${type} ${network}, which is not there.`
    return hosts.size === 0 ? [] : [{ lacking: 'network', reason, hosts }]
  })
}

function hostsWithout({ site, told, networksAt }: Ground, card: NetworkCard): ReadonlySet<HostId> {
  const without = site.hosts.filter((host) => isWithout(card, host, told.get(host.id), networksAt.get(host.id)))
  return new Set(without.map(({ id }) => id))
}

/** As people declared it; where they did not, as libvirt tells of its own networks. What a VM there uses is there. */
function isWithout(
  { type, network = '' }: NetworkCard,
  { networks }: LibvirtHost,
  told: ToldHost | undefined,
  inUse: ReadonlySet<string> | undefined,
): boolean {
  if (inUse?.has(network) === true) return false
  if (type === 'network' && told?.networks !== undefined) return !told.networks.includes(network)
  return networks?.includes(network) === false
}

/** A VM that has its host's CPU as it is. Of other CPUs the target's hypervisor is asked, at the preflight. */
function cpuBarriers(ground: Ground, { vmId, hostId, description }: DescribedVm): readonly VmBarrier[] {
  const mode = attributeOf(childOf(description, 'cpu'), 'mode')
  const from = ground.kindOf.get(hostId)
  if ((mode !== 'host-passthrough' && mode !== 'maximum') || from === undefined) return []
  const reasons = foundOnce(ground.unlike, from, () => hostsUnlike(ground, from))
  return [...reasons].map(([reason, hosts]) => {
    return { lacking: 'cpu-flags', reason: `${vmId} has the CPU of ${hostId} as it is. ${reason}`, hosts }
  })
}

/** By why their CPU will not do. */
function hostsUnlike({ kindOf }: Ground, from: CpuKind): ReadonlyMap<string, ReadonlySet<HostId>> {
  const reasons = new Map<string, Set<HostId>>()
  for (const [kind, hosts] of Map.groupBy(kindOf.keys(), (host) => kindOf.get(host))) {
    if (kind === undefined || kind === from) continue
    const { verdict, reason = '' } = cpuPair(from, kind)
    const known = reasons.get(reason) ?? new Set()
    if (verdict === 'no') reasons.set(reason, new Set([...known, ...hosts]))
  }
  return reasons
}

/** The set is shared by all VMs that want the same, unless their own host is in it. */
function othersWithout(
  { without }: Ground,
  what: string,
  own: HostId,
  look: () => ReadonlySet<HostId>,
): ReadonlySet<HostId> {
  const hosts = foundOnce(without, what, look)
  return hosts.has(own) ? new Set([...hosts].filter((host) => host !== own)) : hosts
}
