import { HOST_UNKNOWN, type HostState, type Inventory } from '../../terms/cluster.ts'
import type { HostCharacteristics } from '../../terms/host.ts'
import type { KeptReport } from '../../terms/host-report.ts'
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { Lack, Verdict } from '../../terms/ranking.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { HypervisorError, type HypervisorErrorCode } from '../../world/errors.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { HostBook } from './host-book.ts'
import { freshForMs, HostDoubts } from './host-doubts.ts'
import { type DoubtfulVm, VmPlaces } from './vm-places.ts'

/** What a host told of itself. */
export interface HostTold extends Omit<KeptReport, 'vms'> {
  /** What its VMs used in all in the window of the report, in reference cores. Absent: one of them was not measured. */
  readonly vmsRefCores?: number
}

/** What hosts told beside the inventory. */
export interface SiteNotes {
  /** Hosts that are not to be believed now, or can't be counted on, and why. */
  readonly doubts: ReadonlyMap<HostId, string>
  /** Hosts that report and are not registered, or not measured. */
  readonly strangers: readonly HostId[]
  readonly doubtful: readonly DoubtfulVm[]
  /** The newest report of each host, by name. */
  readonly reports: ReadonlyMap<HostId, HostTold>
}

/** How many proposed orders are remembered. */
const PROPOSED_MOST = 1000

/** A platform known by what its hosts report, in shadow: what runs where is real, and an order is kept as proposed, never carried out.
 *  Its `begin` says yes to what the reports allow; nothing outside hears of it. */
export class ReportedHypervisor implements Hypervisor {
  readonly name = 'host reports, in shadow'
  private readonly store: SiteStore
  private readonly clock: Pick<Clock, 'now'>
  private readonly hosts = new HostBook()
  private readonly doubts = new HostDoubts()
  private readonly places = new VmPlaces()
  private readonly orders = new Map<OrderId, MigrationOrder>()
  private told: SiteNotes = { doubts: new Map(), strangers: [], doubtful: [], reports: new Map() }
  private latest: Inventory | undefined

  constructor(store: SiteStore, clock: Pick<Clock, 'now'>) {
    this.store = store
    this.clock = clock
  }

  /** As of the last inventory. */
  get notes(): SiteNotes {
    return this.told
  }

  /** The newest orders, oldest of them first. */
  get proposed(): readonly MigrationOrder[] {
    return [...this.orders.values()]
  }

  async inventory(): Promise<Inventory> {
    const [rows, reports] = await this.ask()
    const now = this.clock.now()
    this.hosts.update(rows)
    const { hosts } = this.hosts
    const reportOf = new Map(reports.map((report) => [report.hostId, report]))
    const hostIndex = new Map<string, number>(hosts.map((host, h) => [host.id, h]))
    const doubts = new Map(this.hosts.problems)
    const hostStates = hosts.map((host) => this.stateOf(host, reportOf.get(host.id), { now, doubts }))
    this.doubts.keepOnly(new Set(hosts.map(({ id }) => id)))
    // A host that was taken off the list may have had a last word after that: it claims nothing.
    const listed = new Set(rows.map(({ hostId }) => hostId))
    const claims = reports.filter(({ hostId }) => listed.has(hostId))
    const { vms, hostOf, migrations, doubtful } = this.places.update(claims, hostIndex, now)
    const strangers = reports.flatMap((report) => {
      const isGone = !listed.has(report.hostId) && now - report.arrivedAt > freshForMs(report)
      return hostIndex.has(report.hostId) || isGone ? [] : [report.hostId]
    })
    this.told = {
      doubts,
      strangers,
      doubtful,
      reports: new Map(reports.map((report) => [report.hostId, withoutVms(report)])),
    }
    this.latest = { at: now, hosts, hostStates, vms, hostOf, migrations, ended: [] }
    return this.latest
  }

