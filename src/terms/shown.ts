/** How quantities are written for people: one set of functions for the command line, the page and sentences in answers, so that all of them show the
 *  same figure for the same number. Pure; instants are shown in UTC. */
import { DAY_MS, type EpochMs, type Fraction, HOUR_MS, MINUTE_MS, SECOND_MS } from './units.ts'

/** What could move the cursor, colour the screen, or turn the reading direction: control characters, and Unicode's marks of direction and of line ends. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
export const HOSTILE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** What stands where a number is absent and something has to stand there. */
export const NOT_KNOWN = '?'

/** Text that was told from outside, to be shown: names in a hostile file must not move the cursor, colour the screen or turn what stands beside them.
 *  Line breaks and tabs stay. */
export function printable(text: string): string {
  return text.replaceAll(HOSTILE, '\ufffd')
}

/** `3 s`, `5 min`, `4 h`, `2 d`: one unit is enough to read. */
export function spanText(ms: number): string {
  const span = Math.max(0, ms)
  if (span < MINUTE_MS) return `${Math.round(span / SECOND_MS)} s`
  if (span < HOUR_MS) return `${Math.round(span / MINUTE_MS)} min`
  return span < 2 * DAY_MS ? `${Math.round(span / HOUR_MS)} h` : `${Math.round(span / DAY_MS)} d`
}

