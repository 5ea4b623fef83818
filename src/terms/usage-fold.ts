/** How what guests and hosts tell of spans of their own becomes slots of usage. Every store does it alike. */
import type { HostReport, ReportedVm } from './host-report.ts'
import { type DimensionName, type PersonalityVector, readDimension } from './personality.ts'
import { RESOURCES, type Resource } from './sample.ts'
import { type EpochMs, HOUR_MS } from './units.ts'
import { type ByResource, SLOT_MS, slotOf } from './usage.ts'

/** The slot to which a window counts: the one in which its last millisecond lies, for a window that ends with a slot is of that slot. */
export function slotOfWindow(windowEnd: EpochMs): EpochMs {
  return slotOf(windowEnd - 1)
}

/** How old usage may be that a guest tells: agents keep two days of vectors through an outage. */
export const TOLD_LATE_MS = 48 * HOUR_MS

/** The slot of which a vector tells. A guest whose clock is off tells of the time at which it was heard; undefined where it tells of the
 *  future, or of what is long packed away. */
export function slotOfVector(
  windowEnd: EpochMs,
  { arrivedAt, isClockOff }: { readonly arrivedAt: EpochMs; readonly isClockOff: boolean },
): EpochMs | undefined {
  const end = isClockOff ? arrivedAt : windowEnd
  return end > arrivedAt + SLOT_MS || end < arrivedAt - TOLD_LATE_MS ? undefined : slotOfWindow(end)
}

/** The slot of which a host's report tells: by its clock where that is right, otherwise by the time at which it arrived. */
export function slotOfReport(windowEnd: EpochMs, arrivedAt: EpochMs): EpochMs {
  return slotOfWindow(Math.abs(windowEnd - arrivedAt) <= SLOT_MS ? windowEnd : arrivedAt)
}

/** What a host's report tells of the host itself: what it measured, or else what its VMs used together. Where it does not measure itself and one of its
 *  VMs was not measured either, nobody knows. */
export function usageOfReport(report: HostReport): { readonly mean: ByResource; readonly max: ByResource } {
  const { vms, cpuRefCoresMean, cpuRefCoresMax, memoryUsedBytes } = report
  // One whose memory is still arriving runs elsewhere, and one that is paused uses no CPU.
  const here = vms.filter(({ state }) => state !== 'incoming')
  const cpu = cpuRefCoresMean ?? sumOf(here, ({ state, mean }) => mean.cpu ?? (state === 'paused' ? 0 : undefined))
  const memory = memoryUsedBytes ?? sumOf(here, ({ mean }) => mean.memory)
  return {
    mean: { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) },
    max: cpuRefCoresMean === undefined || cpuRefCoresMax === undefined ? {} : { cpu: cpuRefCoresMax },
  }
}

/** Undefined where one is not known. */
function sumOf(vms: readonly ReportedVm[], of: (vm: ReportedVm) => number | undefined): number | undefined {
  let sum = 0
  for (const vm of vms) sum += of(vm) ?? Number.NaN
  return Number.isNaN(sum) ? undefined : sum
}

/** By which dimension a VM's mean of a resource is told. */
export const MEAN_DIMENSION: Readonly<Record<Resource, DimensionName>> = {
  cpu: 'cpuRefCoresMean',
  memory: 'memoryUsedBytes',
  diskRead: 'diskReadBytesPerSec',
  diskWrite: 'diskWriteBytesPerSec',
  netReceive: 'netReceiveBytesPerSec',
  netSend: 'netSendBytesPerSec',
}

/** What a vector tells of its VM's usage: six means, and of the CPU the highest. */
export function usageOfVector(vector: Pick<PersonalityVector, 'values' | 'mask'>): {
  readonly mean: ByResource
  readonly max: ByResource
} {
  const mean: Partial<Record<Resource, number>> = {}
  for (const resource of RESOURCES) {
    const number = readDimension(vector, MEAN_DIMENSION[resource])
    if (number !== undefined) mean[resource] = number
  }
  const cpu = readDimension(vector, 'cpuRefCoresMax')
  return { mean, max: cpu === undefined ? {} : { cpu } }
}

/** The mean over two spans that both lie in one slot, weighted by their lengths; NaN is absent, and then the other stands alone. */
export function foldMean(known: number, knownMs: number, added: number, addedMs: number): number {
  if (Number.isNaN(known)) return added
  if (Number.isNaN(added)) return known
  return (known * knownMs + added * addedMs) / (knownMs + addedMs)
}

/** The higher of two; NaN is absent. */
export function foldMax(known: number, added: number): number {
  if (Number.isNaN(known)) return added
  return Number.isNaN(added) || known >= added ? known : added
}

/** The slots that begin from one instant up to and without another. */
export function slotsWithin({ from, to }: { readonly from: EpochMs; readonly to: EpochMs }): {
  readonly firstSlotAt: EpochMs
  readonly slots: number
} {
  const firstSlotAt = Math.ceil(from / SLOT_MS) * SLOT_MS
  return { firstSlotAt, slots: Math.max(0, Math.ceil((to - firstSlotAt) / SLOT_MS)) }
}
