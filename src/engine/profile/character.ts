/** A VM's character in plain words: pure functions from what is known of it to sentences, each with what it rests on. */
import { type DimensionName, type PersonalityVector, readDimension } from '../../terms/personality.ts'
import {
  amountText,
  bytesText,
  coresText,
  factorText,
  numberText,
  percentText,
  rateText,
  spanText,
} from '../../terms/shown.ts'
import { type EpochMs, type Fraction, MINUTE_MS } from '../../terms/units.ts'
import type { UsageSeries } from '../../terms/usage.ts'
import { witnessOf } from './distance.ts'
import { type BusyHours, busyHours, type weekGrid, type weekRhythm } from './week.ts'

/** By what sentences and figures of a character are worked out, for answers. */
export const CHARACTER_MODEL = 'week-and-vectors'

export const CHARACTER_TOPICS = [
  'cpu',
  'week',
  'memory',
  'dirtying',
  'disk',
  'network',
  'rhythm',
  'phase',
  'pressure',
  'application',
  'unusual',
] as const

export type Witness = 'guest' | 'host'

export interface Sentence {
  readonly about: (typeof CHARACTER_TOPICS)[number]
  readonly text: string
  readonly toldBy: Witness
  /** Share of the time that was measured. Absent: not told. */
  readonly coverage?: Fraction
  /** Since the end of what was looked at. */
  readonly ageMs: number
}

/** All that sentences are made from. What is not known is left out. */
export interface CharacterGrounds {
  readonly now: EpochMs
  /** Its newest vectors: of its agent, of the server, or both. */
  readonly vectors: readonly PersonalityVector[]
  readonly size?: { readonly refCores: number; readonly memoryBytes: number }
  readonly week: {
    readonly usage: UsageSeries
    readonly grid: ReturnType<typeof weekGrid>
    readonly rhythm: ReturnType<typeof weekRhythm>
    readonly toldBy: Witness
    /** Since its newest slot that was measured. */
    readonly ageMs: number
  }
  readonly phase?: {
    readonly name: string
    readonly sinceMs?: number
    readonly toldBy: Witness
    readonly ageMs: number
  }
}

/** A dimension as it is known best: by the host, where the host counted it. */
export interface Known {
  readonly value: number
  readonly toldBy: Witness
  readonly coverage: Fraction
  readonly ageMs: number
}

export function bestKnown(
  { vectors, now }: Pick<CharacterGrounds, 'vectors' | 'now'>,
  name: DimensionName,
): Known | undefined {
  const found = vectors.flatMap((vector): readonly Known[] => {
    const value = readDimension(vector, name)
    if (value === undefined) return []
    const { coverage, windowEnd } = vector
    return [{ value, toldBy: witnessOf(vector, name), coverage, ageMs: Math.max(0, now - windowEnd) }]
  })
  return found.find(({ toldBy }) => toldBy === 'host') ?? found.at(0)
}

/** What it is like, the most telling first. */
export function describeCharacter(grounds: CharacterGrounds): readonly Sentence[] {
  const makers = [
    cpuSentence,
    weekSentence,
    pressureSentence,
    memorySentence,
    dirtyingSentence,
    diskSentence,
    networkSentence,
    rhythmSentence,
    phaseSentence,
    applicationSentence,
    unusualSentence,
  ]
  return makers.flatMap((make) => make(grounds) ?? [])
}

/** Of a week less than two hours are no past. */
const WEEK_MEASURED_MIN = 0.012

/** What is known of one resource over the week: mean, lowest and highest of its slots. */
interface Past {
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly coverage: Fraction
}

/** Tenth and ninetieth of a hundred stand for lowest and highest: one slot alone is no range. */
function pastOf(column: Float32Array | undefined): Past | undefined {
  const known = column?.filter((value) => !Number.isNaN(value)).sort()
  if (column === undefined || known === undefined || known.length < WEEK_MEASURED_MIN * column.length) return undefined
  const at = (share: number): number => known[Math.floor(share * (known.length - 1))]
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length
  return { mean, low: at(0.1), high: at(0.9), coverage: known.length / column.length }
}

/** Grounds of a sentence about the week. */
function ofWeek({ week }: CharacterGrounds, coverage: Fraction): Pick<Sentence, 'toldBy' | 'coverage' | 'ageMs'> {
  return { toldBy: week.toldBy, coverage, ageMs: week.ageMs }
}

function of({ toldBy, coverage, ageMs }: Known): Pick<Sentence, 'toldBy' | 'coverage' | 'ageMs'> {
  return { toldBy, coverage, ageMs }
}

/** Share of its size that it wants on the mean, in words. */
const LEVELS: readonly (readonly [number, string])[] = [
  [0.05, 'Mostly idle'],
  [0.3, 'Lightly used'],
  [0.8, 'Busy'],
  [Infinity, 'Saturated'],
]
/** Standard deviation over mean, in words. */
const RESTLESS: readonly (readonly [number, string])[] = [
  [0.3, 'steady'],
  [1, 'it varies'],
  [Infinity, 'it comes in bursts'],
]

