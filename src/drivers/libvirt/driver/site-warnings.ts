/** What is dangerous or in the way in how a site is written down, before any VM is looked at: a sentence each, with what to do. */
import { parseAddress } from '../rpc/libvirt.ts'
import { listed } from './cpu-baseline.ts'
import type { ToldHost } from './inventory.ts'
import { type LibvirtHost, type LibvirtSite, peerUriOf } from './sites.ts'
import { storageWarnings } from './storage.ts'

export function siteWarnings(site: LibvirtSite, told: readonly ToldHost[]): readonly string[] {
  return [
    ...lockWarnings(site),
    ...wayWarnings(site),
    ...twins(told),
    ...liveWarnings(told),
    ...versionWarnings(told),
    ...networkWarnings(site, told),
    ...storageWarnings(site, told),
  ]
}

function lockWarnings({ lockManager }: LibvirtSite): readonly string[] {
  if (lockManager !== undefined && lockManager !== 'none') return []
  const what = lockManager === 'none' ? 'There is no lock manager' : 'No lock manager is declared; libvirt has none'
  return [
    `${what}: nothing keeps a VM from running twice on shared disks. Set lock_manager = "lockd" in /etc/libvirt/qemu.conf on all hosts, and lockManager here.`,
  ]
}

function wayWarnings(site: LibvirtSite): readonly string[] {
  const plain = site.hosts.filter((host) => transportsOf(host).includes('tcp'))
  const alone = site.hosts.filter((host) => peerUriOf(host) === undefined)
  return [
    ...(plain.length === 0
      ? []
      : [
          `${idsOf(plain)}: plain TCP, by which anybody who reaches the port commands the host. Use qemu+tls:// or qemu+ssh://.`,
        ]),
    ...(site.isEncrypted === true || site.hosts.length < 2
      ? []
      : ["Memory of VMs travels in the clear. Set up libvirt's migration certificates, and isEncrypted here."]),
    ...(alone.length === 0 || site.hosts.length < 2
      ? []
      : [
          `${idsOf(alone)}: reached by a socket or a loopback address, where other hosts would find themselves: ` +
            'no VM can go there. Add peerUri, like qemu+tls://its-name/system.',
        ]),
  ]
}

function transportsOf({ uri, peerUri }: LibvirtHost): readonly string[] {
  return [uri, ...(peerUri === undefined ? [] : [peerUri])].map((one) => parseAddress(one).target.transport)
}

/** libvirt refuses to migrate between hosts of one UUID: it takes them for the same. */
function twins(told: readonly ToldHost[]): readonly string[] {
  const byUuid = Map.groupBy(told, ({ capabilities }) => capabilities?.uuid)
  return [...byUuid]
    .filter(([uuid, hosts]) => uuid !== undefined && hosts.length > 1)
    .map(
      ([uuid, hosts]) =>
        `${idsOfTold(hosts)} have one UUID (${uuid}), and libvirt moves nothing between them. Are they one machine? If not, set host_uuid in libvirtd.conf.`,
    )
}

function liveWarnings(told: readonly ToldHost[]): readonly string[] {
  const without = told.filter(({ capabilities }) => capabilities !== undefined && !capabilities.canMigrateLive)
  return without.length === 0 ? [] : [`${idsOfTold(without)}: libvirt there does not name live migration.`]
}

/** From an older QEMU to a newer one is tried by its makers; back is not. */
function versionWarnings(told: readonly ToldHost[]): readonly string[] {
  const parts = (
    [
      ['QEMU', (host: ToldHost) => host.hypervisorVersion],
      ['libvirt', (host: ToldHost) => host.libvirtVersion],
    ] as const
  ).map(([what, versionOf]) => {
    const versions = Map.groupBy(
      told.filter((host) => versionOf(host) !== undefined),
      versionOf,
    )
    if (versions.size <= 1) return ''
    const each = [...versions].map(([version, hosts]) => `${version} (${idsOfTold(hosts)})`).join(', ')
    return `${what} is not the same everywhere: ${each}. Moves to an older one may fail; bring all to one version.`
  })
  return parts.filter((part) => part !== '')
}

function networkWarnings(site: LibvirtSite, told: readonly ToldHost[]): readonly string[] {
  const silent = site.hosts.filter(({ networks }) => networks === undefined)
  const all = new Set(told.flatMap(({ networks = [] }) => networks))
  const missing = [...all].flatMap((name) => {
    const without = told.filter(({ networks }) => networks !== undefined && !networks.includes(name))
    return without.length === 0 ? [] : [`libvirt's network ${name} is not active on ${idsOfTold(without)}.`]
  })
  return silent.length === 0
    ? missing
    : [
        ...missing,
        `${idsOf(silent)}: bridges and networks are not declared, and bridges can not be asked of libvirt. Add networks.`,
      ]
}

function idsOf(hosts: readonly LibvirtHost[]): string {
  return listed(hosts.map(({ id }) => id))
}

function idsOfTold(hosts: readonly ToldHost[]): string {
  return listed(hosts.map(({ hostId }) => hostId))
}
