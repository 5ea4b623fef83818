/** One day of one VM's hourly vectors in few bytes, for any store. */
import { dimensionIndex, DIMENSIONS } from '../../terms/personality.ts'
import { joinPersonality, splitPersonality } from '../../terms/personality-bytes.ts'
import type { EpochMs } from '../../terms/units.ts'
import { ABSENT, codeOf, numberOfCode } from './number-codes.ts'
import { packColumns, unpackColumns } from './packed-columns.ts'

/** A vector as it is kept. */
export interface VectorRow {
  readonly arrivedAt: EpochMs
  /** Bits of `vector-flags.ts`. */
  readonly flags: number
  readonly data: Uint8Array
}

/** A vector that is kept as its hour's, by the hour of its day. */
export interface HourlyVector extends VectorRow {
  readonly hour: number
}

/** Beside the numbers: hour, flags, arrival, and the head of the vector with room for the longest sender. */
const BESIDE_BYTES = 1 + 1 + 8 + 58
/** A phase is a name written as a number: it is kept as it is. */
const PHASE = dimensionIndex('phase')

/** Numbers by dimension, for those of one dimension are alike; what goes beside by its place, for the same reason. */
export function packHours(vectors: readonly HourlyVector[]): Uint8Array {
  const rows = vectors.length
  const codes = new Uint16Array(rows * DIMENSIONS)
  const beside = new Uint8Array(rows * BESIDE_BYTES)
  const line = new Uint8Array(BESIDE_BYTES)
  const view = new DataView(line.buffer)
  vectors.forEach(({ hour, flags, arrivedAt, data }, row) => {
    const { head, numbers } = splitPersonality(data)
    for (let i = 0; i < DIMENSIONS; i++)
      codes[i * rows + row] = i === PHASE ? phaseCode(numbers[i]) : codeOf(numbers[i])
    line.fill(0)
    line[0] = hour
    line[1] = flags
    view.setFloat64(2, arrivedAt, true)
    line.set(head, 10)
    for (let i = 0; i < BESIDE_BYTES; i++) beside[i * rows + row] = line[i]
  })
  return packColumns({ rows, codes, beside })
}

/** Reads what `packHours` wrote; undefined for anything else. */
export function unpackHours(bytes: Uint8Array): HourlyVector[] | undefined {
  const columns = unpackColumns(bytes)
  if (columns === undefined) return undefined
  const { rows, codes, beside } = columns
  if (codes.length !== rows * DIMENSIONS || beside.length !== rows * BESIDE_BYTES) return undefined
  return Array.from({ length: rows }, (_, row) => {
    const line = Uint8Array.from({ length: BESIDE_BYTES }, (_, i) => beside[i * rows + row])
    const numbers = Float32Array.from({ length: DIMENSIONS }, (_, i) => {
      const code = codes[i * rows + row]
      return i === PHASE && code !== ABSENT ? code : numberOfCode(code)
    })
    const arrivedAt = new DataView(line.buffer).getFloat64(2, true)
    return { hour: line[0], flags: line[1], arrivedAt, data: joinPersonality(line.subarray(10), numbers) }
  })
}

function phaseCode(phase: number): number {
  return Number.isNaN(phase) ? ABSENT : Math.min(Math.max(Math.round(phase), 0), 0x7fff)
}
