/** What libvirt tells of one VM before it may be moved: two looks at it and its host, and between them its pages are sampled a few times. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { HostId, VmId } from '../../../terms/ids.ts'
import type { VmFacts } from '../../../terms/move-facts.ts'
import type { VmFactsAnswer, VmFactsReader } from '../../../world/vm-facts-reader.ts'
import { type DomainStats, domainStats } from '../domstats.ts'
import { type Domain, DOMAIN_STATS, type Libvirt, LibvirtError, type NodeStat } from '../rpc/libvirt.ts'
import type { HostLink } from './host-link.ts'
import { findVm } from './looks.ts'
import { wishesOf } from './opt-out.ts'
import type { LibvirtSite } from './sites.ts'
import { deskOf } from './vm-desk.ts'
import { parseXml } from './xml.ts'

export interface MoveFactsOptions {
  /** How often is looked whether a window of sampling is over, and how long all windows may take together. */
  readonly lookMs?: number
  readonly patienceMs?: number
  /** How long one question about a VM is waited for. */
  readonly vmWaitMs?: number
}

/** The shortest that libvirt takes. Five of them give fewer starts that never end than one, or than a longer one beside it (docs/migration-cost.md). */
const WINDOW_SEC = 1
const WINDOWS = 5
/** A busy host samples late. */
const PATIENCE_MS = 12_000
const LOOK_MS = 250
const VM_WAIT_MS = 2000
/** QEMU's own. */
const DOWNTIME_LIMIT_MS = 300
const KIB_PER_MIB = 1024
const NS_PER_MS = 1e6
/** `dirtyrate.calc_status`: measured. */
const MEASURED = 2
/** What the balloon told longer ago is not of now. */
const BALLOON_AGE_SEC_MAX = 300
const GROUPS = DOMAIN_STATS.state | DOMAIN_STATS.cpu | DOMAIN_STATS.balloon | DOMAIN_STATS.dirtyRate
const RUNNING = 1

/** One VM and its host at one instant of a clock that never goes back. */
interface Look {
  readonly atMs: number
  readonly vm: DomainStats
  readonly host: readonly NodeStat[]
}

/** The VM that is read, and by whom. */
interface Subject {
  readonly link: HostLink
  readonly libvirt: Libvirt
  readonly domain: Domain
}

/** The last look after which a window was measured, and what the windows told, in MiB/s. */
interface Sampling {
  readonly last: Look
  readonly mibPerSec: readonly number[]
}

export class LibvirtMoveFacts implements VmFactsReader {
  private readonly hosts: ReadonlyMap<HostId, HostLink>
  private readonly site: LibvirtSite
  private readonly options: Required<MoveFactsOptions>
  /** The reading that each host is busy with: sampling takes a core for a moment, so a host samples one VM at a time. */
  private readonly busy = new Map<HostId, Promise<unknown>>()

  /** @param hosts those of a `LibvirtDriver` */
  constructor(hosts: ReadonlyMap<HostId, HostLink>, site: LibvirtSite, options: MoveFactsOptions = {}) {
    this.hosts = hosts
    this.site = site
    this.options = { lookMs: LOOK_MS, patienceMs: PATIENCE_MS, vmWaitMs: VM_WAIT_MS, ...options }
  }

  linkMbitPerSec(from: HostId, to: HostId): number | undefined {
    const limits = [from, to].flatMap((id) => this.hosts.get(id)?.host.linkMbitPerSec ?? [])
    return limits.length === 0 ? undefined : Math.min(...limits)
  }

  async read(vmId: VmId, hostId: HostId): Promise<VmFactsAnswer> {
    const link = this.hosts.get(hostId)
    if (link === undefined) return unreadable(`${hostId} is no host of this site. Is it in the configuration?`)
    const reading = (this.busy.get(hostId) ?? Promise.resolve()).then(() => this.readAt(link, vmId))
    this.busy.set(hostId, reading)
    try {
      return await reading
    } finally {
      if (this.busy.get(hostId) === reading) this.busy.delete(hostId)
    }
  }

  private async readAt(link: HostLink, vmId: VmId): Promise<VmFactsAnswer> {
    try {
      return await link.use((libvirt) => this.readWith(link, libvirt, vmId))
    } catch (error) {
      return unreadable(link.describe(error))
    }
  }

  private async readWith(link: HostLink, libvirt: Libvirt, vmId: VmId): Promise<VmFactsAnswer> {
    const domain = await findVm(libvirt, vmId)
    const before = domain === undefined ? undefined : await lookAt(libvirt, domain, link.now())
    if (domain === undefined || before === undefined || before.vm.fields.get('state.state') !== RUNNING)
      return unreadable(`${vmId} does not run on ${link.id}.`)
    const sampling = await this.sample({ link, libvirt, domain }, before)
    if (sampling === 'gone') return unreadable(`${vmId} is gone from ${link.id}.`)
    if (sampling === 'late') {
      const { patienceMs } = this.options
      return unreadable(`${link.id} did not tell within ${patienceMs} ms how fast ${vmId} writes. Is it overloaded?`)
    }
    const mayPostCopy = await this.mayPostCopy(libvirt, domain)
    return { kind: 'read', facts: this.factsOf(before, sampling, { at: link.now(), mayPostCopy }) }
  }

