/** A VM's week: when it is busy by weekday and hour, whether it repeats itself, and when it was unlike itself. From what was used, slot by slot. */
import { RESOURCES, type Resource } from '../../terms/sample.ts'
import { DAY_MS, type EpochMs, type Fraction, HOUR_MS } from '../../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../../terms/usage.ts'
import { centre, findRhythm } from './rhythm.ts'
import { medianOf } from './slot-forecast.ts'

const DAYS = 7
const HOURS = 24
/** The first of January 1970 was a Thursday: so many days after a Monday. */
const FIRST_WEEKDAY = 3
const WEEKDAYS = [0, 1, 2, 3, 4] as const
const WEEKEND = [5, 6] as const

/** Means by weekday and hour of UTC. */
export interface WeekGrid {
  /** 7 rows from Monday, each of 24 hours; NaN where nobody measured. In the unit of the column. */
  readonly days: readonly Float64Array[]
  /** Share of the slots that were measured. */
  readonly measured: Fraction
}

export function weekGrid(column: Float32Array | undefined, firstSlotAt: EpochMs): WeekGrid {
  const sums = new Float64Array(DAYS * HOURS)
  const counts = new Float64Array(DAYS * HOURS)
  let present = 0
  column?.forEach((value, slot) => {
    if (Number.isNaN(value)) return
    const cell = cellOf(firstSlotAt + slot * SLOT_MS)
    sums[cell] += value
    counts[cell]++
    present++
  })
  return {
    days: Array.from({ length: DAYS }, (_, day) =>
      Float64Array.from({ length: HOURS }, (__, hour) => sums[day * HOURS + hour] / counts[day * HOURS + hour]),
    ),
    measured: column === undefined || column.length === 0 ? 0 : present / column.length,
  }
}

function cellOf(at: EpochMs): number {
  const day = (Math.floor(at / DAY_MS) + FIRST_WEEKDAY) % DAYS
  return day * HOURS + Math.floor((at % DAY_MS) / HOUR_MS)
}

/** Hours of a day, on some days: from `from` up to and without `to`, which is below it where they pass midnight. */
export interface BusyHours {
  readonly days: 'weekdays' | 'weekend' | 'every day'
  readonly from: number
  readonly to: number
  /** Mean of these hours, and of all others. */
  readonly inside: number
  readonly outside: number
}

/** Hours that are busy are at least so many times as busy as the others. */
const CONTRAST_MIN = 2
/** Shorter stretches are a job that runs, longer ones no hours. */
const HOURS_MIN = 2
const HOURS_MAX = 18
/** Rows of which less was measured say nothing of their kind of day. */
const ROW_HOURS_MIN = 20

/** The stretch of hours in which a VM is busy, where it has one: hours above the middle between its calm and its busy ones (the tenth and the ninetieth of
 *  a hundred), the longest run of them. Undefined where its days are even, or too little was measured. */
export function busyHours({ days }: WeekGrid): BusyHours | undefined {
  const all = days.flatMap((row) => [...row].filter((value) => !Number.isNaN(value)))
  if (all.length < 2 * HOURS) return undefined
  all.sort((a, b) => a - b)
  const [calm, busy] = [all[Math.floor(0.1 * all.length)], all[Math.floor(0.9 * all.length)]]
  if (!(busy >= CONTRAST_MIN * calm) || busy <= 0) return undefined
  const edge = (calm + busy) / 2
  const week = runOf(profileOf(days, WEEKDAYS), edge)
  const end = runOf(profileOf(days, WEEKEND), edge)
  const isAlike = week !== undefined && end !== undefined && near(week.from, end.from) && near(week.to, end.to)
  const run = week ?? end
  if (run === undefined) return undefined
  const kind = isAlike ? 'every day' : week === undefined ? 'weekend' : 'weekdays'
  const rows = kind === 'every day' ? [...WEEKDAYS, ...WEEKEND] : kind === 'weekend' ? WEEKEND : WEEKDAYS
  const split = insideAndOutside(days, rows, run)
  return split.inside >= CONTRAST_MIN * split.outside ? { days: kind, ...run, ...split } : undefined
}

/** Mean of each hour over some days; undefined where none of them was measured well enough. */
function profileOf(days: readonly Float64Array[], rows: readonly number[]): Float64Array | undefined {
  const known = rows
    .map((day) => days[day])
    .filter((row) => row.filter((v) => !Number.isNaN(v)).length >= ROW_HOURS_MIN)
  if (known.length === 0) return undefined
  return Float64Array.from({ length: HOURS }, (_, hour) => meanOf(known.map((row) => row[hour])))
}

/** The longest run of hours above an edge, around the clock. */
function runOf(profile: Float64Array | undefined, edge: number): Pick<BusyHours, 'from' | 'to'> | undefined {
  if (profile === undefined) return undefined
  let best = { from: 0, length: 0 }
  for (let from = 0; from < HOURS; from++) {
    let length = 0
    while (length < HOURS && profile[(from + length) % HOURS] > edge) length++
    if (length > best.length) best = { from, length }
  }
  if (best.length < HOURS_MIN || best.length > HOURS_MAX) return undefined
  return { from: best.from, to: (best.from + best.length) % HOURS }
}

