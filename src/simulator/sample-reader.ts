import { RESOURCES, type Resource, type SampleBatch } from '../terms/sample.ts'
import type { DemandSeries } from '../terms/trace.ts'
import type { EpochMs } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { TelemetryError } from '../world/errors.ts'
import type { CopyActivity } from './migration-physics.ts'
import type { Roster } from './roster.ts'

/** Reads the demand series as telemetry would tell it. */
export class SampleReader {
  private readonly demand: DemandSeries
  private readonly recorded: readonly Resource[]

  constructor(demand: DemandSeries) {
    this.demand = demand
    this.recorded = RESOURCES.filter((resource) => demand.columns[resource] !== undefined)
  }

  /** CPU demand of every VM of the trace at a step, without copying. */
  cpuAt(step: number): Float32Array {
    return this.column('cpu', step)
  }

  /** The latest sample, as columns parallel to `vms`. Views of the series while all VMs of the trace live. */
  read(vms: readonly Vm[], roster: Roster, at: EpochMs): SampleBatch {
    const { stepMs, steps } = this.demand
    if (at >= steps * stepMs)
      throw new TelemetryError(
        'exhausted',
        `The trace ends after ${steps} samples of ${stepMs} ms, and it is ${at} ms.`,
      )
    const step = this.stepAt(at)
    const rows = vms === roster.vms ? roster.rows : this.rowsOf(vms)
    const columns: Partial<Record<Resource, Float32Array>> = {}
    for (const resource of this.recorded) {
      const all = this.column(resource, step)
      columns[resource] = vms === this.demand.vms ? all : Float32Array.from(rows, (row) => all[row] ?? Number.NaN)
    }
    return { at: step * stepMs, windowMs: stepMs, columns }
  }

  /** What one VM does at an instant, as far as it was recorded; memory that nobody measured is taken to be all in
   *  use. */
  activityOf(vm: number, at: EpochMs): CopyActivity {
    const place = this.stepAt(at) * this.demand.vms.length + vm
    const { columns, vms } = this.demand
    const usedBytes = columns.memory?.[place]
    return {
      cpuRefCores: measuredOr(columns.cpu[place], 0),
      usedBytes: Math.min(vms[vm].memoryBytes, measuredOr(usedBytes, vms[vm].memoryBytes)),
      incomingBytesPerSec: measuredOr(columns.netReceive?.[place], 0) + measuredOr(columns.diskRead?.[place], 0),
    }
  }

  private stepAt(at: EpochMs): number {
    return Math.min(this.demand.steps - 1, Math.floor(at / this.demand.stepMs))
  }

  private column(resource: Resource, step: number): Float32Array {
    const count = this.demand.vms.length
    return (this.demand.columns[resource] ?? new Float32Array()).subarray(step * count, (step + 1) * count)
  }

  /** For a list that is not today's: VMs that the trace does not know are absent. */
  private rowsOf(vms: readonly Vm[]): Int32Array {
    const rows = new Map(this.demand.vms.map((vm, row) => [vm.id, row]))
    return Int32Array.from(vms, (vm) => rows.get(vm.id) ?? -1)
  }
}

function measuredOr(value: number | undefined, otherwise: number): number {
  return value === undefined || Number.isNaN(value) ? otherwise : value
}
