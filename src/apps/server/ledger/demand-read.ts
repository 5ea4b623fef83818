/** What VMs wanted in slots that are over, read for many at once: a week may settle thousands of moves and stays. */
import { parseVmId, type VmId } from '../../../terms/ids.ts'
import { DAY_MS, type EpochMs } from '../../../terms/units.ts'
import { SLOT_MS } from '../../../terms/usage.ts'
import type { Usage } from '../../../world/site-store.ts'

/** VMs of one call, and the span that it is about: 16 MB of columns at most. */
const VMS_MOST = 500
const SPAN_MS_MAX = DAY_MS

/** Whose demand is wanted, and who is told what it was in the slot that ends at an instant: NaN where nobody measured it. */
export interface DemandAsked {
  readonly vm: string
  readonly from: EpochMs
  readonly to: EpochMs
  readonly tell: (wantedAt: (at: EpochMs) => number) => void
}

/** Tells all of them, oldest first. Rejects with a `StoreError`; those of before are told. */
export async function readDemand(usage: Pick<Usage, 'seriesOf'>, asked: readonly DemandAsked[]): Promise<void> {
  for (const { from, to, parts } of batchesOf(asked)) {
    const vms = [...new Set(parts.map(({ vm }) => parseVmId(vm)))]
    const series = await usage.seriesOf(vms, { from, to: to + SLOT_MS, meanOf: 'cpu' })
    const place = new Map<VmId, number>(vms.map((vm, i) => [vm, i]))
    for (const { vm, tell } of parts) {
      const { firstSlotAt, mean } = series[place.get(parseVmId(vm)) ?? 0]
      tell((at) => mean.cpu?.[Math.round((at - SLOT_MS - firstSlotAt) / SLOT_MS)] ?? NaN)
    }
  }
}

interface Batch {
  readonly from: EpochMs
  to: EpochMs
  readonly parts: DemandAsked[]
  readonly vms: Set<string>
}

function batchesOf(asked: readonly DemandAsked[]): readonly Batch[] {
  const batches: Batch[] = []
  for (const part of asked.toSorted((a, b) => a.from - b.from)) {
    const { vm, from, to } = part
    const last = batches.at(-1)
    if (last !== undefined && to - last.from <= SPAN_MS_MAX && (last.vms.size < VMS_MOST || last.vms.has(vm))) {
      last.to = Math.max(last.to, to)
      last.parts.push(part)
      last.vms.add(vm)
    } else batches.push({ from, to, parts: [part], vms: new Set([vm]) })
  }
  return batches
}
