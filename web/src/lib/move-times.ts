/** When moves may begin, as it is edited and drawn. Judged by the server; here is only what a form needs. */
import type { MoveTimesView } from '../../../src/apps/server/views/moves.ts'
import { fieldText, instantOf } from './utc-field.ts'

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

/** Times while they are edited: instants as fields of date and time have them, of UTC, for one may be empty or half written. */
export interface TimesDraft {
  readonly timeZone: string
  readonly windows: readonly Window[]
  readonly blackouts: readonly BlackoutDraft[]
}

export interface BlackoutDraft {
  readonly from: string
  readonly to: string
  readonly reason: string
  /** The instants that stand, to their millisecond: fields show minutes, and what nobody touched stays as it was. */
  readonly was?: { readonly from: number; readonly to: number }
}

/** Fields of ours alone: an answer has more. */
export function draftOfTimes({ timeZone, windows, blackouts }: Times): TimesDraft {
  return {
    timeZone,
    windows,
    blackouts: blackouts.map(({ from, to, reason = '' }) => ({
      from: fieldText(from),
      to: fieldText(to),
      reason,
      was: { from, to },
    })),
  }
}

/** What is sent of a draft that nothing speaks against. An empty reason is none. */
export function readTimes({ timeZone, windows, blackouts }: TimesDraft): Times {
  return {
    timeZone: timeZone.trim(),
    windows: [...windows],
    blackouts: blackouts.map(({ from, to, reason, was }) => ({
      from: readField(from, was?.from),
      to: readField(to, was?.to),
      ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
    })),
  }
}

function readField(text: string, was: number | undefined): number {
  if (was !== undefined && text === fieldText(was)) return was
  return instantOf(text) ?? NaN
}

/** Why it can't be sent; empty: nothing speaks against it here. */
export function timesProblems({ timeZone, windows, blackouts }: TimesDraft): readonly string[] {
  return [
    ...(timeZone.trim() === '' ? ['A time zone is needed, such as Europe/Berlin or UTC.'] : []),
    ...windows.flatMap(({ days, from, to }, i) => [
      ...(days.length === 0 ? [`Window ${i + 1} has no day.`] : []),
      ...(minuteOf(from) === undefined || minuteOf(to) === undefined
        ? [`Window ${i + 1} needs hours such as 22:00.`]
        : []),
    ]),
    ...readTimes({ timeZone, windows, blackouts }).blackouts.flatMap(({ from, to }, i) => {
      if (Number.isNaN(from + to)) return [`Blackout ${i + 1} needs a beginning and an end.`]
      return to > from ? [] : [`Blackout ${i + 1} ends before it begins, or lasts no time.`]
    }),
  ]
}

export function areSameTimes(a: TimesDraft, b: TimesDraft): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
