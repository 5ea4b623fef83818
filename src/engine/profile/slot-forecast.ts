/** Forecast of one series from its own slots: four simple experts, the best so far at each horizon, and a band that calibrates itself.
 *  Simple on purpose: on traces of real VMs a median of the last hour, a first-order autoregression and an exponential mean are within a few per cent of
 *  anything that one series alone can teach, at next to no cost; `npm run bench -- slot-forecast` prints the table. */

/** Slots ahead that the schema asks for, at five minutes a slot: 5, 15, 30 and 60 minutes. */
export const HORIZON_SLOTS = [1, 3, 6, 12] as const
const EXPERTS = 4
const LAST = 0
const EWMA = 1
const MEDIAN = 2
const AUTOREGRESSION = 3
const AHEAD_MAX = 12
/** Weight of the newest slot in the exponential mean. */
const EWMA_WEIGHT = 0.3
/** Slots of the median: an hour. */
const MEDIAN_SLOTS = 12
/** What an old error still counts after each slot: half after some 34 slots, three hours. */
const LOSS_KEPT = 0.98
/** Weight of the newest slot in mean, variance and covariance of the autoregression: a memory of some 100 slots. */
const MOMENT_WEIGHT = 0.01
/** Step of the online quantile tracker, in units of the running mean error (Gibbs and Candès 2021, adaptive conformal inference). */
const BAND_STEP = 0.05
const TARGET = 0.95
const BAND_START = 2
const BAND_MAX = 20

/** One series. Values are of closed slots; NaN is absent. */
export class SlotForecast {
  private ewma = Number.NaN
  private mean = Number.NaN
  private variance = 0
  private covariance = 0
  private last = Number.NaN
  private readonly recent: number[] = []
  /** Forecasts made at each of the last slots: a row a slot, horizons by experts. */
  private readonly made: Float64Array[] = []
  private readonly losses = new Float64Array(HORIZON_SLOTS.length * EXPERTS)
  private readonly errors = new Float64Array(HORIZON_SLOTS.length).fill(Number.NaN)
  private readonly bands = new Float64Array(HORIZON_SLOTS.length).fill(BAND_START)
  private readonly upper: Float64Array[] = []
  private seen = 0

  /** A slot was closed with this value. */
  add(value: number): void {
    this.judge(value)
    if (value === value) this.learn(value)
    const row = new Float64Array(HORIZON_SLOTS.length * EXPERTS).fill(Number.NaN)
    HORIZON_SLOTS.forEach((ahead, h) => {
      for (let expert = 0; expert < EXPERTS; expert++) row[h * EXPERTS + expert] = this.guess(expert, ahead)
    })
    this.made.unshift(row)
    this.upper.unshift(Float64Array.from(HORIZON_SLOTS, (_, h) => this.p95(h)))
    if (this.made.length > AHEAD_MAX) this.made.pop()
    if (this.upper.length > AHEAD_MAX) this.upper.pop()
  }

  /** Expected value `HORIZON_SLOTS[h]` slots ahead; NaN while too little is known. */
  p50(h: number): number {
    if (this.seen < 2) return Number.NaN
    return Math.max(0, this.guess(this.bestExpert(h), HORIZON_SLOTS[h]))
  }

  /** The value not exceeded in 95 of 100 cases; NaN while no error at this horizon has been seen. */
  p95(h: number): number {
    const middle = this.p50(h)
    return middle + this.bands[h] * this.errors[h]
  }

  private bestExpert(h: number): number {
    let best = MEDIAN
    for (let expert = 0; expert < EXPERTS; expert++) {
      if (this.losses[h * EXPERTS + expert] < this.losses[h * EXPERTS + best]) best = expert
    }
    return best
  }

  /** Compares what was said of this slot with what it was. */
  private judge(value: number): void {
    HORIZON_SLOTS.forEach((ahead, h) => {
      const row = this.made[ahead - 1]
      if (row === undefined || value !== value) return
      const best = this.bestExpert(h)
      for (let expert = 0; expert < EXPERTS; expert++) {
        const error = Math.abs(row[h * EXPERTS + expert] - value)
        if (error !== error) continue
        const place = h * EXPERTS + expert
        this.losses[place] = LOSS_KEPT * this.losses[place] + error
        if (expert === best)
          this.errors[h] = this.errors[h] !== this.errors[h] ? error : this.errors[h] + 0.05 * (error - this.errors[h])
      }
      const upper = this.upper[ahead - 1][h]
      if (upper !== upper) return
      const step = value > upper ? BAND_STEP * TARGET : -BAND_STEP * (1 - TARGET)
      // Steps are multiples, so that the band finds its width in whatever unit the errors are.
      this.bands[h] = Math.min(BAND_MAX, Math.max(0.1, this.bands[h] * (1 + 4 * step)))
    })
  }

  private learn(value: number): void {
    this.seen++
    this.ewma = this.ewma !== this.ewma ? value : this.ewma + EWMA_WEIGHT * (value - this.ewma)
    const weight = Math.max(MOMENT_WEIGHT, 1 / this.seen)
    const deviation = this.mean !== this.mean ? 0 : value - this.mean
    this.mean = this.mean !== this.mean ? value : this.mean + weight * deviation
    this.variance += weight * (deviation * deviation - this.variance)
    if (this.last === this.last) this.covariance += weight * (deviation * (this.last - this.mean) - this.covariance)
    this.last = value
    this.recent.push(value)
    if (this.recent.length > MEDIAN_SLOTS) this.recent.shift()
  }

  private guess(expert: number, ahead: number): number {
    if (this.seen === 0) return Number.NaN
    if (expert === LAST) return this.last
    if (expert === EWMA) return this.ewma
    if (expert === MEDIAN) return medianOf(this.recent)
    if (expert !== AUTOREGRESSION) return Number.NaN
    const persistence = this.variance > 0 ? Math.min(0.99, Math.max(0, this.covariance / this.variance)) : 0
    return this.mean + persistence ** ahead * (this.last - this.mean)
  }
}

/** Middle value; NaN of none. */
export function medianOf(values: readonly number[] | Float64Array): number {
  const sorted = Float64Array.from(values).sort()
  return sorted.length === 0 ? Number.NaN : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
