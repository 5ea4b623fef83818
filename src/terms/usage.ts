import type { HostId, VmId } from './ids.ts'
import type { Resource } from './sample.ts'
import { type EpochMs, MINUTE_MS } from './units.ts'

/** Length of a slot of usage, in milliseconds. Slots begin at whole multiples of it since 1970. */
export const SLOT_MS = 5 * MINUTE_MS

/** Numbers by resource, in the units of `RESOURCES`. A resource that nobody measured is missing. */
export type ByResource = Readonly<Partial<Record<Resource, number>>>

/** What one VM used in one slot. */
export interface UsageSlot {
  readonly vmId: VmId
  /** When the slot begins. */
  readonly slotAt: EpochMs
  readonly mean: ByResource
  /** Highest of the shorter spans within the slot; missing where only the mean is known. */
  readonly max: ByResource
}

/** One VM's usage over a span, as columns of one number per slot. NaN is absent within a column; a resource that was never measured is missing. */
export interface UsageSeries {
  readonly vmId: VmId
  readonly firstSlotAt: EpochMs
  readonly slots: number
  readonly mean: Readonly<Partial<Record<Resource, Float32Array>>>
  readonly max: Readonly<Partial<Record<Resource, Float32Array>>>
}

/** What one host used over a span, as columns of one number per slot. NaN is absent within a column; what was never measured is missing. */
export interface HostUsageSeries {
  readonly hostId: HostId
  readonly firstSlotAt: EpochMs
  readonly slots: number
  /** Busy reference cores: of the whole host where it measures itself, of its VMs together where it does not. */
  readonly cpuRefCoresMean?: Float32Array
  readonly cpuRefCoresMax?: Float32Array
  readonly memoryUsedBytes?: Float32Array
}

/** Under which name a host's own usage is kept beside that of VMs. No id has a space in it: no VM is so called. */
export function usageNameOf(host: HostId): VmId {
  return `host ${host}` as VmId
}

/** The columns of a host, as they were kept under its name. */
export function hostSeriesOf(hostId: HostId, { firstSlotAt, slots, mean, max }: UsageSeries): HostUsageSeries {
  return {
    hostId,
    firstSlotAt,
    slots,
    ...(mean.cpu === undefined ? {} : { cpuRefCoresMean: mean.cpu }),
    ...(max.cpu === undefined ? {} : { cpuRefCoresMax: max.cpu }),
    ...(mean.memory === undefined ? {} : { memoryUsedBytes: mean.memory }),
  }
}

/** The slot that an instant lies in. */
export function slotOf(at: EpochMs): EpochMs {
  return Math.floor(at / SLOT_MS) * SLOT_MS
}