  /** The clock was set forward by so much. */
  clockStepped(steppedMs: number): void {
    this.places.clockStepped(steppedMs)
  }

  async preflight(order: MigrationOrder): Promise<Verdict> {
    if (this.orders.has(order.id)) return { kind: 'fits' }
    const refusal = refusalOf(await this.inventory(), order)
    if (refusal === undefined) return { kind: 'fits' }
    return { kind: 'refused', lacking: refusal.lacking, shortBy: 1, reason: refusal.reason }
  }

  async begin(order: MigrationOrder): Promise<void> {
    if (this.orders.has(order.id)) return
    const refusal = refusalOf(this.latest ?? (await this.inventory()), order)
    if (refusal !== undefined) throw new HypervisorError(refusal.code, refusal.reason)
    this.orders.set(order.id, order)
    for (const id of this.orders.keys()) {
      if (this.orders.size <= PROPOSED_MOST) break
      this.orders.delete(id)
    }
  }

  /** Takes the proposal back. */
  async cancel(vmId: VmId): Promise<void> {
    for (const order of this.orders.values()) if (order.vmId === vmId) this.orders.delete(order.id)
  }

  private async ask() {
    try {
      return await Promise.all([this.store.hosts.list(), this.store.hosts.reports()])
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new HypervisorError('unreachable', `What hosts reported can't be read from ${this.store.name}: ${why}`, {
        cause,
      })
    }
  }

  /** What is not to be believed is out of reach: it neither receives nor gives a VM. What the operator said stands. */
  private stateOf(
    host: HostCharacteristics,
    report: KeptReport | undefined,
    { now, doubts }: { readonly now: EpochMs; readonly doubts: Map<HostId, string> },
  ): HostState {
    const doubt = this.doubts.judge(host, report, now)
    if (doubt !== undefined) doubts.set(host.id, doubt)
    if (doubt !== undefined || report === undefined) return 'unreachable'
    return report.state
  }
}

function withoutVms(report: KeptReport): HostTold {
  const { vms, ...told } = report
  const vmsRefCores = vms.reduce((sum, { state, mean }) => sum + (state === 'incoming' ? 0 : (mean.cpu ?? NaN)), 0)
  return Number.isNaN(vmsRefCores) ? told : { ...told, vmsRefCores }
}

interface Refusal {
  readonly code: HypervisorErrorCode
  readonly lacking: Lack
  readonly reason: string
}

function refusalOf(inventory: Inventory, { vmId, from, to }: MigrationOrder): Refusal | undefined {
  const { hosts, hostStates, vms, hostOf, migrations } = inventory
  const vm = vms.findIndex(({ id }) => id === vmId)
  const target = hosts.findIndex(({ id }) => id === to)
  if (vm < 0) return { code: 'unknown-vm', lacking: 'location-unknown', reason: `No host tells of a VM ${vmId}.` }
  if (target < 0) return { code: 'unknown-host', lacking: 'host-state', reason: `No host ${to} is registered.` }
  if (migrations.some((migration) => migration.vmId === vmId))
    return { code: 'busy', lacking: 'in-flight', reason: `${vmId} is being migrated, or two hosts claim it.` }
  if (hostOf[vm] === HOST_UNKNOWN)
    return { code: 'refused', lacking: 'location-unknown', reason: `Nobody knows for sure where ${vmId} runs.` }
  const { id } = hosts[hostOf[vm]]
  if (id === to) return { code: 'refused', lacking: 'same-host', reason: `${vmId} runs on ${to} already.` }
  if (id !== from)
    return { code: 'refused', lacking: 'location-unknown', reason: `${vmId} runs on ${id}, not ${from}.` }
  for (const [host, state] of [
    [from, hostStates[hostOf[vm]]],
    [to, hostStates[target]],
  ] as const) {
    if (state === 'unreachable' || (host === to && state !== 'on'))
      return { code: 'refused', lacking: 'host-state', reason: `${host} is ${state}.` }
  }
  return undefined
}
