import { READING_LENGTH, type Reading } from '../../terms/reading.ts'
import type { EpochMs } from '../../terms/units.ts'
import { LogHistogram } from './log-histogram.ts'

/** Parts that a window is made of: it rolls on by a twelfth of itself. */
const PARTS = 12
/** A reading that spans more than this share of a part tells little of when things were; it counts all the same. */
const CPU = 0

/** What was measured within one part of a window. */
class Part {
  from: EpochMs = -Infinity
  /** Time that readings cover. */
  spanMs = 0
  readonly sums = new Float64Array(READING_LENGTH)
  readonly spans = new Float64Array(READING_LENGTH)
  cpuSquares = 0
  cpuMax = -Infinity
  readonly cpu = new LogHistogram()

  clear(from: EpochMs): void {
    this.from = from
    this.spanMs = 0
    this.sums.fill(0)
    this.spans.fill(0)
    this.cpuSquares = 0
    this.cpuMax = -Infinity
    this.cpu.clear()
  }
}

/** Time-weighted means of every measure over a rolling window, with the spread of the CPU, in memory that does not grow. The window is made of
 *  twelve parts and the one that is being filled; the oldest goes as a whole, so that it spans between 12 and 13 parts. */
export class RollingWindow {
  readonly partMs: number
  private readonly parts: readonly Part[]
  private filling = -1
  /** Where the first reading began, until the part that holds it is let go. */
  private firstAt: EpochMs | undefined
  private hasRolled = false
  private lastAt: EpochMs = -Infinity

  constructor(windowMs: number) {
    this.partMs = Math.max(1, Math.round(windowMs / PARTS))
    this.parts = Array.from({ length: PARTS + 1 }, () => new Part())
  }

  /** Adds a reading. Each measure counts with the reading's span where it is present, and not at all where it is absent. */
  add({ at, spanMs, values }: Reading): void {
    const part = this.partOf(at)
    this.firstAt ??= at - spanMs
    this.lastAt = at
    part.spanMs += spanMs
    for (let i = 0; i < READING_LENGTH; i++) {
      const value = values[i]
      if (value !== value) continue
      part.sums[i] += value * spanMs
      part.spans[i] += spanMs
    }
    const cpu = values[CPU]
    if (cpu !== cpu) return
    part.cpuSquares += cpu * cpu * spanMs
    part.cpuMax = Math.max(part.cpuMax, cpu)
    part.cpu.add(cpu, spanMs)
  }

  /** Length of what was looked at, up to now: shorter than the window at first. */
  lengthMs(now: EpochMs): number {
    const from = this.hasRolled ? this.oldest() : (this.firstAt ?? now)
    return Math.max(1, now - from)
  }

  /** Share of it that readings cover. */
  coverage(now: EpochMs): number {
    let spanMs = 0
    for (const part of this.parts) spanMs += part.spanMs
    return Math.min(1, spanMs / this.lengthMs(now))
  }

  /** Mean of one measure; NaN where nobody measured it. */
  mean(index: number): number {
    let sum = 0
    let spanMs = 0
    for (const part of this.parts) {
      sum += part.sums[index]
      spanMs += part.spans[index]
    }
    return spanMs > 0 ? sum / spanMs : Number.NaN
  }

  /** Standard deviation of the CPU between readings; NaN where nobody measured it. */
  cpuDeviation(): number {
    let squares = 0
    let spanMs = 0
    for (const part of this.parts) {
      squares += part.cpuSquares
      spanMs += part.spans[CPU]
    }
    const mean = this.mean(CPU)
    return spanMs > 0 ? Math.sqrt(Math.max(0, squares / spanMs - mean * mean)) : Number.NaN
  }

  cpuMax(): number {
    const max = Math.max(...this.parts.map((part) => part.cpuMax))
    return Number.isFinite(max) ? max : Number.NaN
  }

  /** CPU that is not exceeded in this share of the time, within the histogram's error and never above the maximum. */
  cpuQuantile(share: number): number {
    const all = new LogHistogram()
    for (const part of this.parts) all.merge(part.cpu)
    return Math.min(all.quantile(share), this.cpuMax())
  }

  get latest(): EpochMs {
    return this.lastAt
  }

  private oldest(): EpochMs {
    let oldest = Infinity
    for (const { from } of this.parts) if (from !== -Infinity) oldest = Math.min(oldest, from)
    return oldest
  }

  private partOf(at: EpochMs): Part {
    const from = Math.floor(at / this.partMs) * this.partMs
    if (this.filling < 0 || this.parts[this.filling].from !== from) {
      this.filling = (this.filling + 1) % this.parts.length
      this.letGo(this.parts[this.filling], from)
      for (const part of this.parts) if (part.from < from - PARTS * this.partMs) this.letGo(part, -Infinity)
    }
    return this.parts[this.filling]
  }

  private letGo(part: Part, from: EpochMs): void {
    if (part.from !== -Infinity) this.hasRolled = true
    part.clear(from)
  }
}
