/** Quantities as people read them, in the words of the command line. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/terms/units.ts'

/** Such as `2026-11-28 07:05 UTC`. */
export function showInstant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** The time of day alone, such as `07:05`. */
export function showHour(at: number): string {
  return new Date(at).toISOString().slice(11, 16)
}

/** Such as `12 s`, `4 min`, `3 h`, `2 d`. */
export function showAge(ms: number): string {
  const most = Math.max(0, ms)
  if (most < MINUTE_MS) return `${Math.round(most / SECOND_MS)} s`
  if (most < HOUR_MS) return `${Math.round(most / MINUTE_MS)} min`
  return most < 2 * DAY_MS ? `${Math.round(most / HOUR_MS)} h` : `${Math.round(most / DAY_MS)} d`
}

/** Such as `43 %`; shares are never told finer than they are known. */
export function showShare(share: number): string {
  const percent = share * 100
  return `${percent < 10 && percent > 0 ? percent.toFixed(1) : Math.round(percent)} %`
}
