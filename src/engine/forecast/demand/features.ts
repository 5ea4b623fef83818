/** What the pooled model is told of a series: everything from the newest value on, in the series' own scale, so that VMs of any size teach one another. */
import {
  DAY_SLOTS,
  type DemandMemory,
  type Horizon,
  MEAN_SPANS,
  meanOf,
  medianOf,
  SD_SPANS,
  SMOOTHINGS,
  WEEK_SLOTS,
} from './demand-memory.ts'

const LAGS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18, 24, 36, 48, 72, 144] as const
const RANGES = [12, 36, 288] as const
const SINCE_MOST = 72

export const FEATURE_NAMES: readonly string[] = [
  ...LAGS.map((lag) => `lag ${lag}`),
  ...MEAN_SPANS.map((span) => `mean of ${span}`),
  ...SMOOTHINGS.map((share) => `smoothed ${share}`),
  ...RANGES.flatMap((span) => [`most of ${span}`, `least of ${span}`]),
  'most of a week',
  'autoregression',
  'least squares',
  'yesterday',
  'yesterday, a slot before',
  'yesterday, a slot after',
  'last week',
  'slot of days, mean',
  'slot of days, median',
  'slot of days, around it',
  'minute of 6 hours, mean',
  'minute of 24 hours, mean',
  'minute of 7 hours, median',
  ...SD_SPANS.map((span) => `sd of ${span}`),
  'change of an hour',
  'change of a day',
  'slot of days, its change',
  'slots since it was high',
  'unchanged of 12',
  'unchanged of 288',
  'log of scale',
  'log of level',
  'log of scale to a day’s',
]
export const FEATURES = FEATURE_NAMES.length

/** Writes the features of a forecast for `horizon` slots ahead, NaN for what is not known yet. */
export function writeFeatures(memory: DemandMemory, horizon: Horizon, out: Float32Array, offset: number): void {
  const { scale, now } = memory
  let at = offset
  const put = (value: number): void => {
    out[at++] = value
  }
  for (const value of levels(memory, horizon)) put((value - now) / scale)
  for (const span of SD_SPANS) put(memory.sd(span) / scale)
  put(memory.change('hour') / scale)
  put(memory.change('day') / scale)
  put((meanOf(memory.sameSlot(horizon)) - meanOf(memory.sameSlot(0))) / scale)
  put(sinceHigh(memory))
  put(unchanged(memory, 12))
  put(unchanged(memory, DAY_SLOTS))
  put(Math.log(scale))
  put(Math.log(1e-3 + memory.mean(36)))
  put(Math.log(scale / (1e-6 + memory.sd(288))))
}

/** Values in the series' unit. */
function levels(memory: DemandMemory, horizon: Horizon): readonly number[] {
  const slot = meanOf(memory.sameSlot(horizon))
  const [before, after] = [meanOf(memory.sameSlot(horizon - 1)), meanOf(memory.sameSlot(horizon + 1))]
  return [
    ...LAGS.map((lag) => memory.at(lag)),
    ...MEAN_SPANS.map((span) => memory.mean(span)),
    ...SMOOTHINGS.map((_, s) => memory.smoothed(s as 0)),
    ...RANGES.flatMap((span) => range(memory, span)),
    memory.most,
    memory.autoregression(horizon),
    memory.leastSquares(horizon),
    memory.at(DAY_SLOTS - horizon),
    memory.at(DAY_SLOTS - horizon + 1),
    memory.at(DAY_SLOTS - horizon - 1),
    memory.at(WEEK_SLOTS - horizon),
    slot,
    medianOf(memory.sameSlot(horizon)),
    (before + slot + after) / 3,
    meanOf(memory.sameMinute(horizon, 6)),
    meanOf(memory.sameMinute(horizon, 24)),
    medianOf(memory.sameMinute(horizon, 7)),
  ]
}

function range(memory: DemandMemory, span: number): readonly [number, number] {
  let [most, least] = [-Infinity, Infinity]
  const slots = Math.min(span, memory.slots)
  for (let ago = 0; ago < slots; ago++) {
    const value = memory.at(ago)
    if (value > most) most = value
    if (value < least) least = value
  }
  return [most, least]
}

function sinceHigh(memory: DemandMemory): number {
  const high = memory.mean(36) + 2 * memory.sd(36)
  for (let ago = 0; ago < Math.min(SINCE_MOST, memory.slots); ago++) if (memory.at(ago) > high) return ago
  return SINCE_MOST
}

/** Share of the last slots whose value was that of the slot before: what is measured in steps, or idles. */
function unchanged(memory: DemandMemory, span: number): number {
  const slots = Math.min(span, memory.slots - 1)
  let same = 0
  for (let ago = 0; ago < slots; ago++) if (memory.at(ago) === memory.at(ago + 1)) same++
  return slots <= 0 ? 0 : same / slots
}
