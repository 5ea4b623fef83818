/** When moves may begin: weekdays and hours in a named time zone, and spans in which none may. */
import {
  type Fields,
  ParseError,
  parseFields,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
  refuseUnknownFields,
} from '../../terms/parse.ts'
import { instantText } from '../../terms/shown.ts'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'

export const MOVE_TIMES_SETTING = 'move-times'
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

const WINDOWS_MAX = 100
const BLACKOUTS_MAX = 1000
const MINUTES_OF_DAY = 24 * 60
const YEAR_MS = 366 * DAY_MS

/** Hours of some weekdays. One that ends before it begins ends on the next day; one that ends when it begins lasts a day. */
export interface MoveWindow {
  /** On which it begins. */
  readonly days: readonly Weekday[]
  /** `22:00`, in the time zone of the whole. */
  readonly from: string
  readonly to: string
}

export interface Blackout {
  readonly from: EpochMs
  readonly to: EpochMs
  readonly reason: string
}

export interface MoveTimes {
  /** As IANA names it: `Europe/Berlin`. */
  readonly timeZone: string
  /** When the policy may begin moves. Empty: at any time. */
  readonly windows: readonly MoveWindow[]
  /** When nobody may, but a host that is emptied by force. */
  readonly blackouts: readonly Blackout[]
}

export const MOVE_TIMES_DEFAULT: MoveTimes = { timeZone: 'UTC', windows: [], blackouts: [] }

/** Reads them. Throws a `ParseError` for what can't be kept: an unknown time zone, a window without days, a span that ends before it begins. */
export function parseMoveTimes(value: unknown, place = MOVE_TIMES_SETTING): MoveTimes {
  const fields = parseFields(value, place)
  refuseUnknownFields(fields, ['timeZone', 'windows', 'blackouts'], place)
  const listOf = <T>(name: string, most: number, parse: (fields: Fields, place: string) => T): readonly T[] =>
    (parseOptional(fields[name], (list) => parseList(list, `${place}.${name}`, most)) ?? []).map((one, i) =>
      parse(parseFields(one, `${place}.${name}[${i}]`), `${place}.${name}[${i}]`),
    )
  return {
    timeZone: parseTimeZone(fields['timeZone'] ?? MOVE_TIMES_DEFAULT.timeZone, `${place}.timeZone`),
    windows: listOf('windows', WINDOWS_MAX, parseWindow),
    blackouts: listOf('blackouts', BLACKOUTS_MAX, parseBlackout),
  }
}

function parseTimeZone(value: unknown, place: string): string {
  const name = parseText(value, place, 64)
  try {
    clockOf(name)
    return name
  } catch {
    throw new ParseError(place, name, 'There is no such time zone. Expected a name such as Europe/Berlin or UTC.')
  }
}

function parseWindow(fields: Fields, place: string): MoveWindow {
  refuseUnknownFields(fields, ['days', 'from', 'to'], place)
  const days = parseList(fields['days'], `${place}.days`, WEEKDAYS.length)
  if (days.length === 0) throw new ParseError(`${place}.days`, days, 'Expected at least one of the weekdays.')
  return {
    days: days.map((day, i) => parseWord(day, `${place}.days[${i}]`, WEEKDAYS)),
    from: parseHour(fields['from'], `${place}.from`),
    to: parseHour(fields['to'], `${place}.to`),
  }
}

function parseHour(value: unknown, place: string): string {
  const text = parseText(value, place, 5)
  if (/^([01]\d|2[0-3]):[0-5]\d$/.test(text)) return text
  throw new ParseError(place, text, 'Expected hours and minutes, such as 22:00.')
}

function parseBlackout(fields: Fields, place: string): Blackout {
  refuseUnknownFields(fields, ['from', 'to', 'reason'], place)
  const from = parseNumber(fields['from'], `${place}.from`, { min: 0, max: 1e15 })
  const to = parseNumber(fields['to'], `${place}.to`, { min: 0, max: 1e15 })
  if (to <= from) throw new ParseError(`${place}.to`, to, `It must come after from (${from}).`)
  if (to - from > YEAR_MS)
    throw new ParseError(`${place}.to`, to, 'A blackout lasts a year at most. Is off the level that you want?')
  const reason = parseOptional(fields['reason'], (text) => parseText(text, `${place}.reason`, 200))
  return { from, to, reason: reason ?? 'no reason was given' }
}

/** Why no move may begin at an instant, as far as blackouts say; undefined: one may. */
export function blackoutAt({ blackouts }: MoveTimes, at: EpochMs): string | undefined {
  const found = blackouts.find(({ from, to }) => from <= at && at < to)
  return found === undefined ? undefined : `A blackout lasts until ${instantText(found.to)}: ${found.reason}.`
}

/** Why the policy may begin no move at an instant, as far as windows say; undefined: it may. */
export function outsideWindows({ timeZone, windows }: MoveTimes, at: EpochMs): string | undefined {
  if (windows.length === 0) return undefined
  const { day, minute, text } = localTime(timeZone, at)
  const isOpen = windows.some(({ days, from, to }) => {
    const [begin, end] = [minuteOf(from), minuteOf(to)]
    const before = (day + WEEKDAYS.length - 1) % WEEKDAYS.length
    const beginsToday = days.includes(WEEKDAYS[day])
    if (begin < end) return beginsToday && minute >= begin && minute < end
    return (beginsToday && minute >= begin) || (days.includes(WEEKDAYS[before]) && minute < end)
  })
  return isOpen ? undefined : `It is ${text} in ${timeZone}, and no window for moves is open.`
}

function minuteOf(hour: string): number {
  return (Number(hour.slice(0, 2)) * 60 + Number(hour.slice(3))) % MINUTES_OF_DAY
}

const clocks = new Map<string, Intl.DateTimeFormat>()

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  clocks.set(timeZone, made)
  return made
}

/** What clocks on the wall of a time zone show. */
function localTime(timeZone: string, at: EpochMs): { readonly day: number; readonly minute: number; text: string } {
  const parts = new Map(
    clockOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  )
  const day = WEEKDAYS.findIndex((name) => name === parts.get('weekday')?.toLowerCase())
  const [hour, minute] = [parts.get('hour') ?? '', parts.get('minute') ?? '']
  return { day, minute: Number(hour) * 60 + Number(minute), text: `${WEEKDAYS[day]} ${hour}:${minute}` }
}
