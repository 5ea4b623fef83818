import { READING_LENGTH, type Reading, stretchOf } from '../../terms/reading.ts'
import type { EpochMs } from '../../terms/units.ts'
import { LogHistogram } from './log-histogram.ts'

/** Parts that a window is made of: it rolls on by a twelfth of itself. */
const PARTS = 12
const CPU = 0
/** What stands before the sums of a part when it is saved: time covered, highest CPU, numbers of the histogram. */
const PART_HEAD = 3
const PART_LENGTH = PART_HEAD + 2 * READING_LENGTH

/** What was measured within one part of a window. */
class Part {
  from: EpochMs = -Infinity
  /** Time that readings cover. */
  spanMs = 0
  readonly sums = new Float64Array(READING_LENGTH)
  readonly spans = new Float64Array(READING_LENGTH)
  cpuMax = -Infinity
  readonly cpu = new LogHistogram()

  clear(from: EpochMs): void {
    this.from = from
    this.spanMs = 0
    this.sums.fill(0)
    this.spans.fill(0)
    this.cpuMax = -Infinity
    this.cpu.clear()
  }

  /** @param partMs what the reading spans of this part */
  add(reading: Reading, partMs: number): void {
    this.spanMs += partMs
    const { values } = reading
    for (let i = 0; i < READING_LENGTH; i++) {
      const value = values[i]
      if (!Number.isFinite(value)) continue
      const weightMs = partMs * stretchOf(reading, i)
      this.sums[i] += value * weightMs
      this.spans[i] += weightMs
    }
    const cpu = values[CPU]
    if (!Number.isFinite(cpu)) return
    this.cpuMax = Math.max(this.cpuMax, cpu)
    this.cpu.add(cpu, partMs * stretchOf(reading, CPU))
  }
}

/** What must be kept of a window over a restart. */
export interface SavedWindow {
  readonly partMs: number
  readonly lastAt: EpochMs
  readonly firstAt: EpochMs
  readonly hasRolled: boolean
  /** Numbers of the parts that hold anything, counted from 1970, oldest first. */
  readonly numbers: readonly number[]
  /** One after the other what each holds: `PART_HEAD` numbers, sums, spans, histogram. */
  readonly bulk: Float32Array
}

/** Time-weighted means of every measure over a rolling window, with the levels of the CPU, in memory that does not grow. The window is made of
 *  twelve parts and the one that is being filled; the oldest goes as a whole, so that it spans between 12 and 13 parts. A reading that spans several
 *  parts counts in each by what it spans of it. */
export class RollingWindow {
  readonly partMs: number
  private readonly parts: readonly Part[]
  private filling = 0
  /** Number of the part that is being filled, counted from 1970. */
  private current = -Infinity
  /** Where the first reading began, until the part that holds it is let go. */
  private firstAt: EpochMs | undefined
  private hasRolled = false
  private lastAt: EpochMs = -Infinity
  private readonly merged = new LogHistogram()

  constructor(windowMs: number) {
    this.partMs = Math.max(1, Math.round(windowMs / PARTS))
    this.parts = Array.from({ length: PARTS + 1 }, () => new Part())
  }

  get latest(): EpochMs {
    return this.lastAt
  }

  /** Adds a reading that is newer than the last. Each measure counts with its span where it is present, and not at all where it is absent. */
  add(reading: Reading): void {
    const { at, spanMs } = reading
    const { partMs } = this
    const lastPart = Math.ceil(at / partMs) - 1
    const begin = Math.max(at - spanMs, (lastPart - PARTS) * partMs)
    this.firstAt ??= begin
    this.lastAt = at
    // What lies before the part being filled, because a clock was put back a little, counts in that part.
    const firstPart = Math.min(lastPart, Math.max(this.current, Math.floor(begin / partMs)))
    for (let part = firstPart; part <= lastPart; part++) {
      const from = part === firstPart ? begin : part * partMs
      this.partOf(part).add(reading, Math.min(at, (part + 1) * partMs) - from)
    }
  }

  /** Forgets all: the clock was put back, and what was is in the future now. */
  clear(): void {
    for (const part of this.parts) part.clear(-Infinity)
    this.current = -Infinity
    this.firstAt = undefined
    this.hasRolled = false
    this.lastAt = -Infinity
  }

