import type { Resource } from './sample.ts'
import type { Vm } from './vm.ts'

/** A recorded or generated cluster span as read from a file: shares of each VM's size, and rates. */
export interface Trace {
  readonly name: string
  readonly stepMs: number
  readonly steps: number
  readonly vmNames: readonly string[]
  /** Row-major VM x step. `cpu` and `memory` are shares of the VM's size (1 is 100 %), the others bytes/s. NaN is absent. */
  readonly columns: Readonly<Partial<Record<Resource, Float32Array>>> & { readonly cpu: Float32Array }
  /** Resources that were generated and not measured: said in every output. */
  readonly synthetic: readonly Resource[]
  /** What a reader must know: where it comes from, what was derived. */
  readonly notes: readonly string[]
  readonly counts: TraceCounts
}

/** What the reader saw: told on one line. */
export interface TraceCounts {
  readonly vms: number
  readonly samples: number
  /** Steps within a VM's life that nobody measured. */
  readonly gaps: number
  /** Values above 100 %: kept. */
  readonly above100: number
  /** VMs that begin after the first step or end before the last. */
  readonly comeAndGo: number
}

/** Demand of every VM over time in physical units, step-major (`step * vms.length + vm`), so that one step is one subarray. */
export interface DemandSeries {
  readonly vms: readonly Vm[]
  readonly stepMs: number
  readonly steps: number
  readonly columns: Readonly<Partial<Record<Resource, Float32Array>>> & { readonly cpu: Float32Array }
  /** First and last step in which each VM lives. */
  readonly firstStep: Int32Array
  readonly lastStep: Int32Array
}
