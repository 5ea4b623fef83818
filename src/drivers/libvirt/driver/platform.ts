/** A site of libvirt as the server reads it from time to time: what its hosts are and have, and which moves they would refuse. Over connections of its own,
 *  so that a host that thinks for long keeps nobody waiting who follows a move. */
import { parseVmId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import { SECOND_MS } from '../../../terms/units.ts'
import type { PlatformHost, PlatformLook, PlatformReader } from '../../../world/platform-reader.ts'
import { DOMAIN_LIST, type Libvirt, LibvirtError } from '../rpc/libvirt.ts'
import { HostLink, type LinkOptions } from './host-link.ts'
import { type HostInventory, takeInventory } from './inventory.ts'
import { barriersOf, type DescribedVm } from './site-barriers.ts'
import { checkSite, type LibvirtSite } from './sites.ts'
import { deskOf } from './vm-desk.ts'
import { parseXml } from './xml.ts'

/** A host that is asked what it can run starts each of its QEMUs, if it did not since they changed. */
const CALL_TIMEOUT_MS = 30 * SECOND_MS
const HOSTS_AT_ONCE = 8
/** VMs of one host that are described, one after the other; how long each is waited for, and all. */
const VMS_MAX = 1000
const VM_WAIT_MS = 2 * SECOND_MS
const VMS_WAIT_MS = 60 * SECOND_MS

export class LibvirtPlatform implements PlatformReader {
  private readonly site: LibvirtSite
  private readonly options: LinkOptions

  constructor(site: LibvirtSite, options: LinkOptions = {}) {
    this.site = site
    this.options = options
  }

  async look(): Promise<PlatformLook> {
    const waiting = [...checkSite(this.site).values()]
    const seen: SeenHost[] = []
    const work = async (): Promise<void> => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
        seen.push(await seeHost(new HostLink(host, { callTimeoutMs: CALL_TIMEOUT_MS, ...this.options })))
      }
    }
    await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, work))
    const told = seen.map(({ inventory }) => inventory).filter((host) => host.kind === 'told')
    const at = Math.max(0, ...seen.map(({ inventory }) => inventory.at))
    const barriers = barriersOf(
      this.site,
      told,
      seen.flatMap(({ vms }) => vms),
    )
    return { at, hosts: seen.map(({ inventory }) => viewOf(inventory)), barriers }
  }
}

interface SeenHost {
  readonly inventory: HostInventory
  readonly vms: readonly DescribedVm[]
}

/** Never rejects: whatever one host does, the others are told. Closes the link. */
async function seeHost(link: HostLink): Promise<SeenHost> {
  try {
    const inventory = await takeInventory(link)
    if (inventory.kind === 'unreachable') return { inventory, vms: [] }
    try {
      return { inventory, vms: await link.use((libvirt) => describe(link, libvirt)) }
    } catch (error) {
      // A host that went meanwhile, or told what nobody can make sense of, is known by what it told before.
      const untold = [...inventory.untold, `Not told: what its VMs are made of. ${reasonOf(error)}`]
      return { inventory: { ...inventory, untold }, vms: [] }
    }
  } finally {
    // How a connection ends says nothing of what its host told.
    await link.close().catch(() => undefined)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof LibvirtError ? error.message : String(error)
}

/** Those that can be. One that can't is asked at its preflight. */
async function describe(link: HostLink, libvirt: Libvirt): Promise<readonly DescribedVm[]> {
  const endsAt = performance.now() + VMS_WAIT_MS
  const described: DescribedVm[] = []
  for (const domain of (await libvirt.domains(DOMAIN_LIST.active)).slice(0, VMS_MAX)) {
    if (performance.now() > endsAt) break
    try {
      const xml = await deskOf(libvirt).xmlOf(domain, VM_WAIT_MS)
      const description = parseXml(xml, `the description of ${domain.name}`)
      described.push({ vmId: parseVmId(domain.name), hostId: link.id, description })
    } catch (error) {
      if (!(error instanceof ParseError) && !(error instanceof LibvirtError)) throw error
    }
  }
  return described
}

function viewOf(host: HostInventory): PlatformHost {
  if (host.kind === 'unreachable') return host
  const { capabilities, guestCpus, guestFeatures, hostFeatures, node, pools } = host
  const cpu = guestCpus?.hostModel ?? capabilities?.cpu
  const shown = pools?.map(({ name, type, source }) => ({ name, type, ...given('source', source) }))
  return {
    kind: 'told',
    hostId: host.hostId,
    at: host.at,
    hostname: host.hostname,
    ...given('version', host.libvirtVersion),
    ...given('hypervisorVersion', host.hypervisorVersion),
    ...given('architecture', capabilities?.architecture),
    ...given('cpuModel', cpu?.model),
    ...given('cpuVendor', cpu?.vendor),
    ...given('cpuFeatures', (guestFeatures ?? hostFeatures)?.length),
    ...given('virtualisation', guestCpus?.virtualisation),
    ...given('threads', node?.cpus),
    ...given('memoryBytes', host.memoryBytes),
    ...given('memoryFreeBytes', host.memoryFreeBytes),
    ...given('pools', shown),
    ...given('networks', host.networks),
    ...given('vms', host.vms),
    untold: host.untold,
  } satisfies PlatformHost
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [N in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value }
}