/** `5 min ago`; `never` where it is absent. */
export function ageText(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${spanText(ms)} ago`
}

/** Of what is short by its nature, such as a VM's pause at the end of a migration: `87 ms`. */
export function pauseText(ms: number): string {
  return `${ms.toFixed(0)} ms`
}

/** To the minute: `2026-11-28 07:30`. A number that is no instant is `?`. */
export function minuteText(at: EpochMs): string {
  return isoText(at).slice(0, 16).replace('T', ' ')
}

/** `2026-11-28 07:30 UTC`. */
export function instantText(at: EpochMs): string {
  return `${minuteText(at)} UTC`
}

/** `2026-11-28T07:30:00.000Z`; `?` where it is no instant of the years 0 to 9999. */
export function isoText(at: EpochMs): string {
  if (!(at >= YEAR_0_MS && at < YEAR_10000_MS)) return NOT_KNOWN
  const whole = Math.floor(at)
  const days = Math.floor(whole / DAY_MS)
  const ms = whole - days * DAY_MS
  const [hours, minutes, seconds] = [ms / HOUR_MS, ms / MINUTE_MS, ms / SECOND_MS].map(Math.floor)
  const time = `${digits(hours, 2)}:${digits(minutes % 60, 2)}:${digits(seconds % 60, 2)}.${digits(ms % 1000, 3)}`
  return `${dayText(days)}T${time}Z`
}

const YEAR_0_MS = -62_167_219_200_000
const YEAR_10000_MS = 253_402_300_800_000
/** Days from the first of March of the year 0, where the leap day ends a year, to 1970; of 400 years, after which the calendar repeats itself. */
const DAYS_TO_1970 = 719_468
const DAYS_OF_ERA = 146_097

/** Date of a day counted from 1970, by the calendar of Gregory. Formulas: Howard Hinnant, "chrono-compatible low-level date algorithms" (2013). */
function dayText(days: number): string {
  const era = Math.floor((days + DAYS_TO_1970) / DAYS_OF_ERA)
  const day = days + DAYS_TO_1970 - era * DAYS_OF_ERA
  const leapDays = Math.floor(day / 1460) - Math.floor(day / 36_524) + Math.floor(day / 146_096)
  const year = Math.floor((day - leapDays) / 365)
  const ofYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const fromMarch = Math.floor((5 * ofYear + 2) / 153)
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
  const ofMonth = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1
  return `${digits(year + era * 400 + (month <= 2 ? 1 : 0), 4)}-${digits(month, 2)}-${digits(ofMonth, 2)}`
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `512 MiB`, `1.5 TiB`. */
export function bytesText(bytes: number): string {
  const place = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** place
  return `${value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1)} ${BYTE_UNITS[place]}`
}

/** `1.5 MiB/s`. */
export function rateText(bytesPerSec: number): string {
  return `${bytesText(bytesPerSec)}/s`
}

/** `87 %`, and `8.7 %` below ten. */
export function percentText(fraction: Fraction): string {
  const percent = fraction * 100
  return `${percent !== 0 && Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`
}

/** With a tenth always, to stand below others: `87.0 %`. */
export function percentTenthsText(fraction: Fraction): string {
  return `${(fraction * 100).toFixed(1)} %`
}

/** A VM's cores: `1.25 reference cores`. */
export function coresText(refCores: number): string {
  return `${coresNumber(refCores)} reference cores`
}

/** The same where the unit stands elsewhere: `1.25`. */
export function coresNumber(refCores: number): string {
  return refCores.toFixed(2)
}

/** A host's cores, of which there are many: `41.6`. */
export function hostCoresNumber(refCores: number): string {
  return refCores.toFixed(1)
}

/** Slowdown against an idle host: `x1.25`. */
export function latencyText(factor: number): string {
  return `x${factorText(factor)}`
}

/** `1.25`. */
export function factorText(factor: number): string {
  return factor.toFixed(2)
}

/** What a VM draws: `12.5 W`. */
export function wattsText(watts: number): string {
  return `${watts.toFixed(1)} W`
}

/** What a VM would add, where the unit stands elsewhere: `+12.5`. */
export function addedWattsNumber(watts: number): string {
  return `+${watts.toFixed(1)}`
}

/** What a host draws, where the unit stands elsewhere: `212`, and `~212` where it was estimated. */
export function hostWattsNumber(watts: number, areEstimated = false): string {
  return `${areEstimated ? '~' : ''}${watts.toFixed(0)}`
}

/** Less money than this is what is left of sums that cancel out. */
const NOTHING = 1e-9

/** Money with as many digits as it needs to be told from nothing. */
export function moneyText(amount: number): string {
  if (Math.abs(amount) < NOTHING) return '0'
  return Math.abs(amount) >= 0.01 ? amount.toFixed(2) : amount.toPrecision(2)
}

/** `1 move`, `1,440 turns`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

/** What of a gain is nearly sure. Of a host that is emptied for energy it is shared out among its VMs by cost, and the gain itself alike: one is no part of
 *  the other. @param kind class of the move */
export function nearlySureText(amount: string, kind: string): string {
  return kind === 'energy'
    ? `its share by cost of what is nearly sure ${amount}`
    : `of which ${amount} in 95 of 100 possible futures`
}

/** Why a host is below the best, in money: `0.12 EUR behind the best, most in energy (0.10)`. */
export function behindText(
  { total, term, by }: { readonly total: number; readonly term: string; readonly by: number },
  currency: string,
): string {
  return `${moneyText(total)} ${currency} behind the best, most in ${term} (${moneyText(by)})`
}

/** A band: `x1.02 to x1.31`; one value where both ends are shown alike. */
export function bandText(
  { p10, p90 }: { readonly p10: number; readonly p90: number },
  textOf: (value: number) => string,
): string {
  const [low, high] = [textOf(p10), textOf(p90)]
  return low === high ? low : `${low} to ${high}`
}

/** What a sentence about a VM rests on: `seen by its host, 98 % measured, 3 min ago`. */
export function groundsText({
  toldBy,
  coverage,
  ageMs,
}: {
  readonly toldBy: 'guest' | 'host'
  readonly coverage?: Fraction
  readonly ageMs: number
}): string {
  const measured = coverage === undefined ? '' : `, ${percentText(coverage)} measured`
  return `${toldBy === 'host' ? 'seen by its host' : 'told by the guest'}${measured}, ${ageText(ageMs)}`
}

/** Money, cores, scores and shares alike, where it matters how they compare: `0.123`. */
export function threeDigits(value: number): string {
  return value.toPrecision(3)
}

/** Any number: whole ones as they are, others to three digits. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3)
}

/** Whether a unit of the personality's schema counts bytes, which are written with a unit of their own. */
export function isBytes(unit: string): boolean {
  return unit === 'bytes' || unit.startsWith('bytes/')
}

/** A number of the personality's schema: bytes with the unit in which they are read best, `1.5 MiB/s`; other numbers without theirs. */
export function amountText(value: number, unit: string): string {
  return isBytes(unit) ? `${bytesText(value)}${unit.slice('bytes'.length)}` : numberText(value)
}

/** The same with its unit always: `0.31 reference cores`, `1.5 MiB/s`. */
export function quantityText(value: number, unit: string): string {
  if (isBytes(unit)) return amountText(value, unit)
  return unit === 'reference cores' ? coresText(value) : `${numberText(value)} ${unit}`
}
