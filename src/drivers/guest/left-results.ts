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

  /** What is known now; undefined where nothing is, or it is older than two rounds. */
  read(nowMs: number): T | undefined {
    const text = this.machine.readText(this.options.path, this.options.bytesMax + 1)
    if (text !== this.text) this.take(text, nowMs)
    return this.results === undefined || this.isStale(nowMs) ? undefined : this.results
  }

  /** Why nothing is known, after `read`. */
  whyNot(): string {
    const { path } = this.options
    if (this.refusal !== undefined) return `what is in ${path} is refused: ${this.refusal}`.slice(0, 300)
    if (this.results !== undefined) return `the results in ${path} are older than two rounds`
    if (this.machine.access(path) === 'denied') return `${path} may not be read: is this user in the helper's group?`
    return `no helper has left results at ${path}`
  }

  private isStale(nowMs: number): boolean {
    return (
      this.results !== undefined && this.ageMs + (nowMs - this.seenAtMs) > STALE_AFTER_ROUNDS * this.results.everyMs
    )
  }

  private take(text: string | undefined, nowMs: number): void {
    this.text = text
    this.results = undefined
    this.refusal = undefined
    if (text === undefined) return
    try {
      const results = this.options.parse(text)
      const ageMs = this.machine.now() - results.at
      if (ageMs < -AHEAD_MS_MAX) this.refusal = 'it is of a time that has not come'
      else this.results = results
      this.ageMs = Math.max(0, ageMs)
      this.seenAtMs = nowMs
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.refusal = error.message
    }
  }
}
