import { dimensionIndex } from '../../terms/personality.ts'
import { type Measure, type Reading, stretchOf } from '../../terms/reading.ts'

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

/** A ring of slots, oldest first when read. A slot nobody saw is NaN. A reading counts in each slot by what it spans of it. */
export class SlotHistory {
  readonly slotMs: number
  readonly slots: number
  /** A row a measure, `slots` long. */
  private readonly rows: Float32Array
  private readonly sums = new Float64Array(PLACES.length)
  private readonly spans = new Float64Array(PLACES.length)
  /** Number of the slot being filled, counted from 1970. */
  private slot = -1
  private filled = 0

  constructor(slotMs: number, slots: number) {
    this.slotMs = slotMs
    this.slots = slots
    this.rows = new Float32Array(PLACES.length * slots).fill(Number.NaN)
  }

  /** Adds a reading; returns how many slots were closed by it, those passed over in a gap included. */
  add(reading: Reading): number {
    const { at, spanMs } = reading
    const { slotMs } = this
    const lastSlot = Math.ceil(at / slotMs) - 1
    const begin = Math.max(at - spanMs, (lastSlot - this.slots) * slotMs)
    let closed = 0
    // A clock that was put back: the history goes on from where it is.
    if (lastSlot < this.slot) closed += this.moveTo(lastSlot)
    const firstSlot = Math.min(lastSlot, Math.max(this.slot, Math.floor(begin / slotMs)))
    for (let slot = firstSlot; slot <= lastSlot; slot++) {
      if (slot !== this.slot) closed += this.moveTo(slot)
      const from = slot === firstSlot ? begin : slot * slotMs
      this.count(reading, Math.min(at, (slot + 1) * slotMs) - from)
    }
    return Math.min(closed, this.slots)
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
    return this.rows[measure * this.slots + ((this.filled - back) % this.slots)]
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

  /** Closed slots, a row a measure, oldest first and as long as `length`. */
  savedRows(): Float32Array {
    const rows = new Float32Array(PLACES.length * this.length)
    for (let i = 0; i < PLACES.length; i++)
      for (let k = 0; k < this.length; k++) rows[i * this.length + k] = this.ago(i, this.length - k)
    return rows
  }

  /** What the slot being filled holds so far: sums, then the spans they are over. */
  savedPart(): Float64Array {
    return Float64Array.from([...this.sums, ...this.spans])
  }

  /** Takes back what was saved while `slot` was being filled; false, and nothing is changed, if it can't be that. */
  restore(saved: { readonly slot: number; readonly rows: Float32Array; readonly part: Float64Array }): boolean {
    const length = saved.rows.length / PLACES.length
    if (!Number.isInteger(length) || length > this.slots || saved.part.length !== 2 * PLACES.length) return false
    this.filled = length
    this.slot = saved.slot
    this.rows.fill(Number.NaN)
    for (let i = 0; i < PLACES.length; i++)
      this.rows.set(saved.rows.subarray(i * length, (i + 1) * length), i * this.slots)
    this.sums.set(saved.part.subarray(0, PLACES.length))
    this.spans.set(saved.part.subarray(PLACES.length))
    return true
  }

  private count(reading: Reading, spanMs: number): void {
    for (let i = 0; i < PLACES.length; i++) {
      const value = reading.values[PLACES[i]]
      if (!Number.isFinite(value)) continue
      const weightMs = spanMs * stretchOf(reading, PLACES[i])
      this.sums[i] += value * weightMs
      this.spans[i] += weightMs
    }
  }

  /** Closes the slot being filled, and those that were passed over while nobody looked. Returns how many. */
  private moveTo(next: number): number {
    const was = this.slot
    this.slot = next
    if (was < 0) return 0
    const row = this.filled % this.slots
    for (let i = 0; i < PLACES.length; i++) {
      const isSeen = this.spans[i] >= COVERAGE_MIN * this.slotMs
      this.rows[i * this.slots + row] = isSeen ? this.sums[i] / this.spans[i] : Number.NaN
    }
    this.sums.fill(0)
    this.spans.fill(0)
    this.advance()
    const passed = Math.min(this.slots, Math.max(0, next - was - 1))
    for (let k = 0; k < passed; k++) {
      for (let i = 0; i < PLACES.length; i++) this.rows[i * this.slots + (this.filled % this.slots)] = Number.NaN
      this.advance()
    }
    return 1 + passed
  }

  private advance(): void {
    this.filled++
    // Kept small, so that it stays an exact number for ever.
    if (this.filled >= 2 * this.slots) this.filled -= this.slots
  }
}
