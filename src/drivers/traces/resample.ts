import { Luck } from '../../terms/luck.ts'
import { RESOURCES, type Resource } from '../../terms/sample.ts'
import type { Trace } from '../../terms/trace.ts'
import { countTrace } from './trace-counts.ts'

export interface Resampled {
  readonly trace: Trace
  /** For each row of the new trace, the row of the old one. */
  readonly source: Int32Array
}

/** Makes a trace of `vmCount` VMs out of the VMs of another, by seed: first every row as it is, then rows drawn at random
 *  with replacement, each turned around in time by a random number of whole steps, so that copies do not peak together.
 *  Fewer VMs than the trace has are its first ones. Says so in the notes. */
export function resampleTrace(trace: Trace, vmCount: number, seed: number): Resampled {
  const { steps } = trace
  const luck = new Luck(seed)
  const known = trace.vmNames.length
  const source = new Int32Array(vmCount)
  const turn = new Int32Array(vmCount)
  for (let row = 0; row < vmCount; row++) {
    source[row] = row < known ? row : luck.below(known)
    turn[row] = row < known ? 0 : luck.below(steps)
  }
  const columns: Partial<Record<Resource, Float32Array>> = {}
  for (const resource of RESOURCES) {
    const column = trace.columns[resource]
    if (column !== undefined) columns[resource] = turned(column, steps, source, turn)
  }
  const originals = known === 1 ? 'the first' : `the first ${known}`
  const one = known === 1 ? originals : `one of ${originals}`
  const copies = vmCount - known === 1 ? `is a copy of ${one}` : `are copies of ${originals}`
  const note = `${vmCount - known} of the ${vmCount} VMs ${copies}, shifted in time by seed ${seed}`
  const cpu = columns.cpu ?? trace.columns.cpu
  const drawn: Trace = {
    ...trace,
    vmNames: Array.from(source, (vm, row) => (row < known ? trace.vmNames[vm] : `${trace.vmNames[vm]}+${row}`)),
    columns: columns as Trace['columns'],
    notes: vmCount > known ? [...trace.notes, note] : trace.notes,
    counts: countTrace(cpu, steps, columns.memory),
  }
  return { trace: drawn, source }
}

function turned(column: Float32Array, steps: number, source: Int32Array, turn: Int32Array): Float32Array {
  const out = new Float32Array(source.length * steps)
  for (let row = 0; row < source.length; row++) {
    const from = source[row] * steps
    const cut = from + turn[row]
    out.set(column.subarray(cut, from + steps), row * steps)
    out.set(column.subarray(from, cut), row * steps + steps - turn[row])
  }
  return out
}
