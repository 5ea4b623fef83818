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
  /** Chance (the root of the count) and spread between attachments, together. Where nothing was counted: one call in the time. Where there was one
   *  short attachment only, which tells no spread: the rate itself. */
  readonly errorPerSec: number
  /** The rate may be told too low by at most this share: callers are slowed while they are watched, and call less often then if they do
   *  nothing else. The case of one thread that makes all calls. */
  readonly lowByMax: Fraction
  /** This rate and those of the attachments before, newest first. */
  readonly recent: readonly number[]
}

/** An hour at the default period: what a spread is taken over. */
export const RECENT_MAX = 12
/** From so many rounds on the spread is that between rounds alone; within one round only what changes within seconds is seen. */
const ROUNDS_MIN = 3
/** Above this the caller did little else than being watched, and nothing can be said. */
const LOW_BY_MAX = 0.95

/** What a rate is estimated from. */
export interface Evidence {
  /** Counts that add up: one per window, each scaled by its own time. */
  readonly windows: readonly Counted[]
  /** Rates within this attachment, second by second, for the spread as long as there were too few attachments. */
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
  const between = spreadOf(recent)
  const spread = recent.length >= ROUNDS_MIN ? between : largest(between, spreadOf(slicesPerSec))
  return {
    calls,
    countedMs,
    perSec,
    errorPerSec: Math.sqrt(variance + (spread ?? perSec) ** 2),
    lowByMax: Math.min(LOW_BY_MAX, (perSec * costNs) / 1e9),
    recent,
  }
}

/** Standard deviation of rates, from the differences between neighbours: a slow rise or fall is not uncertainty. Undefined of fewer than two. From few
 *  differences it is often too small by chance, and is widened as Student's t is: so that a rate lies within it as often as within one
 *  standard error. */
export function spreadOf(rates: readonly number[]): number | undefined {
  const n = rates.length
  if (n < 2) return undefined
  let squares = 0
  for (let i = 1; i < n; i++) squares += (rates[i] - rates[i - 1]) ** 2
  // Degrees of freedom of this estimate: von Neumann (1941), by its variance (3n - 4) / (n - 1)^2 times the fourth power.
  const freedom = (2 * (n - 1) ** 2) / (3 * n - 4)
  // Student's 68.3 % points are 1.84, 1.32, 1.20, 1.11, 1.05 at 1, 2, 3, 5, 10 degrees; this is within 0.03 of them.
  const widened = 1 + 0.5 / freedom + 0.3 / freedom ** 2
  return widened * Math.sqrt(squares / (n - 1) / 2)
}

function largest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
}
