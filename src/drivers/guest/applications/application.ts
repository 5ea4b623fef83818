/** What every collector of an application gives: running totals and levels. The rates between two of them are worked out here, in one place. */
import type { Detail } from '../../../terms/reading.ts'
import { perSecond, rise } from '../samplers/scan.ts'

/** What an application has done since it was started, and how it is now. What it does not tell is missing. */
export interface Counts {
  /** When they were so, in monotonic time, where that is not the moment of asking: an application that tells by itself. */
  readonly atMs?: number
  /** For how long it has been running. Totals of two runs have no difference, even where the second is above the first. */
  readonly uptimeSec?: number
  /** What is counted, where that may change while we ask (statements, then transactions): between two kinds there is no difference. */
  readonly countedAs?: string
  /** Requests served: statements, commands, or HTTP requests. Those of the agent itself are taken out. */
  readonly requests?: number
  /** Time spent on `timedRequests`, in ms. Their quotient is the mean latency. */
  readonly timedMs?: number
  readonly timedRequests?: number
  /** Requests that only read, of `classified` that are known to read or to write. */
  readonly reads?: number
  readonly classified?: number
  readonly cacheHits?: number
  readonly cacheLookups?: number
  /** Time that sessions waited for locks of others, summed over sessions; as a share of the time of `runningSessions`. */
  readonly lockWaitMs?: number
  /** Sessions at work now, the agent's own not counted. One where there are fewer. */
  readonly runningSessions?: number
  /** What the application tells as a level already. It stands in front of what totals would say. */
  readonly levels?: Partial<Rates>
  /** Other running totals, told to people as rates per second: name to total. */
  readonly totals?: Readonly<Record<string, number>>
  /** Other levels, told to people. */
  readonly details?: readonly Detail[]
}

/** What one application does, or all of a VM together. NaN is absent. */
export interface Rates {
  readonly requestsPerSec: number
  readonly latencyMsMean: number
  /** How many requests stand behind the latency: its weight among other applications. */
  readonly timedPerSec: number
  readonly readShare: number
  readonly classifiedPerSec: number
  readonly cacheHitShare: number
  readonly lookupsPerSec: number
  readonly lockWaitShare: number
}

/** The world refused us an application: why, and what would open it. */
export class CollectError extends Error {
  override readonly name = 'CollectError'
  /** A refusal will not pass by itself, so it is long before the next attempt. */
  readonly isRefusal: boolean
  readonly remedy?: string

  constructor(
    message: string,
    options: ErrorOptions & { readonly isRefusal?: boolean; readonly remedy?: string } = {},
  ) {
    super(message, options)
    this.isRefusal = options.isRefusal ?? false
    if (options.remedy !== undefined) this.remedy = options.remedy
  }
}

/** One application that is asked again and again. */
export interface Collector {
  /** For people: "PostgreSQL", "Prometheus shop". */
  readonly title: string
  /** Where it is asked: a path or URL, without any secret. */
  readonly place: string
  /** Reads its counts, and keeps its connection for the next time. Rejects with `CollectError` or `MachineError`. */
  collect(): Promise<Counts>
  /** What it can't tell though it answers, and what would open that. */
  lacks?(): { readonly because: string; readonly remedy?: string } | undefined
  /** Closes what is open; a `collect` under way then rejects. The next `collect` opens anew. */
  close(): void
}

/** What happened between two looks at one application. A total that fell (a restart, a reset) makes its rates absent for this once. Where
 *  nothing was requested there is no latency: what the server timed was us. */
