/** Moves VMs between hosts of libvirt, and tells where they are: over the protocol itself, with nothing but Node. See docs/driver-libvirt.md. */
import type { HostId, OrderId, VmId } from '../../../terms/ids.ts'
import type { MigrationIntent, MoveProgress, Sighting } from '../../../terms/intent.ts'
import { HypervisorError } from '../../../world/errors.ts'
import type { HostListing, MigrationDriver, MoveCall, Preflight } from '../../../world/migration-driver.ts'
import { isNoDomain, type Libvirt } from '../rpc/libvirt.ts'
import { HostLink, hypervisorError, type LinkOptions } from './host-link.ts'
import { findVm, listHost, type LookOptions, observeVm } from './looks.ts'
import { Move } from './move.ts'
import { preflight } from './preflight.ts'
import { describeState, type DomainJob, isPostCopySource } from './presence.ts'
import { checkSite, type LibvirtSite } from './sites.ts'
import { deskOf, figureOf } from './vm-desk.ts'

export interface LibvirtDriverOptions extends LinkOptions {
  /** How long one VM is waited for; by default 2 s. */
  readonly vmWaitMs?: number
  /** How long one host is waited for where all are listed; by default 8 s. */
  readonly hostWaitMs?: number
  /** Is told what an operator may want to know and nothing fails for, each text once. */
  readonly note?: (text: string) => void
}

const VM_WAIT_MS = 2000
const HOST_WAIT_MS = 8000
const NOTES_MAX = 1000
/** Orders that are remembered, so that none is sent twice: months of them. */
const ORDERS_MAX = 100_000

export class LibvirtDriver implements MigrationDriver {
  readonly name = 'libvirt'
  /** As an operator wrote it down. */
  readonly site: LibvirtSite
  private readonly links: ReadonlyMap<HostId, HostLink>
  private readonly look: LookOptions
  private readonly calls = new Map<OrderId, Promise<MoveCall>>()
  private readonly moving = new Map<VmId, { readonly orderId: OrderId; readonly move: Move }>()
  private readonly noted = new Set<string>()
  private readonly tell: (text: string) => void
  private fence = Number.NEGATIVE_INFINITY
  private isClosed = false

  /** Throws a `ParseError` for a site that can not be; connects to nothing yet. */
  constructor(site: LibvirtSite, options: LibvirtDriverOptions = {}) {
    const { vmWaitMs = VM_WAIT_MS, hostWaitMs = HOST_WAIT_MS, note = () => undefined, ...link } = options
    const hosts = checkSite(site)
    this.site = site
    this.links = new Map([...hosts].map(([id, host]) => [id, new HostLink(host, link)]))
    this.look = { vmWaitMs, hostWaitMs, optOuts: new Set(site.optOuts), note: (text) => this.noteOnce(text) }
    this.tell = note
  }

  /** Hosts by id, for whoever reads more of them than where VMs are. */
  get hosts(): ReadonlyMap<HostId, HostLink> {
    return this.links
  }

  list(): Promise<readonly HostListing[]> {
    return Promise.all([...this.links.values()].map((link) => listHost(link, this.look)))
  }

  async observe(vmId: VmId, hostId: HostId): Promise<Sighting> {
    const link = this.links.get(hostId)
    if (link === undefined) return { kind: 'unreachable', at: Date.now(), reason: unknownHost(hostId) }
    return observeVm(vmId, link, this.look.vmWaitMs)
  }

  async preflight(intent: MigrationIntent): Promise<Preflight> {
    const [source, target] = [this.linkOf(intent.order.from), this.linkOf(intent.order.to)]
    try {
      return await preflight({ intent, source, target, site: this.site, vmWaitMs: this.look.vmWaitMs })
    } catch (error) {
      throw hypervisorError(source, error)
    }
  }

  migrate(
    intent: MigrationIntent,
    fence: number,
    objection?: () => string | undefined,
    lookAgain?: () => Promise<void>,
  ): Promise<MoveCall> {
    const { id, vmId, from, to } = intent.order
    const stale = this.staleFence(fence)
    if (stale !== undefined) return Promise.resolve({ kind: 'never-sent', reason: stale })
    this.fence = fence
    const known = this.calls.get(id)
    if (known !== undefined) return known
    const reason = this.refusal(vmId, from, to)
    // A refused one is remembered too: an order's id is good for one answer.
    const call =
      reason === undefined
        ? this.begin(intent, fence, objection, lookAgain)
        : Promise.resolve({ kind: 'never-sent', reason } as const)
    this.calls.set(id, call)
    return call
  }

  async progress(vmId: VmId, hostId: HostId): Promise<MoveProgress | undefined> {
    return this.withVm(vmId, hostId, async (libvirt, domain) => {
      const [state, job] = await Promise.all([libvirt.domainState(domain), this.jobOf(libvirt, domain)])
      if (job.kind === 'migration-in') {
        throw new HypervisorError('refused', `${vmId} is coming to ${hostId}: the source has the figures of it.`)
      }
      return job.kind === 'migration-out' ? progressOf(job, isPostCopySource(state)) : undefined
    })
  }

  async cancel(vmId: VmId, hostId: HostId): Promise<void> {
    this.moving.get(vmId)?.move.cancelled()
    await this.withVm(vmId, hostId, async (libvirt, domain) => {
      const job = await this.jobOf(libvirt, domain)
      if (job.kind === 'none') return
      const state = await libvirt.domainState(domain)
      const is = describeState(state, job)
      if (job.kind !== 'migration-out') {
        throw new HypervisorError(
          'refused',
          `${vmId} on ${hostId} is ${is}; only a migration away from there is ended.`,
        )
      }
      if (isPostCopySource(state)) {
        const why = 'its memory is on two hosts, and to end it now would lose the guest. It ends by itself'
        throw new HypervisorError('refused', `${vmId} on ${hostId} is ${is}: ${why}.`)
      }
      await this.abort(libvirt, domain)
    })
  }