  /** Undefined while nothing was seen. */
  save(): SavedWindow | undefined {
    const { partMs, lastAt, firstAt, hasRolled } = this
    if (firstAt === undefined) return undefined
    const held = this.parts.filter(({ from }) => from !== -Infinity).toSorted((a, b) => a.from - b.from)
    const bulk = held.flatMap(({ spanMs, cpuMax, sums, spans, cpu }) => {
      const pairs = cpu.save()
      return [spanMs, cpuMax, pairs.length, ...sums, ...spans, ...pairs]
    })
    const numbers = held.map(({ from }) => Math.round(from / partMs))
    return { partMs, lastAt, firstAt, hasRolled, numbers, bulk: Float32Array.from(bulk) }
  }

  /** Takes back what was saved; false, and the window is empty then, if it can't be that, is of another length, or is of the future. What is older
   *  than the window by now goes with the next reading. */
  restore({ partMs, lastAt, firstAt, hasRolled, numbers, bulk }: SavedWindow, now: EpochMs): boolean {
    this.clear()
    const isSound = partMs === this.partMs && firstAt <= lastAt && lastAt <= now && numbers.length <= this.parts.length
    let at = 0
    for (const [i, number] of numbers.entries()) {
      const pairs = bulk[at + 2]
      const end = at + PART_LENGTH + pairs
      const isNext = Number.isSafeInteger(number) && (i === 0 || number > numbers[i - 1]) && number * partMs <= now
      if (!isSound || !isNext || !(end <= bulk.length) || !this.restorePart(number, bulk.subarray(at, end))) {
        this.clear()
        return false
      }
      at = end
    }
    if (!isSound || at !== bulk.length) {
      this.clear()
      return false
    }
    this.firstAt = firstAt
    this.lastAt = lastAt
    this.hasRolled = hasRolled
    return true
  }

  /** Lets go of what is older than the window at `now`. */
  roll(now: EpochMs): void {
    const oldestMs = (Math.ceil(now / this.partMs) - 1 - PARTS) * this.partMs
    for (const part of this.parts) if (part.from < oldestMs) this.letGo(part)
  }

  /** Where the window begins: at the first reading, later at the oldest part that is kept. */
  from(now: EpochMs): EpochMs {
    if (!this.hasRolled) return this.firstAt ?? now
    let oldest = now
    for (const { from } of this.parts) if (from !== -Infinity) oldest = Math.min(oldest, from)
    return oldest
  }

  /** Length of what was looked at, up to now: shorter than the window at first. */
  lengthMs(now: EpochMs): number {
    return Math.max(1, now - this.from(now))
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

  cpuMax(): number {
    let max = -Infinity
    for (const part of this.parts) max = Math.max(max, part.cpuMax)
    return Number.isFinite(max) ? max : Number.NaN
  }

  /** CPU that is not exceeded in this share of the time, within the histogram's error and never above the maximum. */
  cpuQuantile(share: number): number {
    this.merged.clear()
    for (const part of this.parts) if (part.spanMs > 0) this.merged.merge(part.cpu)
    return Math.min(this.merged.quantile(share), this.cpuMax())
  }

  private restorePart(number: number, saved: Float32Array): boolean {
    const [spanMs, cpuMax] = saved
    const numbers = saved.subarray(PART_HEAD, PART_LENGTH)
    if (!(spanMs >= 0 && spanMs < Infinity) || Number.isNaN(cpuMax) || !numbers.every(Number.isFinite)) return false
    const part = this.partOf(number)
    part.spanMs = spanMs
    part.cpuMax = cpuMax
    part.sums.set(numbers.subarray(0, READING_LENGTH))
    part.spans.set(numbers.subarray(READING_LENGTH))
    return part.cpu.restore(saved.subarray(PART_LENGTH))
  }

  private partOf(number: number): Part {
    if (number !== this.current) {
      this.current = number
      this.filling = (this.filling + 1) % this.parts.length
      const part = this.parts[this.filling]
      this.letGo(part)
      part.from = number * this.partMs
      this.roll((number + 1) * this.partMs)
    }
    return this.parts[this.filling]
  }

  private letGo(part: Part): void {
    if (part.from === -Infinity) return
    this.hasRolled = true
    part.clear(-Infinity)
  }
}