export function ratesBetween(before: Counts, is: Counts, spanMs: number): Rates {
  const was = areOfOneKind(before, is) ? before : {}
  const risen = (of: (counts: Counts) => number | undefined): number =>
    rise(of(was) ?? Number.NaN, of(is) ?? Number.NaN)
  const requests = risen((counts) => counts.requests)
  const timed = requests === 0 ? 0 : risen((counts) => counts.timedRequests)
  const classified = risen((counts) => counts.classified)
  const lookups = risen((counts) => counts.cacheLookups)
  const sessions = Math.max(1, ((was.runningSessions ?? 1) + (is.runningSessions ?? 1)) / 2)
  const rates: Rates = {
    requestsPerSec: perSecond(requests, spanMs),
    latencyMsMean: quotient(
      risen((counts) => counts.timedMs),
      timed,
    ),
    timedPerSec: perSecond(timed, spanMs),
    readShare: share(
      risen((counts) => counts.reads),
      classified,
    ),
    classifiedPerSec: perSecond(classified, spanMs),
    cacheHitShare: share(
      risen((counts) => counts.cacheHits),
      lookups,
    ),
    lookupsPerSec: perSecond(lookups, spanMs),
    lockWaitShare: share(
      risen((counts) => counts.lockWaitMs),
      spanMs * sessions,
    ),
  }
  return is.levels === undefined ? rates : { ...rates, ...is.levels }
}

/** Several applications of one VM as one: rates add; a latency weighs as much as its requests, a share as much as what it is a share of. */
export function mergeRates(all: readonly Rates[]): Rates {
  const sum = (of: (rates: Rates) => number): number => {
    const known = all.map(of).filter(Number.isFinite)
    return known.length === 0 ? Number.NaN : known.reduce((total, each) => total + each, 0)
  }
  const mean = (of: (rates: Rates) => number, weight: (rates: Rates) => number): number => {
    const known = all.filter((rates) => Number.isFinite(of(rates)))
    if (known.length === 0) return Number.NaN
    const weights = known.map((rates) => finiteOr(weight(rates), finiteOr(rates.requestsPerSec, 0)))
    const total = weights.reduce((a, b) => a + b, 0)
    // Where nobody did anything, or tells how much, they count alike.
    if (total <= 0) return known.reduce((a, rates) => a + of(rates), 0) / known.length
    return known.reduce((a, rates, i) => a + of(rates) * weights[i], 0) / total
  }
  return {
    requestsPerSec: sum((rates) => rates.requestsPerSec),
    latencyMsMean: mean(
      (rates) => rates.latencyMsMean,
      (rates) => rates.timedPerSec,
    ),
    timedPerSec: sum((rates) => rates.timedPerSec),
    readShare: mean(
      (rates) => rates.readShare,
      (rates) => rates.classifiedPerSec,
    ),
    classifiedPerSec: sum((rates) => rates.classifiedPerSec),
    cacheHitShare: mean(
      (rates) => rates.cacheHitShare,
      (rates) => rates.lookupsPerSec,
    ),
    lookupsPerSec: sum((rates) => rates.lookupsPerSec),
    lockWaitShare: mean(
      (rates) => rates.lockWaitShare,
      (rates) => rates.requestsPerSec,
    ),
  }
}

/** Rates per second of the further totals of an application. */
export function totalsBetween(before: Counts, is: Counts, spanMs: number): readonly Detail[] {
  const was = areOfOneKind(before, is) ? before : {}
  return Object.entries(is.totals ?? {}).flatMap(([name, total]) => {
    const value = perSecond(rise(was.totals?.[name] ?? Number.NaN, total), spanMs)
    return Number.isFinite(value) ? [{ name, unit: '1/s', value }] : []
  })
}

/** What is only told in words, as an entry of `Counts`: left out unless it is a number. */
export function known<Key extends string>(key: Key, value: number | undefined): { readonly [K in Key]?: number } {
  return value === undefined || !Number.isFinite(value) ? {} : ({ [key]: value } as { [K in Key]: number })
}

function areOfOneKind(was: Counts, is: Counts): boolean {
  return was.countedAs === is.countedAs
}

function quotient(above: number, below: number): number {
  return below > 0 ? above / below : Number.NaN
}

/** A part of a whole: absent where there is no whole, and never above one (a wait that ended now may have begun before the span did). */
function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, part / whole) : Number.NaN
}

function finiteOr(value: number, other: number): number {
  return Number.isFinite(value) ? value : other
}