function near(a: number, b: number): boolean {
  const apart = Math.abs(a - b)
  return Math.min(apart, HOURS - apart) <= 1
}

function insideAndOutside(
  days: readonly Float64Array[],
  rows: readonly number[],
  { from, to }: Pick<BusyHours, 'from' | 'to'>,
): { readonly inside: number; readonly outside: number } {
  const inside: number[] = []
  const outside: number[] = []
  days.forEach((row, day) =>
    row.forEach((value, hour) => {
      const isWithin = from < to ? hour >= from && hour < to : hour >= from || hour < to
      ;(rows.includes(day) && isWithin ? inside : outside).push(value)
    }),
  )
  return { inside: meanOf(inside), outside: meanOf(outside) }
}

function meanOf(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.reduce((sum, value) => sum + value, 0) / known.length
}

/** Hours that a rhythm is looked for in, at the least: three days, for a period of one. */
const RHYTHM_HOURS_MIN = 72

/** Period and strength over the hours of a week; undefined where too little was measured. */
export function weekRhythm(
  column: Float32Array | undefined,
): { readonly periodMs?: number; readonly strength: number } | undefined {
  const perHour = HOUR_MS / SLOT_MS
  const hours = Math.floor((column?.length ?? 0) / perHour)
  const means = Array.from({ length: hours }, (_, hour) =>
    meanOf([...(column?.subarray(hour * perHour, (hour + 1) * perHour) ?? [])]),
  )
  const known = means.filter((value) => !Number.isNaN(value))
  if (known.length < RHYTHM_HOURS_MIN) return undefined
  // A gap counts as its mean: it has no part in any rhythm.
  const mean = meanOf(known)
  const rhythm = findRhythm(centre(Float64Array.from(means, (value) => (Number.isNaN(value) ? mean : value))))
  if (rhythm === undefined) return undefined
  return { strength: rhythm.strength, ...(rhythm.period === undefined ? {} : { periodMs: rhythm.period * HOUR_MS }) }
}

/** A stretch in which one resource was far from its usual. */
export interface Oddity {
  readonly resource: Resource
  readonly from: EpochMs
  readonly to: EpochMs
  /** Where it was furthest, in the resource's unit. */
  readonly value: number
  /** Median of the span. */
  readonly usual: number
  /** Distance from the median on log(1 + value / small), over the distance that 98 of 100 slots keep, a quarter at least. */
  readonly multiple: number
}

/** What is small of each resource, what may differ and still be usual, and the share that is usual by definition: as in `unusual.ts`. */
const SMALL: Readonly<Record<Resource, number>> = {
  cpu: 0.01,
  memory: 1 << 20,
  diskRead: 4096,
  diskWrite: 4096,
  netReceive: 4096,
  netSend: 4096,
}
const USUAL_MIN = 0.25
const USUAL_SHARE = 0.98
/** Four hours: with fewer slots nothing is usual. */
const SLOTS_MIN = 48
const MULTIPLE_MIN = 2
/** Slots between two of one stretch. */
const GAP_MAX = 2

/** Stretches that were far from usual, the furthest first. @param most so many of them */
export function oddities({ firstSlotAt, mean }: UsageSeries, most: number): readonly Oddity[] {
  const found = RESOURCES.flatMap((resource) => {
    const column = mean[resource]
    return column === undefined ? [] : oddStretches(resource, column, firstSlotAt)
  })
  return found.toSorted((a, b) => b.multiple - a.multiple || a.from - b.from).slice(0, most)
}

function oddStretches(resource: Resource, column: Float32Array, firstSlotAt: EpochMs): readonly Oddity[] {
  const small = SMALL[resource]
  const logs = Float64Array.from(column, (value) => Math.log1p(Math.max(0, value) / small))
  const known = logs.filter((value) => !Number.isNaN(value))
  if (known.length < SLOTS_MIN) return []
  const median = medianOf(known)
  const distances = known.map((value) => Math.abs(value - median)).sort()
  const usual = Math.max(USUAL_MIN, distances[Math.floor(USUAL_SHARE * (distances.length - 1))])
  const stretches: Oddity[] = []
  let last = -Infinity
  logs.forEach((value, slot) => {
    const multiple = Math.abs(value - median) / usual
    if (!(multiple >= MULTIPLE_MIN)) return
    const [from, to] = [firstSlotAt + slot * SLOT_MS, firstSlotAt + (slot + 1) * SLOT_MS]
    const odd = { resource, from, to, value: column[slot], usual: Math.expm1(median) * small, multiple }
    const before = stretches.at(-1)
    if (before === undefined || slot - last > GAP_MAX + 1) stretches.push(odd)
    else stretches[stretches.length - 1] = { ...(before.multiple >= multiple ? before : odd), from: before.from, to }
    last = slot
  })
  return stretches
}
