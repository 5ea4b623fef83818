import assert from 'node:assert/strict'
import { RESOURCES, type Resource } from '../../terms/sample.ts'
import type { DemandSeries, Trace } from '../../terms/trace.ts'
import { type Vm, vmSizeRefCores } from '../../terms/vm.ts'
import { lifeSpans } from './trace-counts.ts'

/** VMs per block of the transposition: a block of 32 rows stays in the cache. */
const BLOCK = 32

/** Demand is rounded to a millionth of its unit, so that 20 % of 2.5 cores and 50 % of 1 are the same number: a share kept in single
 *  precision is not quite the percentage that was written, and planners break ties by the last bit. */
const GRAIN = 1e6

/** What each VM of `trace` asks for in physical units: CPU in reference cores, memory in bytes, the others in bytes/s.
 *  `vms` are parallel to the trace's rows. NaN stays NaN: a gap is for the reader to judge, not to fill. */
export function demandSeries(trace: Trace, vms: readonly Vm[]): DemandSeries {
  assert(vms.length === trace.vmNames.length, `${vms.length} VM sizes for ${trace.vmNames.length} rows of a trace`)
  const columns: Partial<Record<Resource, Float32Array>> = {}
  for (const resource of RESOURCES) {
    const column = trace.columns[resource]
    if (column !== undefined)
      columns[resource] = transpose(
        column,
        trace.steps,
        Float64Array.from(vms, (vm) => unitOf(vm, resource)),
      )
  }
  const { firstStep, lastStep } = lifeSpans(trace.columns.cpu, trace.steps)
  return {
    vms,
    stepMs: trace.stepMs,
    steps: trace.steps,
    columns: columns as DemandSeries['columns'],
    firstStep,
    lastStep,
  }
}

/** What 1 stands for in the trace's column of this VM. */
function unitOf(vm: Vm, resource: Resource): number {
  if (resource === 'cpu') return vmSizeRefCores(vm)
  return resource === 'memory' ? vm.memoryBytes : 1
}

/** Row-major VM x step to step x VM, each VM's values times its unit. */
function transpose(rows: Float32Array, steps: number, units: Float64Array): Float32Array {
  const vms = units.length
  const out = new Float32Array(rows.length)
  for (let block = 0; block < vms; block += BLOCK) {
    const end = Math.min(vms, block + BLOCK)
    for (let step = 0; step < steps; step++)
      for (let vm = block; vm < end; vm++)
        out[step * vms + vm] = Math.round(rows[vm * steps + step] * units[vm] * GRAIN) / GRAIN
  }
  return out
}