  async close(): Promise<void> {
    this.isClosed = true
    const moves = [...this.moving.values()].map(({ move }) => move.forget())
    await Promise.all([...moves, ...[...this.links.values()].map((link) => link.close())])
  }

  /** libvirt refuses to end a job that has ended meanwhile: then nothing is to be done. */
  private async abort(libvirt: Libvirt, domain: Parameters<Libvirt['abortJob']>[0]): Promise<void> {
    try {
      await libvirt.abortJob(domain)
    } catch (error) {
      const job = isNoDomain(error) ? undefined : await this.jobOf(libvirt, domain)
      if (job !== undefined && job.kind !== 'none') throw error
    }
  }

  private async jobOf(libvirt: Libvirt, domain: Parameters<Libvirt['abortJob']>[0]): Promise<DomainJob> {
    const job = await deskOf(libvirt).jobOf(domain, this.look.vmWaitMs)
    if (job.kind !== 'unknown') return job
    throw new HypervisorError('busy', `What job ${domain.name} has can not be told: ${job.reason}`)
  }

  /** Undefined where the host knows no such VM. */
  private async withVm<Result>(
    vmId: VmId,
    hostId: HostId,
    work: (libvirt: Libvirt, domain: Parameters<Libvirt['abortJob']>[0]) => Promise<Result>,
  ): Promise<Result | undefined> {
    const link = this.linkOf(hostId)
    try {
      return await link.use(async (libvirt) => {
        const domain = await findVm(libvirt, vmId)
        return domain === undefined || domain.id < 0 ? undefined : work(libvirt, domain)
      })
    } catch (error) {
      if (isNoDomain(error)) return undefined
      throw hypervisorError(link, error)
    }
  }

  private async begin(
    intent: MigrationIntent,
    fence: number,
    mayNot: (() => string | undefined) | undefined,
    lookAgain: (() => Promise<void>) | undefined,
  ): Promise<MoveCall> {
    const { id, vmId, from, to } = intent.order
    const objection = (): string | undefined =>
      this.isClosed ? 'The driver was closed.' : (this.staleFence(fence) ?? mayNot?.())
    const between = { source: this.linkOf(from), target: this.linkOf(to), site: this.site }
    const move = new Move(intent, { ...between, objection, ...(lookAgain === undefined ? {} : { lookAgain }) })
    this.moving.set(vmId, { orderId: id, move })
    const call = await move.begin()
    const settled = (): void => {
      if (this.moving.get(vmId)?.move === move) this.moving.delete(vmId)
      this.forgetOldest()
    }
    if (call.kind === 'sent') void call.ended.then(settled)
    else settled()
    return call
  }

  private refusal(vmId: VmId, from: HostId, to: HostId): string | undefined {
    if (this.isClosed) return 'The driver was closed.'
    const stranger = [from, to].find((id) => !this.links.has(id))
    if (stranger !== undefined) return unknownHost(stranger)
    if (from === to) return `${vmId} is to move from ${from} to itself.`
    const other = this.moving.get(vmId)
    return other === undefined ? undefined : `${vmId} is being moved already, by order ${other.orderId}.`
  }

  private staleFence(fence: number): string | undefined {
    if (!Number.isFinite(fence)) return `${fence} is no fence.`
    if (fence >= this.fence) return undefined
    return `Another controller has taken over: fence ${fence} is behind ${this.fence}. Nothing was sent.`
  }

  private forgetOldest(): void {
    if (this.calls.size <= ORDERS_MAX) return
    const inWork = new Set([...this.moving.values()].map(({ orderId }) => orderId))
    for (const id of this.calls.keys()) {
      if (this.calls.size <= ORDERS_MAX) return
      if (!inWork.has(id)) this.calls.delete(id)
    }
  }

  private linkOf(hostId: HostId): HostLink {
    const link = this.links.get(hostId)
    if (link === undefined) throw new HypervisorError('unknown-host', unknownHost(hostId))
    return link
  }

  private noteOnce(text: string): void {
    if (this.noted.has(text) || this.noted.size >= NOTES_MAX) return
    this.noted.add(text)
    this.tell(text)
  }
}

function unknownHost(hostId: HostId): string {
  return `${hostId} is no host of this site. Is it in the configuration?`
}

function progressOf(job: Extract<DomainJob, { readonly kind: 'migration-out' }>, isPostCopy: boolean): MoveProgress {
  const told = (field: string): number | undefined => figureOf(job.stats.parameters, field)
  const [copiedBytes, remainingBytes, rounds, throttlePercent, copiedBytesPerSec, dirtyPages, pageBytes] = [
    told('data_processed') ?? told('memory_processed'),
    told('data_remaining') ?? told('memory_remaining'),
    told('memory_iteration'),
    told('auto_converge_throttle'),
    told('memory_bps'),
    // Pages written within a second, as virsh shows them too; of a page whose size is not told nothing can be said.
    told('memory_dirty_rate'),
    told('memory_page_size'),
  ]
  return {
    elapsedMs: told('time_elapsed') ?? 0,
    isPostCopy,
    ...(copiedBytes === undefined ? {} : { copiedBytes }),
    ...(remainingBytes === undefined ? {} : { remainingBytes }),
    ...(rounds === undefined ? {} : { rounds }),
    ...(copiedBytesPerSec === undefined ? {} : { copiedBytesPerSec }),
    ...(dirtyPages === undefined || pageBytes === undefined ? {} : { dirtyBytesPerSec: dirtyPages * pageBytes }),
    ...(throttlePercent === undefined ? {} : { throttle: Math.min(1, throttlePercent / 100) }),
  }
}
