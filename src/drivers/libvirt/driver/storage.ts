/** Storage pools of hosts, and whether what a site declares shared can be. The protocol tells of pools, and not of folders that were mounted by other
 *  means. */
import type { HostId } from '../../../terms/ids.ts'
import { countOf } from './capabilities.ts'
import type { ToldHost } from './inventory.ts'
import type { LibvirtSite } from './sites.ts'
import { attributeOf, childOf, childrenOf, parseXml, textOf, type XmlElement } from './xml.ts'

export interface StoragePool {
  readonly name: string
  /** libvirt's word: dir, fs, netfs, logical, disk, iscsi, rbd, gluster... */
  readonly type: string
  /** Where it comes from, in one word that is the same on all hosts that have the same: `nfs-1:/export/vms`. Absent: of the host itself. */
  readonly source?: string
  readonly path?: string
  /** As of the pool's last refresh. */
  readonly capacityBytes?: number
  readonly availableBytes?: number
}

/** Throws a `ParseError`. */
export function parsePool(name: string, xml: string): StoragePool {
  const root = parseXml(xml, `the description of pool ${name}`)
  const bytesOf = (field: string): number | undefined => {
    const element = childOf(root, field)
    return (attributeOf(element, 'unit') ?? 'bytes') === 'bytes' ? countOf(textOf(element)) : undefined
  }
  const [source, path] = [sourceOf(childOf(root, 'source')), textOf(childOf(childOf(root, 'target'), 'path'))]
  const [capacityBytes, availableBytes] = [bytesOf('capacity'), bytesOf('available')]
  return {
    name,
    type: attributeOf(root, 'type') ?? 'unknown',
    ...(source === undefined ? {} : { source }),
    ...(path === '' ? {} : { path }),
    ...(capacityBytes === undefined ? {} : { capacityBytes }),
    ...(availableBytes === undefined ? {} : { availableBytes }),
  }
}

/** A server and what it serves; a device or folder without a server is the host's own. */
function sourceOf(source: XmlElement | undefined): string | undefined {
  const hosts = childrenOf(source, 'host').map((host) => attributeOf(host, 'name') ?? '?')
  if (hosts.length === 0) return undefined
  const what =
    attributeOf(childOf(source, 'dir'), 'path') ??
    attributeOf(childOf(source, 'device'), 'path') ??
    textOf(childOf(source, 'name'))
  return `${hosts.toSorted().join(',')}:${what}`
}

/** What does not agree with the declaration: a sentence each, with what to do. */
export function storageWarnings(site: LibvirtSite, hosts: readonly ToldHost[]): readonly string[] {
  const asked = hosts.filter(({ pools }) => pools !== undefined)
  const declared = (site.sharedPools ?? []).flatMap((name) => poolWarnings(name, asked))
  const paths = (site.sharedPaths ?? []).flatMap((path) => pathWarnings(path, asked))
  return [...declared, ...paths, ...undeclared(site, asked)]
}

function poolWarnings(name: string, hosts: readonly ToldHost[]): readonly string[] {
  const without = hosts.filter(({ pools = [] }) => !pools.some((pool) => pool.name === name))
  const missing =
    without.length === 0
      ? []
      : [`Pool ${name} is declared shared and not active on ${idsOf(without)}. There: virsh pool-start ${name}`]
  return [...missing, ...differing(`Pool ${name}`, hosts, (pool) => pool.name === name)]
}

function pathWarnings(path: string, hosts: readonly ToldHost[]): readonly string[] {
  return differing(`Folder ${path}`, hosts, (pool) => pool.path === path)
}

/** A share of one server here and of another there, or a folder of the host's own, is not the same storage. */
function differing(what: string, hosts: readonly ToldHost[], isIt: (pool: StoragePool) => boolean): readonly string[] {
  const found = hosts.flatMap(({ hostId, pools = [] }) => pools.filter(isIt).map((pool) => ({ hostId, pool })))
  const sources = new Map<string, HostId[]>()
  for (const { hostId, pool } of found) {
    const source = pool.source ?? `a ${pool.type} of the host's own`
    sources.set(source, [...(sources.get(source) ?? []), hostId])
  }
  // A folder that is mounted by other means looks like one of the host's own everywhere.
  if (sources.size <= 1) return []
  const told = [...sources].map(([source, ids]) => `${source} (${ids.join(', ')})`).join('; ')
  return [`${what} is declared shared and is not the same everywhere: ${told}. VMs on it would not find their disks.`]
}

/** What looks shared and is not declared so keeps VMs where they are. */
function undeclared(site: LibvirtSite, hosts: readonly ToldHost[]): readonly string[] {
  if (hosts.length < 2) return []
  const names = new Set(hosts.flatMap(({ pools = [] }) => pools.map(({ name }) => name)))
  const isShared = (name: string): boolean => {
    const sources = hosts.map(({ pools = [] }) => pools.find((pool) => pool.name === name)?.source)
    return sources[0] !== undefined && sources.every((source) => source === sources[0])
  }
  return [...names]
    .filter((name) => site.sharedPools?.includes(name) !== true && isShared(name))
    .map((name) => `Pool ${name} comes from the same server everywhere and is not declared: add it to sharedPools.`)
}

function idsOf(hosts: readonly ToldHost[]): string {
  return hosts.map(({ hostId }) => hostId).join(', ')
}
