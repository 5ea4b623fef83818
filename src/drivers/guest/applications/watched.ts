import type { Detail } from '../../../terms/reading.ts'
import { type Machine, MachineError } from '../machine.ts'
import type { Finding } from '../sampler.ts'
import { CollectError, type Collector, type Counts, type Rates, ratesBetween, totalsBetween } from './application.ts'
import { COLLECT_MS_MAX, withDeadline } from './deadline.ts'

/** After a refusal (a password, a right that is missing) nobody is asked again sooner. */
export const AFTER_REFUSAL_MS = 600_000
/** An application is asked for at most this share of the time: one that takes 200 ms to answer is asked every 40 s. */
const BUSY_SHARE_MAX = 0.005
/** And at least once in so many intervals, however slow it is, and whether it answered or not: older answers are no news, and a VM that was too
 *  busy while it booted is not blind for long. Refusals are apart. */
const INTERVALS_MAX = 8
/** Rates are told for as many intervals after the last answer; then they are absent. */
const FRESH_INTERVALS = 3

/** An uptime is told in whole seconds, and an answer may be late by two. */
const UPTIME_SLACK_MS = 3000

interface Answer {
  readonly counts: Counts
  readonly atMs: number
  /** When the application began, in monotonic time; NaN where it does not tell. */
  readonly startedMs: number
}

interface Told {
  readonly rates: Rates
  readonly details: readonly Detail[]
  /** When the answer came, and until when it is told. */
  readonly atMs: number
  readonly untilMs: number
}

/** One application over time: when it is asked, what it said last, what happened in between. Asking is never waited for by a look. */
export class Watched {
  readonly collector: Collector
  /** Found by itself, so that it may silently go again. */
  readonly isFound: boolean
  private readonly machine: Machine
  private readonly everyMs: number
  private asking: Promise<void> | undefined
  private nextMs = -Infinity
  private failures = 0
  private error: Error | undefined
  private was: Answer | undefined
  private told: Told | undefined
  /** What was in the way when the log was told last. */
  private toldError: string | undefined

  constructor(machine: Machine, collector: Collector, { everyMs, isFound }: { everyMs: number; isFound: boolean }) {
    this.machine = machine
    this.collector = collector
    this.everyMs = everyMs
    this.isFound = isFound
  }

  /** Begins to ask if it is time to. Returns at once. */
  turn(nowMs: number): void {
    if (this.asking === undefined && nowMs >= this.nextMs) void this.ask()
  }

  /** What happened between the last two answers, while that is fresh. */
  rates(nowMs: number): Rates | undefined {
    return this.told !== undefined && nowMs <= this.told.untilMs ? this.told.rates : undefined
  }

  details(nowMs: number): readonly Detail[] {
    return this.told !== undefined && nowMs <= this.told.untilMs ? this.told.details : []
  }

  /** Resolves once what is being asked is answered; asks if nobody ever has. */
  async settle(): Promise<void> {
    if (this.asking === undefined && this.was === undefined && this.error === undefined) void this.ask()
    await this.asking
  }

  /** One that was found and has gone: nobody listens any more. */
  get hasGone(): boolean {
    return this.isFound && this.failures >= 2 && this.error instanceof MachineError && GONE.has(this.error.code)
  }

  finding(): Finding {
    const { title, place } = this.collector
    const what = `${title} at ${place}`
    if (this.error !== undefined) {
      const remedy = this.error instanceof CollectError ? this.error.remedy : remedyOf(this.error)
      const base = { sampler: 'applications', what, state: 'absent', because: this.error.message } as const
      return remedy === undefined ? base : { ...base, remedy }
    }
    const lacks = this.collector.lacks?.()
    const tellsItself = this.was?.counts.atMs !== undefined
    const how = this.isFound ? 'found by itself' : tellsItself ? 'it tells by itself' : 'configured'
    if (lacks === undefined) return { sampler: 'applications', what, state: 'seen', because: how }
    const base = { sampler: 'applications', what, state: 'partly', because: lacks.because } as const
    return lacks.remedy === undefined ? base : { ...base, remedy: lacks.remedy }
  }

