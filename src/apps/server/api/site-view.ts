/** VMs and hosts as lists want them: read from the store at most once in a while, however many ask. */
import { type HostId, type VmId } from '../../../terms/ids.ts'
import type { HostCharacteristics } from '../../../terms/host.ts'
import { readHostRecord } from '../../../terms/host-record.ts'
import type { KeptReport, ReportedVm } from '../../../terms/host-report.ts'
import { ParseError } from '../../../terms/parse.ts'
import { readDimension } from '../../../terms/personality.ts'
import type { EpochMs } from '../../../terms/units.ts'
import type { HostRow, Identity, SiteStore } from '../../../world/site-store.ts'

/** One VM as everybody sees it: itself, and the host that it runs on. */
export interface SeenVm {
  readonly vm: VmId
  readonly identity?: Identity
  /** When its newest vector arrived. */
  readonly vectorAt?: EpochMs
  /** Memory that its newest vector says it writes anew. Absent: it does not say. */
  readonly dirtiedBytesPerSec?: number
  readonly on?: { readonly host: HostId; readonly reported: ReportedVm; readonly reportedAt: EpochMs }
}

/** One host: registered, reporting, or both. */
export interface SeenHost {
  readonly host: HostId
  readonly row?: HostRow
  readonly report?: KeptReport
  readonly characteristics?: HostCharacteristics
  /** Why there are no characteristics. */
  readonly lacking?: string
}

export interface Snapshot {
  readonly at: EpochMs
  /** By name. */
  readonly vms: readonly SeenVm[]
  readonly hosts: readonly SeenHost[]
  readonly vmByName: ReadonlyMap<string, SeenVm>
  readonly hostByName: ReadonlyMap<string, SeenHost>
}

/** A list of 10,000 VMs costs some 50 ms of reading: 2.5 % of a core where somebody looks all the time. */
const FRESH_MS = 2000

export class SiteView {
  private readonly store: SiteStore
  private readonly now: () => EpochMs
  private reading: Promise<Snapshot> | undefined
  private kept: Snapshot | undefined
  private changes = 0
  /** When the newest vector of each VM arrived, and up to when we looked. */
  private readonly vectorAt = new Map<VmId, EpochMs>()
  private readonly dirtied = new Map<VmId, number>()
  private vectorsSeenTo: EpochMs | undefined
  private readonly records = new Map<HostId, { readonly row: HostRow; readonly seen: Omit<SeenHost, 'host'> }>()

  constructor(store: SiteStore, now: () => EpochMs) {
    this.store = store
    this.now = now
  }

  /** The site as it is now, or was a moment ago. Rejects with a `StoreError`. */
  async read(): Promise<Snapshot> {
    const age = this.kept === undefined ? Infinity : this.now() - this.kept.at
    if (this.kept !== undefined && age >= 0 && age < FRESH_MS) return this.kept
    if (this.reading === undefined) {
      const reading = this.look().finally(() => {
        if (this.reading === reading) this.reading = undefined
      })
      this.reading = reading
    }
    return this.reading
  }

  /** Something was changed through us: the next who asks sees it. */
  forget(): void {
    this.changes++
    this.kept = undefined
    this.reading = undefined
  }

  private async look(): Promise<Snapshot> {
    const at = this.now()
    const { changes } = this
    // A clock that was put back: what arrives now seems to be older than what was seen, until it has caught up.
    if (this.vectorsSeenTo !== undefined && at < this.vectorsSeenTo) this.vectorsSeenTo = undefined
    const [identities, rows, reports, arrived] = await Promise.all([
      this.store.identities.list(),
      this.store.hosts.list(),
      this.store.hosts.reports(),
      this.store.vectors.latest(this.vectorsSeenTo),
    ])
    for (const { vector, arrivedAt } of arrived) {
      this.vectorAt.set(vector.vmId, arrivedAt)
      const dirtied = readDimension(vector, 'memoryDirtiedBytesPerSec')
      if (dirtied === undefined) this.dirtied.delete(vector.vmId)
      else this.dirtied.set(vector.vmId, dirtied)
      // One millisecond is looked at again: others may have arrived in it.
      this.vectorsSeenTo = Math.max(this.vectorsSeenTo ?? 0, arrivedAt - 1)
    }
    const vmByName = this.joinVms(identities, reports)
    const hostByName = this.joinHosts(rows, reports)
    const snapshot = { at, vmByName, hostByName, vms: sorted(vmByName), hosts: sorted(hostByName) }
    if (changes === this.changes) this.kept = snapshot
    return snapshot
  }

