/** Unremarkable results for tests. */
import { MINUTE_MS } from '../../../terms/units.ts'
import type { Rate } from './estimate.ts'
import type { ProbeResults } from './results.ts'

/** A rate counted for five seconds. */
export function aRate(perSec: number): Rate {
  return { calls: perSec * 5, countedMs: 5000, perSec, errorPerSec: 2, lowByMax: 0, recent: [perSec] }
}

/** 100 calls per second of class `file` and 7 of the allocator, counted a moment after 1970. */
export function aResult(given: Partial<ProbeResults>): ProbeResults {
  return {
    at: 1000,
    everyMs: 5 * MINUTE_MS,
    attachedMs: 6000,
    rates: {
      file: { ...aRate(100), counter: 'bpftrace' },
      allocator: { ...aRate(7), counter: 'uprobe_profile' },
    },
    top: [],
    missing: [],
    ...given,
  }
}
