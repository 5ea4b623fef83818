/** What one series of demand has been, and what may be told of it at once: simple forecasts, each capped, and sums over spans. Values come one a slot of five
 *  minutes; a gap is filled with what was before it. Nothing here has a unit: it is that of the values. */
import { fitAutoregression } from './levinson.ts'
import { RecursiveLeastSquares } from './recursive-least-squares.ts'

export const HOUR_SLOTS = 12
export const DAY_SLOTS = 288
export const WEEK_SLOTS = 7 * DAY_SLOTS
/** Slots ahead: 5, 15, 30 and 60 minutes. */
export const HORIZONS = [1, 3, 6, 12] as const
export type Horizon = (typeof HORIZONS)[number]
const FURTHEST = 12
export const AR_ORDER = 24
/** Before there are two days a fit of 24 lags says little. */
const AR_SLOTS_MIN = 2 * DAY_SLOTS
const RLS_INPUTS = 8
/** Half of what it knows is of the last 29 hours. */
const RLS_FORGETTING = 0.998
export const SMOOTHINGS = [0.1, 0.3, 0.6] as const
/** Spans of sums, in slots. */
export const MEAN_SPANS = [3, 6, 12, 36, 144, 288, WEEK_SLOTS] as const
export const SD_SPANS = [12, 36, 288, WEEK_SLOTS] as const
const DAYS = 7
/** Nothing is forecast that is so many times the most of a week: least squares run away where inputs leave what they were learned on
 *  (at 60 minutes its error was five times that of the last value). */
const CAP_TIMES = 1.5
const TINY = 1e-6

export class DemandMemory {
  /** The last week, by slot modulo its length. */
  private readonly values = new Float32Array(WEEK_SLOTS)
  /** The most of each of the last days. */
  private readonly dayMost = new Float32Array(DAYS)
  private count = 0
  private readonly ewma = new Float64Array(SMOOTHINGS.length)
  private readonly sums = new Float64Array(MEAN_SPANS.length)
  private readonly squares = new Float64Array(SD_SPANS.length)
  /** Sums of |change| over an hour and a day. */
  private readonly changes = new Float64Array(2)
  private ar: { readonly mean: number; readonly lags: Float32Array } = { mean: 0, lags: new Float32Array(AR_ORDER) }
  private fittedAt = -Infinity
  private readonly rls = HORIZONS.map(() => new RecursiveLeastSquares(RLS_INPUTS, RLS_FORGETTING))
  /** Inputs of the last slots, for when their targets have come. */
  private readonly inputs = new Float64Array((FURTHEST + 1) * RLS_INPUTS)
  private readonly ahead = new Float64Array(FURTHEST)

  /** Slots heard of since the start. */
  get slots(): number {
    return this.count
  }

  /** The newest value. */
  get now(): number {
    return this.at(0)
  }

  /** The value so many slots ago; NaN: before the start, or more than a week ago. */
  at(ago: number): number {
    if (ago < 0 || ago >= this.count || ago >= WEEK_SLOTS) return NaN
    return this.values[(this.count - 1 - ago) % WEEK_SLOTS]
  }

  /** @param heard NaN: nothing was measured in this slot */
  add(heard: number): void {
    const value = Number.isFinite(heard) ? Math.max(0, heard) : this.count === 0 ? 0 : this.at(0)
    this.roll(value)
    this.values[this.count % WEEK_SLOTS] = value
    const day = Math.floor(this.count / DAY_SLOTS) % DAYS
    this.dayMost[day] = this.count % DAY_SLOTS === 0 ? value : Math.max(this.dayMost[day], value)
    this.count++
    SMOOTHINGS.forEach((share, s) => {
      this.ewma[s] = this.count === 1 ? value : this.ewma[s] + share * (value - this.ewma[s])
    })
    this.learn(value)
    if (this.count >= AR_SLOTS_MIN && this.count - this.fittedAt >= DAY_SLOTS) this.fit()
    if (this.fittedAt >= 0) this.iterate()
  }

  smoothed(which: 0 | 1 | 2): number {
    return this.ewma[which]
  }

  /** By autoregression over the last week, fitted daily; before that the smoothed value. */
  autoregression(horizon: Horizon): number {
    return this.fittedAt < 0 ? this.ewma[2] : this.capped(this.ahead[horizon - 1])
  }

