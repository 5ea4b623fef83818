/** When to send, and when to try again. Pure: time and luck are handed in. */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'

/** After a failure the wait doubles from a second on. Each is drawn from its upper half ("equal jitter": Brooker, Exponential Backoff and Jitter,
 *  AWS 2015), so that those who failed together do not come back together. Prometheus waits 30 ms to 5 s between tries, OpenTelemetry's collector
 *  5 to 30 s. */
const RETRY_MS_MIN = SECOND_MS
/** Longest wait between tries, and between batches while catching up. A day of vectors of five minutes is 288, in three batches of 100: found
 *  within 18 s of the server's return, and 36 s later the newest is there: 54 s of the 60 that are promised. As those who wait keep the same
 *  pace before and after the return, the server sees no rush: 500 agents are 500 / 13.5 s = 37 requests a second at any time. */
const RETRY_MS_MAX = 18 * SECOND_MS
/** Two batches more at that pace. Longer queues are sent in shorter steps within the same time. */
const CATCH_UP_MS = 2 * RETRY_MS_MAX
/** A server that can't be trusted, or does not know what we ask, is an operator's work: there is no hurry. */
const WRONG_SERVER_MS_MAX = 5 * MINUTE_MS
/** A new vector is sent within so long: agents that were started together spread over it. */
const SPREAD_MS = 20 * SECOND_MS
/** Whoever was shut out asks again this often: an operator may have released it. */
const SHUT_OUT_MS = HOUR_MS
/** What a server asks us to wait is obeyed up to this, and a tenth more, drawn: those who were told the same do not come back together. */
const RETRY_AFTER_MS_MAX = HOUR_MS

/** What came of a try, as far as the next one depends on it. */
export type Outcome =
  /** Lines were taken; as many batches are left. */
  | { readonly kind: 'taken'; readonly batchesLeft: number }
  /** The network or the server failed. */
  | { readonly kind: 'failed' }
  /** The server asks to come later. */
  | { readonly kind: 'asked to wait'; readonly afterMs: number }
  /** Not our server, or not one that we can trust. */
  | { readonly kind: 'wrong server' }
  /** Banned, quarantined, or without an identity that is taken. */
  | { readonly kind: 'shut out' }

export class Pace {
  private readonly luck: () => number
  private nextMs: number
  private failures = 0
  private stepMs = RETRY_MS_MAX
  private isCatchingUp = false

  /** @param luck draws from [0, 1). @param nowMs any clock that only goes forward */
  constructor(nowMs: number, luck: () => number) {
    this.luck = luck
    this.nextMs = nowMs + luck() * SPREAD_MS
  }

  /** The next try is due then, if anything waits. */
  get dueMs(): number {
    return this.nextMs
  }

  /** A line was added. The first after all was sent waits its turn; others change nothing. */
  offered(nowMs: number, waiting: number): void {
    if (waiting === 1 && this.failures === 0 && this.nextMs <= nowMs) this.nextMs = nowMs + this.luck() * SPREAD_MS
  }

  /** A try has ended. */
  ended(outcome: Outcome, nowMs: number): void {
    if (outcome.kind === 'taken') return this.taken(outcome.batchesLeft, nowMs)
    this.isCatchingUp = false
    this.failures = Math.min(this.failures + 1, 1000)
    if (outcome.kind === 'failed') this.nextMs = nowMs + this.upperHalf(this.backoffMs(RETRY_MS_MAX))
    else if (outcome.kind === 'wrong server') this.nextMs = nowMs + this.upperHalf(this.backoffMs(WRONG_SERVER_MS_MAX))
    else if (outcome.kind === 'shut out') this.nextMs = nowMs + SHUT_OUT_MS * (1 + this.luck() / 10)
    else {
      const waitMs = Math.min(RETRY_AFTER_MS_MAX, Math.max(RETRY_MS_MIN, outcome.afterMs))
      this.nextMs = nowMs + waitMs * (1 + this.luck() / 10)
    }
  }

  private taken(batchesLeft: number, nowMs: number): void {
    this.failures = 0
    if (batchesLeft > 0 && !this.isCatchingUp) this.stepMs = Math.min(RETRY_MS_MAX, CATCH_UP_MS / batchesLeft)
    this.isCatchingUp = batchesLeft > 0
    this.nextMs = batchesLeft > 0 ? nowMs + this.upperHalf(this.stepMs) : nowMs
  }

  private backoffMs(longestMs: number): number {
    return Math.min(longestMs, RETRY_MS_MIN * 2 ** Math.min(30, this.failures - 1))
  }

  private upperHalf(ms: number): number {
    return (ms * (1 + this.luck())) / 2
  }
}