  private joinVms(identities: readonly Identity[], reports: readonly KeptReport[]): Map<string, SeenVm> {
    const on = new Map<VmId, NonNullable<SeenVm['on']>>()
    for (const { hostId, arrivedAt, vms } of reports)
      for (const reported of vms) {
        const before = on.get(reported.vm.id)
        if (before !== undefined && !isNearer({ reported, reportedAt: arrivedAt }, before)) continue
        on.set(reported.vm.id, { host: hostId, reported, reportedAt: arrivedAt })
      }
    const vms = new Map<string, SeenVm>()
    for (const identity of identities) vms.set(identity.vm, this.seen(identity.vm, on.get(identity.vm), identity))
    for (const [vm, where] of on) if (!vms.has(vm)) vms.set(vm, this.seen(vm, where))
    return vms
  }

  private seen(vm: VmId, on: SeenVm['on'], identity?: Identity): SeenVm {
    const vectorAt = this.vectorAt.get(vm)
    const dirtiedBytesPerSec = this.dirtied.get(vm)
    return {
      vm,
      ...(identity === undefined ? {} : { identity }),
      ...(vectorAt === undefined ? {} : { vectorAt }),
      ...(dirtiedBytesPerSec === undefined ? {} : { dirtiedBytesPerSec }),
      ...(on === undefined ? {} : { on }),
    }
  }

  private joinHosts(rows: readonly HostRow[], reports: readonly KeptReport[]): Map<string, SeenHost> {
    const hosts = new Map<string, SeenHost>()
    for (const row of rows) hosts.set(row.hostId, { host: row.hostId, ...this.recordOf(row) })
    for (const report of reports) {
      const { hostId } = report
      hosts.set(hostId, {
        ...(hosts.get(hostId) ?? { host: hostId, lacking: 'It reports, and nobody measured it.' }),
        report,
      })
    }
    for (const host of this.records.keys()) if (!hosts.has(host)) this.records.delete(host)
    return hosts
  }

  /** Documents are long: each is read once. */
  private recordOf(row: HostRow): Omit<SeenHost, 'host'> {
    const known = this.records.get(row.hostId)
    const isSame =
      known?.row.changedAt === row.changedAt &&
      known.row.measurement === row.measurement &&
      known.row.corrections === row.corrections
    if (isSame) return known.seen
    const seen = { row, ...readRow(row) }
    this.records.set(row.hostId, { row, seen })
    return seen
  }
}

type Told = Pick<NonNullable<SeenVm['on']>, 'reported' | 'reportedAt'>

/** Whether what one host tells of a VM says better than what another told where it is. While it moves both tell of it: where it runs is where it
 *  is. A host that died, or was cut off, goes on claiming what it had: the newest word stands. */
function isNearer(told: Told, before: Told): boolean {
  const [arrives, arrived] = [told, before].map(({ reported }) => reported.state === 'incoming')
  return arrives === arrived ? told.reportedAt > before.reportedAt : arrived
}

/** A host's characteristics, or what they lack. */
export function readRow(
  row: HostRow,
): { readonly characteristics: HostCharacteristics } | { readonly lacking: string } {
  try {
    return { characteristics: readHostRecord(row) }
  } catch (error) {
    if (error instanceof ParseError) return { lacking: error.message }
    throw error
  }
}

function sorted<T>(byName: ReadonlyMap<string, T>): readonly T[] {
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
}
