/** What hosts tell of their VMs from outside, for guests without an agent: one call per host and look. */
import type { HostId, VmId } from '../../../terms/ids.ts'
import { parseVmId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import type { Reading } from '../../../terms/reading.ts'
import type { EpochMs } from '../../../terms/units.ts'
import { HypervisorError } from '../../../world/errors.ts'
import { type DomainStats, domainStats } from '../domstats.ts'
import { readingBetween } from '../domstats-reading.ts'
import { type Domain, DOMAIN_STATS, type DomainStatsRecord, type Libvirt } from '../rpc/libvirt.ts'
import { DOMAIN_PROCEDURES } from '../rpc/procedures-domain.ts'
import { type HostLink, hypervisorError } from './host-link.ts'
import { ACTIVE_NO_WAIT } from './looks.ts'
import { deskOf } from './vm-desk.ts'

/** One VM at one look. */
export interface VmLook {
  readonly vmId: VmId
  readonly stats: DomainStats
  /** Since the look before. Absent at the first look, and where counters went back. */
  readonly reading?: Reading
}

/** One host at one look. */
export type HostLook =
  | {
      readonly kind: 'told'
      readonly hostId: HostId
      readonly at: EpochMs
      readonly vms: readonly VmLook[]
      /** Cores that its VMs kept busy since the look before, QEMU's own work included. Absent unless it is known of every one of them. */
      readonly busyCores?: number
    }
  | { readonly kind: 'unreachable'; readonly hostId: HostId; readonly reason: string }

const GROUPS =
  DOMAIN_STATS.state |
  DOMAIN_STATS.cpu |
  DOMAIN_STATS.balloon |
  DOMAIN_STATS.vcpu |
  DOMAIN_STATS.interface |
  DOMAIN_STATS.block |
  DOMAIN_STATS.dirtyRate
/** virConnectListAllDomainsFlags. */
const RUNNING = 1 << 4
const NS_PER_MS = 1e6
const VM_WAIT_MS = 2000

/** Keeps the last look at each VM, so that the next makes rates of its counters. */
export class LibvirtStatistics {
  private readonly hosts: ReadonlyMap<HostId, HostLink>
  private readonly last = new Map<HostId, ReadonlyMap<string, DomainStats>>()

  /** @param hosts those of a `LibvirtDriver` */
  constructor(hosts: ReadonlyMap<HostId, HostLink>) {
    this.hosts = hosts
  }

  /** Of all hosts, each asked for itself. Never rejects. */
  look(): Promise<readonly HostLook[]> {
    return Promise.all([...this.hosts.values()].map((link) => this.lookAt(link)))
  }

  /** Has every running VM of a host measured for so long; the result comes with a later look. Sampling pages only: other ways crash a QEMU without KVM.
   *  VMs that refuse are told with why. Rejects with a `HypervisorError` where the host can't be asked. @param seconds 1 to 60 */
  async startDirtyRates(hostId: HostId, seconds: number): Promise<ReadonlyMap<string, string>> {
    const link = this.hosts.get(hostId)
    const refused = new Map<string, string>()
    if (link === undefined) throw new HypervisorError('unknown-host', `${hostId} is no host of this site.`)
    const start = async (libvirt: Libvirt, domain: Domain): Promise<void> => {
      try {
        await deskOf(libvirt).startDirtyRate(domain, seconds, VM_WAIT_MS)
      } catch (error) {
        refused.set(domain.name, error instanceof Error ? error.message : String(error))
      }
    }
    try {
      await link.use(async (libvirt) => {
        const running = await libvirt.domains(RUNNING)
        await Promise.all(running.map((domain) => start(libvirt, domain)))
      })
    } catch (error) {
      throw hypervisorError(link, error)
    }
    return refused
  }

  private async lookAt(link: HostLink): Promise<HostLook> {
    const ask = { domains: [], stats: GROUPS, flags: ACTIVE_NO_WAIT }
    try {
      const records = await link.use((libvirt) => libvirt.call(DOMAIN_PROCEDURES.allStats, ask))
      return this.told(link, records)
    } catch (error) {
      return { kind: 'unreachable', hostId: link.id, reason: link.describe(error) }
    }
  }

  private told(link: HostLink, records: readonly DomainStatsRecord[]): HostLook {
    const at = link.now()
    const before = this.last.get(link.id)
    const looks = new Map(
      records.map(({ domain, parameters }) => [domain.uuid, domainStats(domain.name, at, parameters)]),
    )
    this.last.set(link.id, looks)
    const vms = [...looks].map(([uuid, stats]) => vmLook(stats, before?.get(uuid))).filter((vm) => vm !== undefined)
    const busyCores = busyCoresOf(looks, before)
    return { kind: 'told', hostId: link.id, at, vms, ...(busyCores === undefined ? {} : { busyCores }) }
  }
}

function vmLook(stats: DomainStats, before: DomainStats | undefined): VmLook | undefined {
  const vmId = idOf(stats.domain)
  if (vmId === undefined) return undefined
  const reading = before === undefined ? undefined : readingBetween(before, stats)
  return { vmId, stats, ...(reading === undefined ? {} : { reading }) }
}

/** Names that can be no id are told of by the list of VMs. */
function idOf(name: string): VmId | undefined {
  try {
    return parseVmId(name)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

/** A part is not the whole: one VM that came in between leaves the sum unknown until the next look. */
function busyCoresOf(
  looks: ReadonlyMap<string, DomainStats>,
  before: ReadonlyMap<string, DomainStats> | undefined,
): number | undefined {
  if (before === undefined) return undefined
  let cores = 0
  for (const [uuid, { at, fields }] of looks) {
    const was = before.get(uuid)
    const rise = (fields.get('cpu.time') ?? Number.NaN) - (was?.fields.get('cpu.time') ?? Number.NaN)
    const spanMs = at - (was?.at ?? Number.NaN)
    if (!(rise >= 0) || !(spanMs > 0)) return undefined
    cores += rise / NS_PER_MS / spanMs
  }
  return cores
}
