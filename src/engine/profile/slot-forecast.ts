/** Forecast of one series from its own slots: six simple experts, the best so far at each horizon, and a band from the errors that were really made.
 *  Simple on purpose: nothing is trained beforehand, and a slot costs microseconds. `npm run bench -- on-board-forecast` prints how it does on real VMs,
 *  beside the last value, an exponential mean and others. */
import { LeastSquares } from './least-squares.ts'

/** Slots ahead that the schema asks for, at five minutes a slot: 5, 15, 30 and 60 minutes. */
export const HORIZON_SLOTS = [1, 3, 6, 12] as const
const HORIZONS = HORIZON_SLOTS.length
const AHEAD_MAX = 12

/** The experts: last value, exponential mean, median of the last hour, first-order autoregression, least squares, and the median of the same
 *  minute of the last three hours, for what runs by the clock. */
const LAST = 0
const EWMA = 1
const MEDIAN = 2
const AUTOREGRESSION = 3
const LEAST_SQUARES = 4
const EXPERTS = 6
/** Where none has shown what it is worth. */
const FIRST_CHOICE = MEDIAN
/** Judged fewer times than this, an expert may have been lucky. */
const JUDGED_MIN = 6

/** Weight of the newest slot in the exponential mean. */
const EWMA_WEIGHT = 0.3
const HOUR_SLOTS = 12
/** Slots kept for the experts: three hours. */
const RECENT = 36
/** What an old error still counts after each slot: half after some 34 slots, three hours. */
const LOSS_KEPT = 0.98
/** Weight of the newest slot in mean, variance and covariance of the autoregression: a memory of some 100 slots. */
const MOMENT_WEIGHT = 0.01
/** Constant, last value, the one before, means of an hour and of three, mean in the long run. */
const FEATURES = 6
/** A constant of the size of a usual share, so that it is learnt as fast as the others. */
const CONSTANT = 0.1
/** A linear rule may run away; it is held below so many times the highest value, which fades by half in some 6 days. */
const RUNAWAY = 1.5
const HIGHEST_KEPT = 0.9996
/** Errors that the band is made of, at each horizon: a day. */
const ERRORS = 288
const BOUND = 0.95

/** Places in `levels`. */
const AT_EWMA = 0
const AT_MEAN = 1
const AT_VARIANCE = 2
const AT_COVARIANCE = 3
const AT_LAST = 4
const AT_SEEN = 5
const AT_HIGHEST = 6
/** Slots so far, those that nobody saw too. */
const AT_SLOTS = 7

/** One series of shares of a VM's size. Values are of closed slots; NaN is absent. */
export class SlotForecast {
  private readonly levels = new Float64Array(8).fill(Number.NaN)
  /** Rings by slot: values, what each expert said at each horizon, what was given as the forecast, the features that least squares saw. */
  private readonly recent = new Float64Array(RECENT).fill(Number.NaN)
  private readonly said = new Float64Array(AHEAD_MAX * HORIZONS * EXPERTS).fill(Number.NaN)
  private readonly given = new Float64Array(AHEAD_MAX * HORIZONS).fill(Number.NaN)
  private readonly seenBy = new Float64Array(AHEAD_MAX * FEATURES).fill(Number.NaN)
  /** Faded sums of errors and how many those are, horizon by expert. */
  private readonly losses = new Float64Array(HORIZONS * EXPERTS)
  private readonly judged = new Float64Array(HORIZONS * EXPERTS)
  /** Rings of the errors of what was chosen, a row a horizon, and how many there were. */
  private readonly errors = new Float64Array(HORIZONS * ERRORS)
  private readonly errorCounts = new Float64Array(HORIZONS)
  private readonly rules = HORIZON_SLOTS.map(() => new LeastSquares(FEATURES))
  private readonly hour = new Float64Array(HOUR_SLOTS)

  constructor() {
    for (const place of [AT_VARIANCE, AT_COVARIANCE, AT_SEEN, AT_HIGHEST, AT_SLOTS]) this.levels[place] = 0
  }

