/** All of a site at one look: hosts, whose VMs whose CPU can take, loads, and what is dangerous or in the way. Reads only; never rejects. */
import type { HostId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import { LibvirtError } from '../rpc/libvirt.ts'
import { type DescribedCpu, describedCpu } from './capabilities.ts'
import { type CpuBaseline, cpuBaseline, cpuRemedy } from './cpu-baseline.ts'
import type { HostLink } from './host-link.ts'
import { type HostLoad, HostLoads, type LoadOptions } from './host-load.ts'
import { type HostInventory, takeInventory, type ToldHost } from './inventory.ts'
import { siteWarnings } from './site-warnings.ts'
import type { LibvirtSite } from './sites.ts'
import { parseXml } from './xml.ts'

export interface SiteCheck {
  readonly hosts: readonly HostInventory[]
  readonly loads: ReadonlyMap<HostId, HostLoad>
  readonly cpus: CpuBaseline
  /** The CPU that libvirt says all of them share, for VMs' descriptions. Absent where it can't say. */
  readonly baseline?: DescribedCpu
  /** What to do about CPUs that differ. Absent where none do. */
  readonly cpuRemedy?: string
  readonly warnings: readonly string[]
}

export interface CheckOptions extends LoadOptions {
  /** How long one host is waited for. */
  readonly waitMs?: number
  /** Between the two looks that make a load. */
  readonly loadSpanMs?: number
}

const LOAD_SPAN_MS = 1000

/** @param links those of a `LibvirtDriver` of this site */
export async function checkWholeSite(
  site: LibvirtSite,
  links: ReadonlyMap<HostId, HostLink>,
  options: CheckOptions = {},
): Promise<SiteCheck> {
  const hosts = await Promise.all([...links.values()].map((link) => takeInventory(link, options.waitMs)))
  const told = hosts.filter((host) => host.kind === 'told')
  const cpus = cpuBaseline(told)
  // Hosts that did not tell are not waited for again.
  const answering = new Map([...links].filter(([id]) => told.some(({ hostId }) => hostId === id)))
  const [baseline, loads] = await Promise.all([askBaseline(cpus, answering), loadsOf(answering, told, options)])
  const remedy = cpuRemedy(cpus, baseline)
  return {
    hosts,
    loads,
    cpus,
    ...(baseline === undefined ? {} : { baseline }),
    ...(remedy === undefined ? {} : { cpuRemedy: remedy }),
    warnings: siteWarnings(site, told),
  }
}

async function loadsOf(
  links: ReadonlyMap<HostId, HostLink>,
  told: readonly ToldHost[],
  options: CheckOptions,
): Promise<ReadonlyMap<HostId, HostLoad>> {
  const names = new Map(told.map(({ hostId, hostname }) => [hostId, hostname]))
  const loads = new HostLoads(links, options)
  await loads.look(names)
  await new Promise((resolve) => setTimeout(resolve, options.loadSpanMs ?? LOAD_SPAN_MS))
  return loads.look(names)
}

/** A host of each kind is asked until one can say. */
async function askBaseline(
  { kinds, sharedModels }: CpuBaseline,
  links: ReadonlyMap<HostId, HostLink>,
): Promise<DescribedCpu | undefined> {
  const cpus = kinds.map(({ cpu }) => cpu?.xml).filter((xml) => xml !== undefined)
  if (kinds.length === 0 || cpus.length < kinds.length) return undefined
  for (const { hosts, architecture, virtualisation } of kinds) {
    const link = links.get(hosts[0])
    const of = {
      ...(architecture === undefined ? {} : { architecture }),
      ...(virtualisation === undefined ? {} : { virtualisation }),
    }
    const cpu = link === undefined ? undefined : await baselineBy(link, cpus, of)
    if (cpu?.model !== undefined && (sharedModels.length === 0 || sharedModels.includes(cpu.model))) return cpu
  }
  return undefined
}

async function baselineBy(link: HostLink, cpus: readonly string[], of: object): Promise<DescribedCpu | undefined> {
  try {
    const xml = await link.use((libvirt) => libvirt.baselineHypervisorCpu(cpus, of))
    const element = parseXml(xml, 'the CPU that all share')
    return describedCpu(element, element.source)
  } catch (error) {
    // CPUs of different makers share none, and old daemons can not say.
    if (error instanceof LibvirtError || error instanceof ParseError) return undefined
    throw error
  }
}