function wordOf(words: readonly (readonly [number, string])[], value: number): string {
  return words.find(([below]) => value < below)?.[1] ?? ''
}

function cpuSentence(grounds: CharacterGrounds): Sentence | undefined {
  const past = pastOf(grounds.week.usage.mean.cpu)
  const now = bestKnown(grounds, 'cpuRefCoresMean')
  const mean = past?.mean ?? now?.value
  if (mean === undefined) return undefined
  const { size } = grounds
  const burstiness = bestKnown(grounds, 'cpuBurstiness')?.value
  const level = size === undefined ? 'CPU' : wordOf(LEVELS, mean / size.refCores)
  const share = size === undefined ? '' : `, ${percentText(mean / size.refCores)} of its size`
  const high = past === undefined ? '' : `; one time in ten above ${coresText(past.high)}`
  const restless = burstiness === undefined ? '' : `; ${wordOf(RESTLESS, burstiness)}`
  const text = `${level}: ${coresText(mean)} on the mean${share}${high}${restless}.`
  return { about: 'cpu', text, ...(past === undefined ? of(now as Known) : ofWeek(grounds, past.coverage)) }
}

function weekSentence(grounds: CharacterGrounds): Sentence | undefined {
  const { grid } = grounds.week
  const hours = busyHours(grid)
  return hours === undefined ? undefined : { about: 'week', text: hoursText(hours), ...ofWeek(grounds, grid.measured) }
}

const DAYS_TEXT = { weekdays: 'on weekdays', weekend: 'at weekends', 'every day': 'every day' } as const

/** `Busy on weekdays from 8 to 18 UTC: 1.20 reference cores, and 0.10 reference cores otherwise.` */
export function hoursText({ days, from, to, inside, outside }: BusyHours): string {
  const when = `${DAYS_TEXT[days]} from ${from} to ${to} UTC`
  return `Busy ${when}: ${coresText(inside)}, and ${coresText(outside)} otherwise.`
}

/** Spread of memory that is none to speak of: a twentieth. */
const STEADY = 1.05

function memorySentence(grounds: CharacterGrounds): Sentence | undefined {
  const past = pastOf(grounds.week.usage.mean.memory)
  const now = bestKnown(grounds, 'memoryUsedBytes')
  const used = past?.mean ?? now?.value
  if (used === undefined) return undefined
  const whole = grounds.size === undefined ? '' : ` of ${bytesText(grounds.size.memoryBytes)}`
  const isSteady = past !== undefined && past.high <= past.low * STEADY
  const how = past === undefined ? 'Memory at' : isSteady ? 'Memory steady at' : 'Memory at'
  const range =
    past === undefined || isSteady ? '' : `, mostly between ${bytesText(past.low)} and ${bytesText(past.high)}`
  const working = bestKnown(grounds, 'memoryWorkingSetBytes')
  const touched = working === undefined ? '' : `; ${bytesText(working.value)} of it are written again and again`
  // What is in use within a guest, only the guest can tell: its balloon's driver, or its agent.
  const rests = past === undefined ? of(now as Known) : { ...ofWeek(grounds, past.coverage), toldBy: 'guest' as const }
  return { about: 'memory', text: `${how} ${bytesText(used)}${whole}${range}${touched}.`, ...rests }
}

function dirtyingSentence(grounds: CharacterGrounds): Sentence | undefined {
  const rate = bestKnown(grounds, 'memoryDirtiedBytesPerSec')
  if (rate === undefined) return undefined
  return { about: 'dirtying', text: `Writes ${rateText(rate.value)} of its memory anew.`, ...of(rate) }
}

/** Below it a rate is as good as none. */
const LITTLE_BYTES_PER_SEC = 16 * 1024

interface Pair {
  readonly about: 'disk' | 'network'
  readonly usage: readonly ['diskRead', 'diskWrite'] | readonly ['netReceive', 'netSend']
  readonly names: readonly [DimensionName, DimensionName]
  readonly verbs: readonly [string, string]
  readonly where: string
  readonly hardly: string
}

function pairSentence(
  grounds: CharacterGrounds,
  { about, usage, names, verbs, where, hardly }: Pair,
): Sentence | undefined {
  const [a, b] = usage.map((resource) => pastOf(grounds.week.usage.mean[resource]))
  const [nowA, nowB] = names.map((name) => bestKnown(grounds, name))
  const [one, two] = [a?.mean ?? nowA?.value, b?.mean ?? nowB?.value]
  const isOfWeek = a !== undefined || b !== undefined
  const known = nowA ?? nowB
  if (one === undefined && two === undefined) return undefined
  const parts = [
    one === undefined ? [] : [`${verbs[0]} ${rateText(one)}`],
    two === undefined ? [] : [`${verbs[1]} ${rateText(two)}`],
  ].flat()
  const isLittle = (one ?? 0) < LITTLE_BYTES_PER_SEC && (two ?? 0) < LITTLE_BYTES_PER_SEC
  const told = parts.join(' and ')
  const text = isLittle ? `${hardly}: ${told}.` : `${told.charAt(0).toUpperCase()}${told.slice(1)}${where}.`
  const coverage = Math.min(a?.coverage ?? 1, b?.coverage ?? 1)
  return { about, text, ...(isOfWeek ? ofWeek(grounds, coverage) : of(known as Known)) }
}

