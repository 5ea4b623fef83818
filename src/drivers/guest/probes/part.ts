import type { Machine } from '../machine.ts'
import type { Missing, ProbeResults } from './results.ts'
import type { ProbeSettings } from './settings.ts'

/** All that a round needs. */
export interface RoundContext {
  readonly machine: Machine
  readonly settings: ProbeSettings
  /** Results of the round before: spreads are over several. */
  readonly before: ProbeResults | undefined
  /** Aborted: what is attached is taken off at once. */
  readonly signal: AbortSignal
}

/** What one of the two parts of a round found. */
export interface Part {
  readonly rates: ProbeResults['rates']
  readonly top: ProbeResults['top']
  readonly attachedMs: number
  readonly missing: readonly Missing[]
}

/** A part that counted nothing, and why. */
export function nothing(what: Missing['what'], because: string, remedy: string): Part {
  return {
    rates: {},
    top: [],
    attachedMs: 0,
    missing: [{ what, because: because.slice(0, 300), remedy: remedy.slice(0, 300) }],
  }
}

/** A part that was not asked for. */
export const NOT_ASKED: Part = { rates: {}, top: [], attachedMs: 0, missing: [] }
