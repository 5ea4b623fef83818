/** When an identity is to be renewed, and by whose clock. Pure. */
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'

/** Share of its life after which a certificate is renewed, as Nomad and SPIRE do it; drawn from a tenth around it, so that guests that joined
 *  together do not renew together. */
const RENEW_AT = 2 / 3
const RENEW_SPREAD = 0.1
/** The server takes the old key for as long after its end (decision 0009). */
export const GRACE_MS = 7 * DAY_MS
/** A renewal that failed is tried again after so long while the old certificate lasts. */
export const RENEW_AGAIN_MS = 10 * MINUTE_MS
/** A clock that is off by more is worth a word: certificates are valid an hour before they are made, and no longer. */
export const CLOCK_OFF_MS_MAX = 300 * SECOND_MS

/** `renew`: now is the time; `lapsed`: it has ended, and can still be renewed; `over`: it has ended, and a new token is needed. */
export type Standing = 'good' | 'renew' | 'lapsed' | 'over'

/** @param now by the server's clock, as far as it is known. @param luck a draw from [0, 1) that belongs to this certificate */
export function standingOf(
  { notBefore, notAfter }: { readonly notBefore: EpochMs; readonly notAfter: EpochMs },
  now: EpochMs,
  luck: number,
): Standing {
  if (now >= notAfter + GRACE_MS) return 'over'
  if (now >= notAfter) return 'lapsed'
  return now >= notBefore + (RENEW_AT + RENEW_SPREAD * (luck - 0.5)) * (notAfter - notBefore) ? 'renew' : 'good'
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DATE_PATTERN = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/

/** A server's `Date` header as an instant; undefined for what is none (RFC 9110, IMF-fixdate). */
export function parseHttpDate(text: string): EpochMs | undefined {
  const [, day, monthName, year, hour, minute, second] = DATE_PATTERN.exec(text) ?? []
  const month = MONTHS.indexOf(monthName) + 1
  if (month === 0) return undefined
  const days = daysSince1970(Number(year), month, Number(day))
  return ((days * 24 + Number(hour)) * 60 + Number(minute)) * MINUTE_MS + Number(second) * SECOND_MS
}

/** What to tell people of a guest's clock; undefined if it is right. @param offMs how far the server's is ahead of it */
export function tellClock(offMs: number): string | undefined {
  if (Math.abs(offMs) <= CLOCK_OFF_MS_MAX) return undefined
  const hours = Math.round(Math.abs(offMs) / HOUR_MS / 0.1) / 10
  const side = offMs > 0 ? 'behind' : 'ahead of'
  return `this guest's clock is ${hours} h ${side} the server's: certificates can not be judged by it. Does it keep time (timedatectl)?`
}

/** Days of the civil calendar (Hinnant, chrono-Compatible Low-Level Date Algorithms). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}
