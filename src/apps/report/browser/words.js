const DAY_MS = 86_400_000

/**
 * Time since the run began: `05:35`, on a run of several days `day 2, 05:35`.
 * @param {number} ms
 * @param {number} spanMs
 */
export function clock(ms, spanMs) {
  const minutes = Math.floor(ms / 60_000)
  const hour = String(Math.floor(minutes / 60) % 24).padStart(2, '0')
  const text = `${hour}:${String(minutes % 60).padStart(2, '0')}`
  return spanMs > DAY_MS ? `day ${Math.floor(ms / DAY_MS) + 1}, ${text}` : text
}

/** @param {number} fraction */
export function percent(fraction) {
  const value = fraction * 100
  return `${value < 10 && value > 0 ? Number(value.toFixed(1)) : Math.round(value)}\u00a0%`
}

/** @param {number} value */
export function amount(value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000 || (Number.isInteger(value) && size < 1e15)) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${count === 0 ? 'no' : amount(count)} ${count === 1 ? one : many}`
}

/** @param {number} ms */
export function span(ms) {
  if (ms < 60_000) return `${amount(ms / 1000)} s`
  if (ms < 7_200_000) return `${amount(ms / 60_000)} min`
  return ms <= 2 * DAY_MS ? `${amount(ms / 3_600_000)} h` : `${amount(ms / DAY_MS)} days`
}

/**
 * A probability that gain exceeds cost, as one would say it.
 * @param {number} confidence
 */
export function confidenceInWords(confidence) {
  if (!Number.isFinite(confidence)) return 'not reckoned'
  if (confidence >= 0.95) return 'almost certain'
  if (confidence >= 0.8) return 'very likely'
  if (confidence >= 0.6) return 'likely'
  if (confidence >= 0.4) return 'as likely as not'
  return 'unlikely'
}