  /** One window after the other, while there is time. One is enough: a later one that is refused or late ends it. Rejects where the first is refused. */
  private async sample(subject: Subject, before: Look): Promise<Sampling | 'late' | 'gone'> {
    const endsAt = performance.now() + this.options.patienceMs
    const mibPerSec: number[] = []
    let last = before
    for (let window = 0; window < WINDOWS && performance.now() < endsAt; window++) {
      try {
        await deskOf(subject.libvirt).startDirtyRate(subject.domain, WINDOW_SEC, this.options.vmWaitMs)
      } catch (error) {
        if (window === 0 || !isOfVm(error)) throw error
        break
      }
      const look = await this.lookWhenMeasured(subject, last, endsAt)
      if (look === 'gone') return look
      if (look === 'late') break
      last = look
      const rate = told(look.vm, 'dirtyrate.megabytes_per_second')
      if (rate >= 0) mibPerSec.push(rate)
    }
    return last === before ? 'late' : { last, mibPerSec }
  }

  private async lookWhenMeasured(
    { link, libvirt, domain }: Subject,
    was: Look,
    endsAt: number,
  ): Promise<Look | 'late' | 'gone'> {
    while (performance.now() < endsAt) {
      await sleep(this.options.lookMs)
      const look = await lookAt(libvirt, domain, link.now())
      if (look === undefined) return 'gone'
      if (isMeasured(look.vm, was.vm)) return look
    }
    return 'late'
  }

  private factsOf(
    before: Look,
    { last: { atMs, vm, host }, mibPerSec: [first, ...more] }: Sampling,
    about: { readonly at: number; readonly mayPostCopy: boolean },
  ): VmFacts {
    const { fields } = vm
    const spanMs = atMs - before.atMs
    const cpuMs = (told(vm, 'cpu.time') - told(before.vm, 'cpu.time')) / NS_PER_MS
    const toldSec = fields.get('balloon.last-update') ?? Number.NaN
    const isOld = about.at / 1000 - toldSec > BALLOON_AGE_SEC_MAX
    return {
      ...about,
      downtimeLimitMs: this.site.downtimeLimitMs ?? DOWNTIME_LIMIT_MS,
      dirtyWindowSec: WINDOW_SEC,
      ...figure('memoryMib', positive(told(vm, 'balloon.maximum') / KIB_PER_MIB)),
      ...(first === undefined ? {} : { dirtyMibPerSec: first }),
      ...(more.length === 0
        ? {}
        : { moreDirtyWindows: more.map((mibPerSec) => ({ mibPerSec, windowSec: WINDOW_SEC })) }),
      ...figure('load1', busyCores(before.host, host, spanMs)),
      ...figure('cpuMsPerSec', (cpuMs * 1000) / spanMs),
      ...figure('residentMib', positive(told(vm, 'balloon.rss') / KIB_PER_MIB)),
      ...figure('unusedMib', isOld ? Number.NaN : told(vm, 'balloon.unused') / KIB_PER_MIB),
    }
  }

  /** Whoever can't be asked has not allowed it. */
  private async mayPostCopy(libvirt: Libvirt, domain: Domain): Promise<boolean> {
    if (this.site.postCopyVms?.includes(domain.name) === true) return true
    try {
      const xml = await deskOf(libvirt).xmlOf(domain, this.options.vmWaitMs)
      return wishesOf(parseXml(xml, 'its description')).isPostCopyAllowed
    } catch {
      return false
    }
  }
}

/** Undefined: the host tells nothing of it any more. */
async function lookAt(libvirt: Libvirt, domain: Domain, at: number): Promise<Look | undefined> {
  const [records, host] = await Promise.all([
    libvirt.domainStats(GROUPS, { of: [domain], isNoWait: true }),
    // A hypervisor that does not count its CPUs' time tells of its VMs all the same.
    libvirt.nodeCpuStats().catch(() => []),
  ])
  const record = records.find((one) => one.domain.uuid === domain.uuid)
  if (record === undefined) return undefined
  return { atMs: performance.now(), vm: domainStats(domain.name, at, record.parameters), host }
}

/** A result of before stays in the statistics until the next is there: one that began when that did says nothing of now. */
function isMeasured(is: DomainStats, was: DomainStats): boolean {
  if (is.fields.get('dirtyrate.calc_status') !== MEASURED) return false
  const start = is.fields.get('dirtyrate.calc_start_time')
  return start === undefined || start !== was.fields.get('dirtyrate.calc_start_time')
}

/** Cores of the host that ran, or waited for a disk, over a span: what Linux's load average counts, less those who wait for a core. NaN where the host
 *  does not tell or its counters stood still. */
function busyCores(before: readonly NodeStat[], after: readonly NodeStat[], spanMs: number): number {
  const rise = (names: readonly string[]): number => {
    const sum = (stats: readonly NodeStat[]): number =>
      stats.reduce((all, { field, value }) => (names.includes(field) ? all + value : all), 0)
    return sum(after) - sum(before)
  }
  const passed = rise(['user', 'kernel', 'iowait', 'idle'])
  return passed > 0 ? rise(['user', 'kernel', 'iowait']) / NS_PER_MS / spanMs : Number.NaN
}

/** It says nothing of the host: QEMU refused, or did not answer. */
function isOfVm(error: unknown): boolean {
  return error instanceof LibvirtError && (error.code === 'refused' || error.code === 'busy')
}

function told({ fields }: DomainStats, name: string): number {
  return fields.get(name) ?? Number.NaN
}

function positive(value: number): number {
  return value > 0 ? value : Number.NaN
}

/** Absent where it is no number or less than nothing: a counter that went back. */
function figure<Name extends keyof VmFacts>(name: Name, value: number): Partial<Record<Name, number>> {
  return Number.isFinite(value) && value >= 0 ? ({ [name]: value } as Record<Name, number>) : {}
}

function unreadable(reason: string): VmFactsAnswer {
  return { kind: 'unreadable', reason }
}
