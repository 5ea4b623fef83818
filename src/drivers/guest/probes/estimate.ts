/** From calls that were counted a few per cent of the time to calls per second, and how far to trust that. */
import { SECOND_MS, type Fraction } from '../../../terms/units.ts'

/** Calls counted over a time. */
export interface Counted {
  readonly calls: number
  readonly countedMs: number
}

/** Calls per second with one standard error. */
export interface Rate extends Counted {
  readonly perSec: number
  /** Chance (the root of the count) and spread between attachments, together. Where nothing was counted: one call in the time. */
  readonly errorPerSec: number
  /** The rate may be told too low by at most this share: callers are slowed while they are watched, and call less often then if they do
   *  nothing else. The case of one thread that makes all calls. */
  readonly lowByMax: Fraction
  /** This rate and those of the attachments before, newest first. */
  readonly recent: readonly number[]
}

/** An hour at the default period: what a spread is taken over. */
export const RECENT_MAX = 12
/** Fewer rates tell no spread. */
const SPREAD_FROM = 3
/** Above this the caller did little else than being watched, and nothing can be said. */
const LOW_BY_MAX = 0.95

/** What a rate is estimated from. */
export interface Evidence {
  /** Counts that add up: one per window, each scaled by its own time. */
  readonly windows: readonly Counted[]
  /** Rates within this attachment, for the spread as long as there were too few attachments. */
  readonly slicesPerSec?: readonly number[]
  /** Rates of the attachments before, newest first. */
  readonly before?: readonly number[]
  /** What each call cost its caller, in ns. */
  readonly costNs: number
}

/** Scales counts to a rate. Undefined where no time was counted. */
export function estimateRate({ windows, slicesPerSec = [], before = [], costNs }: Evidence): Rate | undefined {
  const seen = windows.filter(({ countedMs }) => countedMs > 0)
  if (seen.length === 0) return undefined
  let perSec = 0
  let variance = 0
  let calls = 0
  let countedMs = 0
  for (const window of seen) {
    const seconds = window.countedMs / SECOND_MS
    perSec += window.calls / seconds
    // A count of n has the variance n; of none, as if of one.
    variance += Math.max(1, window.calls) / seconds ** 2
    calls += window.calls
    countedMs += window.countedMs
  }
  const recent = [perSec, ...before].slice(0, RECENT_MAX)
  const spread = spreadOf(recent.length >= SPREAD_FROM ? recent : slicesPerSec)
  return {
    calls,
    countedMs,
    perSec,
    errorPerSec: Math.sqrt(variance + spread ** 2),
    lowByMax: Math.min(LOW_BY_MAX, (perSec * costNs) / 1e9),
    recent,
  }
}

/** Standard deviation of rates, from the differences between neighbours: a slow rise or fall is not uncertainty. */
export function spreadOf(rates: readonly number[]): number {
  if (rates.length < SPREAD_FROM) return 0
  let squares = 0
  for (let i = 1; i < rates.length; i++) squares += (rates[i] - rates[i - 1]) ** 2
  return Math.sqrt(squares / (rates.length - 1) / 2)
}