  /** A slot was closed with this value. */
  add(value: number): void {
    if (value === value) {
      this.judge(value)
      this.learn(value)
    }
    const slot = this.levels[AT_SLOTS]++
    this.recent[slot % RECENT] = value
    const features = this.featuresAt(slot)
    features[0] = CONSTANT
    features[1] = this.levels[AT_LAST]
    features[2] = orElse(this.ago(1), features[1])
    features[3] = orElse(this.meanOf(HOUR_SLOTS), features[1])
    features[4] = orElse(this.meanOf(RECENT), features[1])
    features[5] = this.levels[AT_MEAN]
    const row = (slot % AHEAD_MAX) * HORIZONS * EXPERTS
    for (let h = 0; h < HORIZONS; h++) {
      for (let expert = 0; expert < EXPERTS; expert++) this.said[row + h * EXPERTS + expert] = this.guess(expert, h)
      this.given[(slot % AHEAD_MAX) * HORIZONS + h] = this.chosen(slot, h)
    }
  }

  /** Expected value `HORIZON_SLOTS[h]` slots ahead; NaN while too little is known. */
  p50(h: number): number {
    const slots = this.levels[AT_SLOTS]
    return this.levels[AT_SEEN] < 2 ? Number.NaN : this.given[((slots - 1) % AHEAD_MAX) * HORIZONS + h]
  }

  /** The value not exceeded in 95 of 100 cases: what was expected and the 95th percentile of the errors of a day, counted so that the bound holds where
   *  errors are exchangeable (split conformal prediction: Vovk, Gammerman and Shafer 2005). NaN with fewer than 19 errors: there is no such bound. */
  p95(h: number): number {
    const count = Math.min(ERRORS, this.errorCounts[h])
    const rank = Math.ceil(BOUND * (count + 1))
    if (rank > count) return Number.NaN
    const sorted = this.errors.slice(h * ERRORS, h * ERRORS + count).sort()
    return this.p50(h) + sorted[rank - 1]
  }

  /** Errors of what was given at a horizon, at most a day of them, oldest first. */
  pastErrors(h: number): Float64Array {
    const count = this.errorCounts[h]
    const row = this.errors.subarray(h * ERRORS, (h + 1) * ERRORS)
    const kept = Math.min(ERRORS, count)
    return Float64Array.from({ length: kept }, (_, k) => row[(count - kept + k) % ERRORS])
  }