  /** For the log: what is in the way, once whenever it is another than was told last; and that it is seen again, once. */
  change(): Finding | undefined {
    const because = this.error?.message
    // Nothing is known while nobody has answered, and after a failure that was told: not yet.
    if (because === this.toldError || (this.error === undefined && this.was === undefined)) return undefined
    this.toldError = because
    return this.finding()
  }

  async close(): Promise<void> {
    this.nextMs = Infinity
    this.collector.close()
    await this.asking
  }

  private async ask(): Promise<void> {
    const asking = this.collect()
    this.asking = asking
    await asking
    this.asking = undefined
  }

  private async collect(): Promise<void> {
    const startMs = this.machine.monotonicMs()
    try {
      const stop = (): void => this.collector.close()
      const counts = await withDeadline(this.machine, { ms: COLLECT_MS_MAX, stop }, () => this.collector.collect())
      const endMs = this.machine.monotonicMs()
      const atMs = counts.atMs ?? endMs
      const isFirst = this.was === undefined
      const busyMs = Math.min((endMs - startMs) / BUSY_SHARE_MAX, INTERVALS_MAX * this.everyMs)
      const waitMs = Math.max(this.everyMs, busyMs)
      // The same counts once more say nothing new. What an application tells by itself may come in parts, a moment apart: a whole
      // interval's work over that moment would be a rate that never was.
      const spanMsMin = counts.atMs === undefined ? Number.MIN_VALUE : this.everyMs
      const is = { counts, atMs, startedMs: endMs - (counts.uptimeSec ?? Number.NaN) * 1000 }
      if (this.was === undefined) this.was = is
      else if (atMs - this.was.atMs >= spanMsMin) {
        this.tell(this.was, is, waitMs)
        this.was = is
      }
      this.failures = 0
      this.error = undefined
      // The second answer follows at the next look, so that there is a first rate soon.
      this.nextMs = isFirst ? startMs : startMs + waitMs
    } catch (error) {
      this.collector.close()
      this.was = undefined
      this.failures++
      this.error = error instanceof Error ? error : new Error(String(error))
      this.nextMs = startMs + this.backoffMs()
      // One that answered slowly is asked seldom, and believed for long; but not once it fails.
      const { told } = this
      if (told !== undefined)
        this.told = { ...told, untilMs: Math.min(told.untilMs, told.atMs + FRESH_INTERVALS * this.everyMs) }
    }
  }

  private tell(was: Answer, is: Answer, waitMs: number): void {
    const spanMs = is.atMs - was.atMs
    // A restart that no total shows, for they have passed the old ones already.
    const hasRestarted = Math.abs(is.startedMs - was.startedMs) > UPTIME_SLACK_MS
    const before = hasRestarted ? {} : was.counts
    this.told = {
      rates: ratesBetween(before, is.counts, spanMs),
      details: [...totalsBetween(before, is.counts, spanMs), ...(is.counts.details ?? [])],
      atMs: is.atMs,
      untilMs: is.atMs + FRESH_INTERVALS * Math.max(waitMs, spanMs),
    }
  }

  private backoffMs(): number {
    if (this.error instanceof CollectError && this.error.isRefusal) return AFTER_REFUSAL_MS
    return Math.min(AFTER_REFUSAL_MS, this.everyMs * Math.min(INTERVALS_MAX, 2 ** Math.min(10, this.failures)))
  }
}

/** What an operator can do about an error of the machine. */
function remedyOf(error: Error): string | undefined {
  const code = error instanceof MachineError ? error.code : ''
  if (code === 'EACCES' || code === 'EPERM') return 'add the user of the agent to the group of that socket'
  if (GONE.has(code)) return 'is it running, and does it listen there?'
  if (code === 'ETIMEDOUT') return 'does it hang, or is this VM short of CPU? It is asked again'
  return undefined
}

const GONE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT'])
