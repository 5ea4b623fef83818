import { ParseError } from '../../terms/parse.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Machine } from './machine.ts'

/** What a helper with privileges leaves for the agent, round after round. */
export interface Dated {
  /** When the round ended, by the wall clock. */
  readonly at: EpochMs
  /** From round to round. */
  readonly everyMs: number
}

export interface LeftResultsOptions<T extends Dated> {
  /** Who leaves it, for messages: `the probe helper`. */
  readonly by: string
  readonly path: string
  readonly bytesMax: number
  /** Throws `ParseError` for what is none of the helper's. */
  readonly parse: (text: string) => T
}

/** After so many rounds that did not come, what is known is absent. */
const STALE_AFTER_ROUNDS = 2
/** The wall clock may be set back a little between two processes. Results from further ahead are no results. */
const AHEAD_MS_MAX = 60 * SECOND_MS

/** Reads the file that a helper leaves, with bounds, as if it were hostile, and tells how long it is worth something. */
export class LeftResults<T extends Dated> {
  private readonly machine: Pick<Machine, 'readText' | 'access' | 'now'>
  private readonly options: LeftResultsOptions<T>
  private text: string | undefined
  private results: T | undefined
  private refusal: string | undefined
  /** Age of the results when they were first seen, and when that was: from then on the wall clock plays no part. */
  private ageMs = 0
  private seenAtMs = Number.NaN

  constructor(machine: Pick<Machine, 'readText' | 'access' | 'now'>, options: LeftResultsOptions<T>) {
    this.machine = machine
    this.options = options
  }

  /** Looks at the file. Returns what is known now; undefined where nothing is, or it is older than two rounds. */
  read(nowMs: number): T | undefined {
    const text = this.machine.readText(this.options.path, this.options.bytesMax + 1)
    if (text !== this.text) this.take(text, nowMs)
    return this.known(nowMs)
  }

  /** What is known now, without a look. */
  known(nowMs: number): T | undefined {
    return this.isStale(nowMs) ? undefined : this.results
  }

  /** Takes results that did not come by the file. */
  accept(results: T, nowMs: number): void {
    const ageMs = this.machine.now() - results.at
    if (ageMs < -AHEAD_MS_MAX) {
      this.refusal = 'the results are of a time that has not come'
      return
    }
    this.results = results
    this.ageMs = Math.max(0, ageMs)
    this.seenAtMs = nowMs
  }

  /** Why nothing is known. */
  whyNot(): string {
    const { path, by } = this.options
    if (this.refusal !== undefined) return this.refusal
    if (this.results !== undefined) return `the last results are older than two rounds: ${by} runs no more`
    if (this.machine.access(path) === 'denied') return `${path} may not be read: is this user in the group of ${by}?`
    return `${by.replace(/^the /, 'no ')} has left results at ${path}`
  }

  private isStale(nowMs: number): boolean {
    if (this.results === undefined) return true
    return this.ageMs + (nowMs - this.seenAtMs) > STALE_AFTER_ROUNDS * this.results.everyMs
  }

  private take(text: string | undefined, nowMs: number): void {
    this.text = text
    this.results = undefined
    this.refusal = undefined
    if (text === undefined) return
    try {
      this.accept(this.options.parse(text), nowMs)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.refusal = `what ${this.options.by} left is refused: ${error.message}`.slice(0, 300)
    }
  }
}