  /** All that it knows, as numbers. */
  save(): Float64Array {
    const parts = this.parts()
    const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      all.set(part, at)
      at += part.length
    }
    return all
  }

  /** Takes back what `save` gave; false, and nothing is changed, if it can't be that. */
  load(all: Float64Array): boolean {
    const parts = this.parts()
    if (all.length !== parts.reduce((sum, part) => sum + part.length, 0)) return false
    let at = 0
    for (const part of parts) {
      part.set(all.subarray(at, at + part.length))
      at += part.length
    }
    return true
  }

  private parts(): readonly Float64Array[] {
    const rules = this.rules.map(({ state }) => state)
    return [
      this.levels,
      this.recent,
      this.said,
      this.given,
      this.seenBy,
      this.losses,
      this.judged,
      this.errors,
      this.errorCounts,
      ...rules,
    ]
  }

  /** What the expert who did best of late said in that slot; NaN if none could say. */
  private chosen(slot: number, h: number): number {
    const row = (slot % AHEAD_MAX) * HORIZONS * EXPERTS + h * EXPERTS
    let best = FIRST_CHOICE
    let least = Infinity
    for (let expert = 0; expert < EXPERTS; expert++) {
      const said = this.said[row + expert]
      const judged = this.judged[h * EXPERTS + expert]
      if (said !== said || judged < JUDGED_MIN) continue
      const loss = this.losses[h * EXPERTS + expert] / judged
      if (loss >= least) continue
      least = loss
      best = expert
    }
    const said = this.said[row + best]
    return Math.max(0, said === said ? said : this.said[row + LAST])
  }

  /** Compares what was said of this slot with what it was. */
  private judge(value: number): void {
    const slot = this.levels[AT_SLOTS]
    for (let h = 0; h < HORIZONS; h++) {
      const then = slot - HORIZON_SLOTS[h]
      if (then < 0) continue
      const given = this.given[(then % AHEAD_MAX) * HORIZONS + h]
      if (given === given) this.errors[h * ERRORS + (this.errorCounts[h]++ % ERRORS)] = value - given
      const row = (then % AHEAD_MAX) * HORIZONS * EXPERTS + h * EXPERTS
      for (let expert = 0; expert < EXPERTS; expert++) {
        const error = Math.abs(this.said[row + expert] - value)
        if (error !== error) continue
        const place = h * EXPERTS + expert
        this.losses[place] = LOSS_KEPT * this.losses[place] + error
        this.judged[place] = LOSS_KEPT * this.judged[place] + 1
      }
      const features = this.featuresAt(then)
      if (features[1] === features[1]) this.rules[h].learn(features, value)
    }
  }

  private learn(value: number): void {
    const { levels } = this
    const isFirst = levels[AT_SEEN] === 0
    levels[AT_SEEN]++
    levels[AT_HIGHEST] = Math.max(levels[AT_HIGHEST] * HIGHEST_KEPT, value)
    levels[AT_EWMA] = isFirst ? value : levels[AT_EWMA] + EWMA_WEIGHT * (value - levels[AT_EWMA])
    const weight = Math.max(MOMENT_WEIGHT, 1 / levels[AT_SEEN])
    const deviation = isFirst ? 0 : value - levels[AT_MEAN]
    levels[AT_MEAN] = isFirst ? value : levels[AT_MEAN] + weight * deviation
    levels[AT_VARIANCE] += weight * (deviation * deviation - levels[AT_VARIANCE])
    if (!isFirst)
      levels[AT_COVARIANCE] += weight * (deviation * (levels[AT_LAST] - levels[AT_MEAN]) - levels[AT_COVARIANCE])
    levels[AT_LAST] = value
  }

  /** What an expert says now, just after the newest slot was added. */
  private guess(expert: number, h: number): number {
    const { levels } = this
    const ahead = HORIZON_SLOTS[h]
    if (expert === LAST) return levels[AT_LAST]
    if (expert === EWMA) return levels[AT_EWMA]
    if (expert === MEDIAN) return this.medianOfAgo(HOUR_SLOTS, 0, 1)
    if (expert === AUTOREGRESSION) {
      const variance = levels[AT_VARIANCE]
      const persistence = variance > 0 ? Math.min(0.99, Math.max(0, levels[AT_COVARIANCE] / variance)) : 0
      return levels[AT_MEAN] + persistence ** ahead * (levels[AT_LAST] - levels[AT_MEAN])
    }
    if (expert === LEAST_SQUARES) {
      const said = this.rules[h].predict(this.featuresAt(levels[AT_SLOTS] - 1))
      return Math.min(RUNAWAY * levels[AT_HIGHEST], Math.max(0, said))
    }
    return this.medianOfAgo(RECENT / HOUR_SLOTS, HOUR_SLOTS - ahead, HOUR_SLOTS)
  }

  /** Value so many slots before the newest; NaN where absent. */
  private ago(back: number): number {
    const slot = this.levels[AT_SLOTS] - 1 - back
    return slot < 0 || back >= RECENT ? Number.NaN : this.recent[slot % RECENT]
  }

  private meanOf(slots: number): number {
    let sum = 0
    let count = 0
    for (let back = 0; back < slots; back++) {
      const value = this.ago(back)
      if (value !== value) continue
      sum += value
      count++
    }
    return count > 0 ? sum / count : Number.NaN
  }

  /** Median of `count` slots, `step` apart, the newest of them `from` before the newest slot. */
  private medianOfAgo(count: number, from: number, step: number): number {
    let present = 0
    for (let k = 0; k < count; k++) {
      const value = this.ago(from + k * step)
      if (value === value) this.hour[present++] = value
    }
    return medianOf(this.hour.subarray(0, present))
  }

  private featuresAt(slot: number): Float64Array {
    const row = (slot % AHEAD_MAX) * FEATURES
    return this.seenBy.subarray(row, row + FEATURES)
  }
}

/** Middle value; NaN of none. The values are sorted in place. */
export function medianOf(values: Float64Array): number {
  values.sort()
  const { length } = values
  return length === 0 ? Number.NaN : (values[(length - 1) >> 1] + values[length >> 1]) / 2
}

function orElse(value: number, otherwise: number): number {
  return value === value ? value : otherwise
}