  /** By least squares that learn with each value. */
  leastSquares(horizon: Horizon): number {
    const at = ((this.count - 1) % (FURTHEST + 1)) * RLS_INPUTS
    return this.capped(this.rls[HORIZONS.indexOf(horizon)].predict(this.inputs, at) * this.unit())
  }

  mean(span: (typeof MEAN_SPANS)[number]): number {
    return this.sums[MEAN_SPANS.indexOf(span)] / Math.min(span, Math.max(1, this.count))
  }

  sd(span: (typeof SD_SPANS)[number]): number {
    const mean = this.mean(span)
    const square = this.squares[SD_SPANS.indexOf(span)] / Math.min(span, Math.max(1, this.count))
    return Math.sqrt(Math.max(0, square - mean * mean))
  }

  /** Mean |change| from slot to slot. */
  change(span: 'hour' | 'day'): number {
    const most = span === 'hour' ? HOUR_SLOTS : DAY_SLOTS
    return this.changes[span === 'hour' ? 0 : 1] / Math.min(most, Math.max(1, this.count))
  }

  /** The most of the last seven days. */
  get most(): number {
    return Math.max(...this.dayMost)
  }

  /** How much the series varies by: what features and targets are counted in, never 0. */
  get scale(): number {
    return Math.max(this.sd(36), this.change('hour'), 0.25 * this.sd(288), 0.02 * this.mean(288), TINY)
  }

  /** The same slot of the days before, oldest last, at most seven: values for so many slots ahead. */
  sameSlot(ahead: number): readonly number[] {
    return this.every(DAY_SLOTS, ahead, DAYS)
  }

  /** The same minute of the hours before, as what a clock starts has it. */
  sameMinute(ahead: number, hours: number): readonly number[] {
    return this.every(HOUR_SLOTS, ahead, hours)
  }

  private every(step: number, ahead: number, most: number): readonly number[] {
    const found: number[] = []
    for (let k = Math.max(1, Math.ceil(ahead / step)); found.length < most; k++) {
      const value = this.at(k * step - ahead)
      if (Number.isNaN(value)) break
      found.push(value)
    }
    return found
  }

  private capped(value: number): number {
    return Math.min(Math.max(0, value), CAP_TIMES * this.most)
  }

  private unit(): number {
    return Math.max(this.mean(288), TINY)
  }

  private roll(value: number): void {
    const gone = (span: number): number => (this.count >= span ? this.at(span - 1) : 0)
    MEAN_SPANS.forEach((span, m) => {
      this.sums[m] += value - gone(span)
    })
    SD_SPANS.forEach((span, s) => {
      this.squares[s] += value * value - gone(span) ** 2
    })
    const change = this.count === 0 ? 0 : Math.abs(value - this.at(0))
    ;[HOUR_SLOTS, DAY_SLOTS].forEach((span, c) => {
      this.changes[c] += change - (this.count > span ? Math.abs(this.at(span - 1) - this.at(span)) : 0)
    })
  }

  private learn(value: number): void {
    const unit = this.unit()
    const placeOf = (ago: number): number => ((this.count - 1 - ago) % (FURTHEST + 1)) * RLS_INPUTS
    HORIZONS.forEach((horizon, h) => {
      if (this.count > horizon) this.rls[h].learn(this.inputs, placeOf(horizon), value / unit)
    })
    const profile = meanOf(this.sameSlot(HORIZONS[2]))
    const told = [unit, value, this.at(1), this.mean(6), this.mean(12), this.mean(36), this.mean(288), profile]
    told.forEach((input, i) => {
      this.inputs[placeOf(0) + i] = Number.isNaN(input) ? 1 : input / unit
    })
  }

  private fit(): void {
    const n = Math.min(this.count, WEEK_SLOTS)
    this.ar = fitAutoregression(
      Float32Array.from({ length: n }, (_, i) => this.at(n - 1 - i)),
      AR_ORDER,
    )
    this.fittedAt = this.count
  }

  private iterate(): void {
    const { ahead, ar } = this
    for (let step = 0; step < FURTHEST; step++) {
      let sum = ar.mean
      for (let lag = 0; lag < AR_ORDER; lag++) {
        const value = lag < step ? ahead[step - 1 - lag] : this.at(lag - step)
        sum += ar.lags[lag] * (value - ar.mean)
      }
      ahead[step] = sum
    }
  }
}

/** NaN of none. */
export function meanOf(values: readonly number[]): number {
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** NaN of none. */
export function medianOf(values: readonly number[]): number {
  return values.length === 0 ? NaN : values.toSorted((a, b) => a - b)[values.length >> 1]
}
