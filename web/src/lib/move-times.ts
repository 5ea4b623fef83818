/** When moves may begin, as it is edited and drawn. Judged by the server; here is only what a form needs. */
import type { MoveTimesView } from '../../../src/apps/server/views/moves.ts'
import { isoText } from '../../../src/terms/shown.ts'

export type Times = Pick<MoveTimesView, 'timeZone' | 'windows' | 'blackouts'>
export type Window = Times['windows'][number]
export type Blackout = Times['blackouts'][number]
export type Day = Window['days'][number]

/** From the first to the last of the week. */
export const DAYS: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
export const DAY_WORDS: Readonly<Record<Day, string>> = {
  mon: 'Mon',
  tue: 'Tue',
  wed: 'Wed',
  thu: 'Thu',
  fri: 'Fri',
  sat: 'Sat',
  sun: 'Sun',
}
const DAY_MINUTES = 24 * 60

/** Part of a day, as shares of it. */
export interface Stretch {
  readonly day: Day
  readonly from: number
  readonly to: number
}

/** Where the policy may act within the week. No windows: everywhere. One that ends before it begins goes on into the next day. */
export function stretchesOf(windows: readonly Window[]): readonly Stretch[] {
  if (windows.length === 0) return DAYS.map((day) => ({ day, from: 0, to: 1 }))
  return windows.flatMap(({ days, from, to }) => {
    const [begin, end] = [minuteOf(from), minuteOf(to)]
    if (begin === undefined || end === undefined) return []
    return days.flatMap((day) => {
      if (begin < end) return [{ day, from: begin / DAY_MINUTES, to: end / DAY_MINUTES }]
      const next = DAYS[(DAYS.indexOf(day) + 1) % DAYS.length] ?? 'mon'
      const late = { day, from: begin / DAY_MINUTES, to: 1 }
      return end === 0 ? [late] : [late, { day: next, from: 0, to: end / DAY_MINUTES }]
    })
  })
}

function minuteOf(text: string): number | undefined {
  const [, hours = '', minutes = ''] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? []
  return hours === '' ? undefined : Number(hours) * 60 + Number(minutes)
}

/** `Mon–Fri 22:00 to 05:00`. */
export function windowText({ days, from, to }: Window): string {
  return `${daysText(days)} ${from} to ${to}`
}

/** Neighbours are drawn together: `Mon–Wed, Sat`. */
export function daysText(days: readonly Day[]): string {
  const places = DAYS.flatMap((day, i) => (days.includes(day) ? [i] : []))
  if (places.length === DAYS.length) return 'every day'
  const runs: [number, number][] = []
  for (const place of places) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === place - 1) last[1] = place
    else runs.push([place, place])
  }
  const word = (place: number): string => DAY_WORDS[DAYS[place] ?? 'mon']
  return runs
    .map(([from, to]) => (from === to ? word(from) : `${word(from)}${to === from + 1 ? ', ' : '–'}${word(to)}`))
    .join(', ')
}

/** An instant as a field of date and time has it, of UTC: `2026-12-24T18:00`. */
export function fieldOf(at: number): string {
  return isoText(at).slice(0, 16)
}

/** The same read back; undefined: it is none. */
export function instantOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text)) return undefined
  const at = Date.parse(`${text}:00Z`)
  return Number.isFinite(at) ? at : undefined
}

/** What is sent: fields of ours alone. */
export function timesBody({ timeZone, windows, blackouts }: Times): Times {
  return { timeZone, windows, blackouts }
}

/** Why it can't be sent; empty: nothing speaks against it here. */
export function timesProblems({ timeZone, windows, blackouts }: Times): readonly string[] {
  return [
    ...(timeZone.trim() === '' ? ['A time zone is needed, such as Europe/Berlin or UTC.'] : []),
    ...windows.flatMap(({ days, from, to }, i) => [
      ...(days.length === 0 ? [`Window ${i + 1} has no day.`] : []),
      ...(minuteOf(from) === undefined || minuteOf(to) === undefined
        ? [`Window ${i + 1} needs hours such as 22:00.`]
        : []),
    ]),
    ...blackouts.flatMap(({ from, to }, i) =>
      to > from ? [] : [`Blackout ${i + 1} ends before it begins, or lasts no time.`],
    ),
  ]
}

export function areSameTimes(a: Times, b: Times): boolean {
  return JSON.stringify(timesBody(a)) === JSON.stringify(timesBody(b))
}
