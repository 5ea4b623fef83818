import type { KeptReport } from '../../terms/host-report.ts'
import type { HostId, VmId } from '../../terms/ids.ts'
import type { Resource } from '../../terms/sample.ts'
import type { EpochMs } from '../../terms/units.ts'
import {
  hostSeriesOf,
  type HostUsageSeries,
  SLOT_MS,
  slotOf,
  usageNameOf,
  type UsageSeries,
  type UsageSlot,
} from '../../terms/usage.ts'
import { slotOfReport, slotsWithin, usageOfReport } from '../../terms/usage-fold.ts'
import type { Database } from './database.ts'
import { UsageColumns } from '../site-store/usage-columns.ts'
import { UsageDays } from './usage-days.ts'
import { GROUP_VMS, UsageSlabs } from './usage-slabs.ts'
import type { VmNames } from './vm-names.ts'

interface Span {
  readonly from: EpochMs
  readonly to: EpochMs
  readonly meanOf?: Resource
}

/** Usage of VMs by slot: of the last days as it was told, of the time before packed. Changes are made within a transaction. */
export class UsageStore {
  readonly slabs: UsageSlabs
  readonly days: UsageDays
  private readonly names: VmNames

  constructor(database: Database, names: VmNames) {
    this.names = names
    this.slabs = new UsageSlabs(database)
    this.days = new UsageDays(database)
  }

  put(slots: readonly UsageSlot[]): void {
    for (const { vmId, slotAt, mean, max } of slots)
      this.slabs.put(this.names.give(vmId), slotOf(slotAt), { mean, max })
    this.slabs.flush()
  }

  /** A host's report: itself, and its VMs; of one whose memory is still arriving, the host that it leaves tells. */
  report(report: KeptReport): void {
    const { hostId, windowEnd, windowMs, arrivedAt, vms } = report
    const slotAt = slotOfReport(windowEnd, arrivedAt)
    for (const { vm, state, mean, max } of vms) {
      if (state === 'incoming') continue
      this.slabs.report(this.names.give(vm.id), slotAt, { mean, max }, windowMs)
    }
    this.slabs.report(this.names.giveHost(usageNameOf(hostId)), slotAt, usageOfReport(report), windowMs)
    this.slabs.flush()
  }

  /** Parallel to `vms`. */
  seriesOf(vms: readonly VmId[], span: Span): readonly UsageSeries[] {
    const { firstSlotAt, slots } = slotsWithin(span)
    const known = new Map<number, UsageColumns>()
    const columns = vms.map((vm) => {
      const number = this.names.find(vm)
      // Whoever asks for one VM twice is told twice.
      const filled = (number === undefined ? undefined : known.get(number)) ?? new UsageColumns(slots, span.meanOf)
      if (number !== undefined) known.set(number, filled)
      return filled
    })
    const window = { firstSlot: firstSlotAt / SLOT_MS, slots }
    this.days.read(known, window)
    // What was told later than it was packed stands over it.
    for (const [group, places] of byGroup(known)) this.slabs.fill(group, window, places)
    return columns.map((filled, i) => filled.series(vms[i], firstSlotAt))
  }

  /** Parallel to `hosts`. */
  hostSeries(hosts: readonly HostId[], span: Omit<Span, 'meanOf'>): readonly HostUsageSeries[] {
    return this.seriesOf(hosts.map(usageNameOf), span).map((series, i) => hostSeriesOf(hosts[i], series))
  }
}

/** By group of VMs, and by place within it. */
function byGroup(columns: ReadonlyMap<number, UsageColumns>): ReadonlyMap<number, ReadonlyMap<number, UsageColumns>> {
  const groups = new Map<number, Map<number, UsageColumns>>()
  for (const [vm, filled] of columns) {
    const group = Math.floor(vm / GROUP_VMS)
    let places = groups.get(group)
    if (places === undefined) groups.set(group, (places = new Map()))
    places.set(vm % GROUP_VMS, filled)
  }
  return groups
}
