import type { KeptReport } from '../../terms/host-report.ts'
import type { VmId } from '../../terms/ids.ts'
import type { Resource } from '../../terms/sample.ts'
import type { EpochMs } from '../../terms/units.ts'
import { SLOT_MS, slotOf, type UsageSeries, type UsageSlot } from '../../terms/usage.ts'
import { slotOfReport, slotsWithin } from '../../terms/usage-fold.ts'
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

  /** The VMs of a host's report; of one whose memory is still arriving, the host that it leaves tells. */
  report({ windowEnd, windowMs, arrivedAt, vms }: KeptReport): void {
    const slotAt = slotOfReport(windowEnd, arrivedAt)
    for (const { vm, state, mean, max } of vms) {
      if (state === 'incoming') continue
      this.slabs.report(this.names.give(vm.id), slotAt, { mean, max }, windowMs)
    }
    this.slabs.flush()
  }

  /** Parallel to `vms`. */
  seriesOf(vms: readonly VmId[], span: Span): readonly UsageSeries[] {
    const { firstSlotAt, slots } = slotsWithin(span)
    const columns: UsageColumns[] = []
    const groups = new Map<number, Map<number, UsageColumns>>()
    const window = { firstSlot: firstSlotAt / SLOT_MS, slots }
    vms.forEach((vm, i) => {
      const number = this.names.find(vm)
      columns.push(new UsageColumns(slots, span.meanOf))
      if (number === undefined) return
      this.days.fill(number, window, columns[i])
      const group = Math.floor(number / GROUP_VMS)
      let places = groups.get(group)
      if (places === undefined) groups.set(group, (places = new Map()))
      // Whoever asks for one VM twice is told twice.
      const place = number % GROUP_VMS
      columns[i] = places.get(place) ?? columns[i]
      places.set(place, columns[i])
    })
    // What was told later than it was packed stands over it.
    for (const [group, places] of groups) this.slabs.fill(group, window, places)
    return columns.map((filled, i) => filled.series(vms[i], firstSlotAt))
  }
}
