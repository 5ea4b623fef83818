import { ParseError } from '../../terms/parse.ts'
import { readTraceBytes } from './trace-bytes.ts'

/** In a byte grid: nobody measured. */
const MISSING = 255

/** A built-in data set's file: one unsigned byte per VM and slot, VM by VM, gzip. */
export interface ByteGrid {
  readonly bytes: Uint8Array
  readonly vms: number
  readonly slots: number
}

export function readByteGrid(path: string, vms: number, slots: number): ByteGrid {
  const bytes = readTraceBytes(path)
  if (bytes.length !== vms * slots)
    throw new ParseError(path, `${bytes.length} bytes`, `Expected ${vms} VMs x ${slots} slots. Copy the file again.`)
  return { bytes, vms, slots }
}

/** Where a row of a trace comes from: one VM, from one slot on. */
export interface GridRow {
  readonly vm: number
  /** One first slot for each day of the trace. */
  readonly daySlots: readonly number[]
}

/** Copies rows into a column, `slotsPerDay` at a time, each byte by its value in `valueOf`; NaN where none was measured or
 *  the recording has ended. */
export function copyRows(
  grid: ByteGrid,
  rows: readonly GridRow[],
  slotsPerDay: number,
  valueOf: Float32Array,
): Float32Array {
  const steps = slotsPerDay * (rows[0]?.daySlots.length ?? 0)
  const column = new Float32Array(rows.length * steps).fill(Number.NaN)
  rows.forEach(({ vm, daySlots }, row) => {
    daySlots.forEach((firstSlot, day) => {
      const start = row * steps + day * slotsPerDay
      const end = Math.min(slotsPerDay, grid.slots - firstSlot)
      const from = vm * grid.slots + firstSlot
      for (let slot = 0; slot < end; slot++) column[start + slot] = valueOf[grid.bytes[from + slot]]
    })
  })
  return column
}

/** A table from byte to value; 255 is NaN. */
export function byteValues(valueOf: (byte: number) => number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, byte) => (byte === MISSING ? Number.NaN : valueOf(byte)))
}
