import type { EpochMs } from './units.ts'

/** The resources of which we keep a series per VM: CPU in reference cores, memory in bytes, the others in bytes/s. CPU is *demand*: what
 *  the VM used plus what it was made to wait for (steal). */
export const RESOURCES = ['cpu', 'memory', 'diskRead', 'diskWrite', 'netReceive', 'netSend'] as const
export type Resource = (typeof RESOURCES)[number]

/** One reading of every VM, as columns parallel to `Inventory.vms`: rates and levels over the window that ends at `at`.
 *  Inside a column NaN stands for *absent* (nobody measured); it never leaves in a vector, a record or an answer.
 *  A resource that no VM reports is missing as a whole. */
export interface SampleBatch {
  readonly at: EpochMs
  readonly windowMs: number
  readonly columns: Readonly<Partial<Record<Resource, Float32Array>>>
}
