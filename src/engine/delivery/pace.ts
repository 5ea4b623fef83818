/** When to send, and when to try again. Pure: time and luck are handed in. */
import { type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'

/** Shortest and longest wait after a failure; in between it doubles, and each wait is drawn from all of it ("full jitter": Brooker, Exponential
 *  Backoff and Jitter, 2015), so that those who failed together do not come back together. */
const RETRY_MS_MIN = 5 * SECOND_MS
const RETRY_MS_MAX = 5 * MINUTE_MS
/** A new vector is sent within so long: agents that were started together spread over it. */
export const SPREAD_MS = 30 * SECOND_MS
/** Whoever was shut out asks again this often: an operator may have released it. */
const SHUT_OUT_MS = HOUR_MS
/** What a server asks us to wait is obeyed up to this. */
const RETRY_AFTER_MS_MAX = HOUR_MS
/** Share of its life after which a certificate is renewed (as Nomad does). */
const RENEW_AT = 2 / 3

export type Outcome =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'later'; readonly afterMs?: number }
  | { readonly kind: 'shut out' }

/** Wait until the next try, in ms. @param failures in a row, this one included @param luck a draw in [0, 1) */
export function waitAfter(outcome: Outcome, failures: number, luck: number): number {
  if (outcome.kind === 'acknowledged') return 0
  if (outcome.kind === 'shut out') return SHUT_OUT_MS * (1 + luck / 4)
  const ceiling = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(20, failures - 1))
  const own = RETRY_MS_MIN + luck * (ceiling - RETRY_MS_MIN)
  return outcome.afterMs === undefined ? own : Math.max(own, Math.min(RETRY_AFTER_MS_MAX, outcome.afterMs))
}

/** Whether a certificate is to be renewed now: at two thirds of its life. One that is not valid yet is left alone: our clock is behind. */
export function isRenewalDue(
  { notBefore, notAfter }: { readonly notBefore: EpochMs; readonly notAfter: EpochMs },
  now: EpochMs,
): boolean {
  return now >= notBefore + RENEW_AT * (notAfter - notBefore)
}

/** Lines of the next batch: at most so many, and so many bytes with their line ends. At least one. */
export function batchOf(
  lines: readonly string[],
  bounds: { readonly lines: number; readonly bytes: number },
): readonly string[] {
  let bytes = 0
  let count = 0
  for (const line of lines.slice(0, bounds.lines)) {
    bytes += line.length + 1
    if (bytes > bounds.bytes && count > 0) break
    count++
  }
  return lines.slice(0, count)
}
