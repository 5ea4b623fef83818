import type { EpochMs } from './units.ts'

/** The resources of which we keep a series per VM. */
export const RESOURCES = ['cpu', 'memory', 'diskRead', 'diskWrite', 'netReceive', 'netSend'] as const
export type Resource = (typeof RESOURCES)[number]

/** What each resource is measured in. CPU is *demand*: what the VM used plus what it was made to wait for (steal). */
export const RESOURCE_UNITS: Readonly<Record<Resource, string>> = {
  cpu: 'reference cores',
  memory: 'bytes',
  diskRead: 'bytes/s',
  diskWrite: 'bytes/s',
  netReceive: 'bytes/s',
  netSend: 'bytes/s',
}

/** One reading of every VM, as columns parallel to `Inventory.vms`: rates and levels over the window that ends at `at`.
 *  Inside a column NaN stands for *absent* (nobody measured); it never leaves in a vector, a record or an answer.
 *  A resource that no VM reports is missing as a whole. */
export interface SampleBatch {
  readonly at: EpochMs
  readonly windowMs: number
  readonly columns: Readonly<Partial<Record<Resource, Float32Array>>>
}
