/** How busy hosts are, between two looks: all of a host as its kernel tells, and its VMs by cgroups where this process runs on the host, else summed. */
import { hostname } from 'node:os'
import type { HostId } from '../../../terms/ids.ts'
import { parseAddress } from '../rpc/address.ts'
import type { NodeStat } from '../rpc/libvirt.ts'
import { cgroupCores, type CgroupLook, lookAtCgroups } from './cgroup-load.ts'
import type { HostLink } from './host-link.ts'
import { type HostLook, LibvirtStatistics } from './statistics.ts'

export interface HostLoad {
  /** Cores that its VMs kept busy. Absent where it is not known of all of them. */
  readonly vmCores?: number
  /** Whence that is: the kernel's account, or the sum over VMs as libvirt tells them. */
  readonly vmCoresFrom?: 'cgroup' | 'domains'
  /** Cores that were not idle, whoever kept them busy; waiting for disks is idle. */
  readonly hostCores?: number
}

export interface LoadOptions {
  /** How this machine is called, and where its cgroups are. */
  readonly ownName?: string
  readonly cgroupRoot?: string
  readonly monotonicMs?: () => number
}

interface Busy {
  readonly busyNs: number
  readonly atMs: number
}

/** Keeps the last look; the first tells nothing. */
export class HostLoads {
  private readonly links: ReadonlyMap<HostId, HostLink>
  private readonly statistics: LibvirtStatistics
  private readonly options: Required<LoadOptions>
  private readonly lastBusy = new Map<HostId, Busy>()
  private readonly lastCgroups = new Map<HostId, CgroupLook>()

  /** @param hosts those of a `LibvirtDriver` */
  constructor(hosts: ReadonlyMap<HostId, HostLink>, options: LoadOptions = {}) {
    this.links = hosts
    this.statistics = new LibvirtStatistics(hosts)
    this.options = {
      ownName: hostname(),
      cgroupRoot: '/sys/fs/cgroup',
      monotonicMs: () => performance.now(),
      ...options,
    }
  }

  /** Since the look before. Never rejects; hosts that can't be asked have an empty load. @param names what hosts call themselves, as their inventory tells */
  async look(names: ReadonlyMap<HostId, string>): Promise<ReadonlyMap<HostId, HostLoad>> {
    const [looks, busy] = await Promise.all([
      this.statistics.look(),
      Promise.all([...this.links.values()].map((link) => this.busyOf(link))),
    ])
    return new Map(
      looks.map((look, i) => {
        const hostCores = busy[i]
        const own = this.vmLoad(look, names.get(look.hostId))
        return [look.hostId, { ...own, ...(hostCores === undefined ? {} : { hostCores }) }] as const
      }),
    )
  }

  private vmLoad(look: HostLook, name: string | undefined): HostLoad {
    const byKernel = this.cgroupsOf(look.hostId, name)
    if (byKernel !== undefined) return { vmCores: byKernel, vmCoresFrom: 'cgroup' }
    if (look.kind !== 'told' || look.busyCores === undefined) return {}
    return { vmCores: look.busyCores, vmCoresFrom: 'domains' }
  }

  private cgroupsOf(hostId: HostId, name: string | undefined): number | undefined {
    const link = this.links.get(hostId)
    const { ownName, cgroupRoot, monotonicMs } = this.options
    if (link === undefined || name !== ownName || !isSocketHere(link.host.uri)) return undefined
    const before = this.lastCgroups.get(hostId)
    const look = lookAtCgroups(monotonicMs(), cgroupRoot)
    if (look === undefined) this.lastCgroups.delete(hostId)
    else this.lastCgroups.set(hostId, look)
    return before === undefined || look === undefined ? undefined : cgroupCores(before, look)
  }

  private async busyOf(link: HostLink): Promise<number | undefined> {
    const before = this.lastBusy.get(link.id)
    let stats: readonly NodeStat[]
    try {
      stats = await link.use((libvirt) => libvirt.nodeCpuStats())
    } catch {
      // Why a host can't be asked, its inventory tells.
      this.lastBusy.delete(link.id)
      return undefined
    }
    const look = { busyNs: busyNsOf(stats), atMs: this.options.monotonicMs() }
    this.lastBusy.set(link.id, look)
    if (before === undefined || !(look.atMs > before.atMs)) return undefined
    const cores = (look.busyNs - before.busyNs) / 1e6 / (look.atMs - before.atMs)
    return cores >= 0 ? cores : undefined
  }
}

function busyNsOf(stats: readonly NodeStat[]): number {
  const of = (field: string): number => stats.find((stat) => stat.field === field)?.value ?? Number.NaN
  return of('user') + of('kernel')
}

/** A socket of this machine may be forwarded from another: that is why the host's name counts as well. */
function isSocketHere(uri: string): boolean {
  return parseAddress(uri).target.transport === 'unix'
}
