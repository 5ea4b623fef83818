import type { EpochMs } from './units.ts'

/** The resources of which we keep a series per VM: CPU in reference cores, memory in bytes, the others in bytes/s. CPU is *demand*: what
 *  the VM used plus what it would have used of the time that it was made to wait (steal): see `cpuDemand`. */
export const RESOURCES = ['cpu', 'memory', 'diskRead', 'diskWrite', 'netReceive', 'netSend'] as const
export type Resource = (typeof RESOURCES)[number]

/** One reading of every host itself, its own work included, as columns parallel to `Inventory.hosts`: over the same window as the VMs'.
 *  NaN stands for absent: not measured, or too old to count. A quantity that no host reports is missing as a whole. */
export interface HostSampleBatch {
  /** Busy reference cores. */
  readonly cpuRefCores?: Float32Array
  /** Memory in use, by VMs and by the host itself, without caches that it gives back. */
  readonly memoryUsedBytes?: Float64Array
  readonly watts?: Float32Array
}

/** One reading of every VM, as columns parallel to `Inventory.vms`: rates and levels over the window that ends at `at`.
 *  Inside a column NaN stands for *absent* (nobody measured); it never leaves in a vector, a record or an answer.
 *  A resource that no VM reports is missing as a whole. */
export interface SampleBatch {
  readonly at: EpochMs
  readonly windowMs: number
  readonly columns: Readonly<Partial<Record<Resource, Float32Array>>>
}
