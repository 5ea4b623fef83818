import { dimensionIndex } from '../../terms/personality.ts'
import type { Measure, Reading } from '../../terms/reading.ts'

/** Measures of which a day of five-minute means is kept: what a change or an anomaly is told from. CPU is the first. */
export const HISTORY_MEASURES = [
  'cpuRefCoresMean',
  'memoryUsedBytes',
  'diskReadBytesPerSec',
  'diskWriteBytesPerSec',
  'netReceiveBytesPerSec',
  'netSendBytesPerSec',
  'contextSwitchesPerSec',
  'processBirthsPerSec',
] as const satisfies readonly Measure[]
const PLACES = HISTORY_MEASURES.map((measure) => dimensionIndex(measure))
/** A slot of which less is covered says nothing. */
const COVERAGE_MIN = 0.2

/** A ring of slots, oldest first when read. A slot nobody saw is NaN. */
export class SlotHistory {
  readonly slotMs: number
  readonly slots: number
  /** One row a measure, `slots` long. */
  private readonly rows: readonly Float32Array[]
  private readonly sums = new Float64Array(PLACES.length)
  private readonly spans = new Float64Array(PLACES.length)
  /** Number of the slot being filled, counted from 1970. */
  private slot = -1
  private filled = 0

  constructor(slotMs: number, slots: number) {
    this.slotMs = slotMs
    this.slots = slots
    this.rows = PLACES.map(() => new Float32Array(slots).fill(Number.NaN))
  }

  /** Adds a reading; returns how many slots were closed by it, those passed over in a gap included. */
  add({ at, spanMs, values }: Reading): number {
    const slot = Math.floor(at / this.slotMs)
    const isNew = slot !== this.slot
    const closed = isNew && this.slot >= 0 ? this.close(slot) : 0
    if (isNew) this.slot = slot
    PLACES.forEach((place, i) => {
      const value = values[place]
      if (value !== value) return
      this.sums[i] += value * spanMs
      this.spans[i] += spanMs
    })
    return closed
  }

  /** Slots that were closed, at most `slots`. */
  get length(): number {
    return Math.min(this.filled, this.slots)
  }

  /** Number of the slot that is being filled; -1 before the first reading. */
  get current(): number {
    return this.slot
  }

  /** Value of a measure `back` slots ago, 1 being the newest closed one; NaN where absent. */
  ago(measure: number, back: number): number {
    if (back < 1 || back > this.length) return Number.NaN
    return this.rows[measure][(this.filled - back) % this.slots]
  }

  /** Present values of a measure, oldest first, into `into`. */
  series(measure: number, into: Float64Array): Float64Array {
    let count = 0
    for (let back = this.length; back >= 1; back--) {
      const value = this.ago(measure, back)
      if (value === value) into[count++] = value
    }
    return into.subarray(0, count)
  }

  /** The rows as they would be read, for a snapshot. */
  rowsInOrder(): readonly (readonly number[])[] {
    return this.rows.map((_, i) => Array.from({ length: this.length }, (_none, k) => this.ago(i, this.length - k)))
  }

  /** Takes back what `rowsInOrder` gave, the newest closed slot being `slot`; a gap up to the next reading is filled with absent slots. */
  restore(rows: readonly (readonly number[])[], slot: number): void {
    const length = Math.min(this.slots, rows[0]?.length ?? 0)
    this.filled = length
    this.slot = slot + 1
    this.rows.forEach((row, i) => {
      row.fill(Number.NaN)
      for (let k = 0; k < length; k++) row[k] = rows[i][k]
    })
  }

  /** Closes the slot being filled, and those that were passed over while nobody looked. */
  private close(next: number): number {
    this.push((i) => (this.spans[i] >= COVERAGE_MIN * this.slotMs ? this.sums[i] / this.spans[i] : Number.NaN))
    this.sums.fill(0)
    this.spans.fill(0)
    const passed = Math.min(this.slots, Math.max(0, next - this.slot - 1))
    for (let k = 0; k < passed; k++) this.push(() => Number.NaN)
    return 1 + passed
  }

  private push(valueOf: (measure: number) => number): void {
    this.rows.forEach((row, i) => {
      row[this.filled % this.slots] = valueOf(i)
    })
    this.filled++
    // Kept small, so that it stays an exact number for ever.
    if (this.filled >= 2 * this.slots) this.filled -= this.slots
  }
}