function diskSentence(grounds: CharacterGrounds): Sentence | undefined {
  return pairSentence(grounds, {
    about: 'disk',
    usage: ['diskRead', 'diskWrite'],
    names: ['diskReadBytesPerSec', 'diskWriteBytesPerSec'],
    verbs: ['reads', 'writes'],
    where: ' of its disks',
    hardly: 'Hardly uses its disks',
  })
}

function networkSentence(grounds: CharacterGrounds): Sentence | undefined {
  return pairSentence(grounds, {
    about: 'network',
    usage: ['netReceive', 'netSend'],
    names: ['netReceiveBytesPerSec', 'netSendBytesPerSec'],
    verbs: ['receives', 'sends'],
    where: '',
    hardly: 'Hardly uses its network',
  })
}

function rhythmSentence(grounds: CharacterGrounds): Sentence | undefined {
  const { rhythm, grid } = grounds.week
  if (rhythm?.periodMs !== undefined) {
    const text = `Repeats itself every ${spanText(rhythm.periodMs)}; that explains ${percentText(rhythm.strength)} of how its CPU varies from hour to hour.`
    return { about: 'rhythm', text, ...ofWeek(grounds, grid.measured) }
  }
  const period = bestKnown(grounds, 'rhythmPeriodMs')
  const strength = bestKnown(grounds, 'rhythmStrength')
  if (period === undefined || strength === undefined) return undefined
  const text = `Repeats itself every ${spanText(period.value)}; that explains ${percentText(strength.value)} of how its CPU varies.`
  return { about: 'rhythm', text, ...of(period) }
}

function phaseSentence({ phase }: CharacterGrounds): Sentence | undefined {
  if (phase === undefined) return undefined
  const { name, sinceMs, toldBy, ageMs } = phase
  const since = sinceMs === undefined || sinceMs < MINUTE_MS ? '' : ` for ${spanText(sinceMs)}`
  return { about: 'phase', text: `In the phase "${name}"${since}.`, toldBy, ageMs }
}

/** Share of time, or of demand, from which waiting is told. */
const WAITING_MIN = 0.05
const WAITS: readonly (readonly [DimensionName, string])[] = [
  ['cpuStealShare', 'of its CPU demand it waits for its host'],
  ['cpuPressureSome', 'of the time something in it waits for CPU'],
  ['memoryPressureSome', 'of the time something in it waits for memory'],
  ['ioPressureSome', 'of the time something in it waits for its disks'],
]

function pressureSentence(grounds: CharacterGrounds): Sentence | undefined {
  const waits = WAITS.flatMap(([name, what]) => {
    const known = bestKnown(grounds, name)
    return known === undefined || known.value < WAITING_MIN
      ? []
      : [{ known, text: `${percentText(known.value)} ${what}` }]
  })
  if (waits.length === 0) return undefined
  const toldBy = waits.every(({ known }) => known.toldBy === 'host') ? 'host' : 'guest'
  return {
    about: 'pressure',
    text: `It suffers: ${waits.map(({ text }) => text).join('; ')}.`,
    ...of(waits[0].known),
    toldBy,
  }
}

function applicationSentence(grounds: CharacterGrounds): Sentence | undefined {
  const requests = bestKnown(grounds, 'applicationRequestsPerSec')
  if (requests === undefined) return undefined
  const latency = bestKnown(grounds, 'applicationLatencyMsMean')
  const took = latency === undefined ? '' : `, ${numberText(latency.value)} ms each on the mean`
  const text = `Its application answers ${amountText(requests.value, '1/s')} requests a second${took}.`
  return { about: 'application', text, ...of(requests) }
}

/** An anomaly score of so much, and a change of so many standard deviations, are told. */
const ANOMALY_MIN = 0.9
const CHANGE_MIN = 4

function unusualSentence(grounds: CharacterGrounds): Sentence | undefined {
  const anomaly = bestKnown(grounds, 'anomalyScore')
  if (anomaly !== undefined && anomaly.value >= ANOMALY_MIN)
    return {
      about: 'unusual',
      text: `Unlike itself just now: ${factorText(anomaly.value)}, where 0 is ordinary and 1 was never seen.`,
      ...of(anomaly),
    }
  const change = bestKnown(grounds, 'changeScore')
  if (change === undefined || Math.abs(change.value) < CHANGE_MIN) return undefined
  const how = change.value > 0 ? 'more' : 'less'
  const text = `Its CPU has changed: ${numberText(Math.abs(change.value))} standard deviations ${how} than it used to want.`
  return { about: 'unusual', text, ...of(change) }
}
