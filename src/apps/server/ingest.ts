/** Lines of one VM on their way in: read, told apart into what may be kept and what never, and put together again with what the store says. */
import { isSkewed } from '../../engine/admission/skew.ts'
import type { VmId } from '../../terms/ids.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Arrivals, Intake } from '../../world/site-store.ts'
import { readVector } from './read-vector.ts'

/** Lines of one request (decision 0009). */
export const BATCH_LINES_MAX = 100

export interface IngestRequest {
  readonly vm: VmId
  readonly lines: readonly string[]
  readonly at: EpochMs
  /** The guest's clock when it sent, if it said so. */
  readonly guestClock?: EpochMs
}

/** What became of one line. */
export type LineOutcome =
  | { readonly kind: 'accepted' | 'duplicate'; readonly sender: string; readonly sequence: number }
  | { readonly kind: 'refused'; readonly reason: string }

export interface IngestAnswer {
  /** One for each line, in order; shorter where a line led to quarantine. */
  readonly outcomes: readonly LineOutcome[]
  /** Present when by this batch two machines were found to use the identity. */
  readonly quarantine?: string
}

/** A batch that was read. */
export interface ReadBatch {
  readonly arrivals: Arrivals
  /** Parallel to the lines: why one was refused, or undefined for the next of the vectors. A line that can never be taken is refused and will not be
   *  asked for again. */
  readonly refusals: readonly (string | undefined)[]
}

export function readBatch({ vm, lines, at, guestClock }: IngestRequest): ReadBatch {
  const vectors: PersonalityVector[] = []
  const isClockOff: boolean[] = []
  const counts: Record<string, number> = {}
  const refusals = lines.map((line) => {
    const vector = readVector(line, vm)
    if ('word' in vector) {
      const what = `refused: ${vector.word}`
      counts[what] = (counts[what] ?? 0) + 1
      return vector.reason
    }
    const { windowEnd } = vector
    vectors.push(vector)
    isClockOff.push(isSkewed(guestClock === undefined ? { windowEnd } : { windowEnd, guestClock }, at))
    return undefined
  })
  return { arrivals: { vm, at, vectors, isClockOff, counts }, refusals }
}

/** What became of each line, once the store has said what became of the vectors. */
export function outcomesOf({ arrivals, refusals }: ReadBatch, heard: Extract<Intake, { kind: 'heard' }>): IngestAnswer {
  const outcomes: LineOutcome[] = []
  let next = 0
  for (const reason of refusals) {
    if (reason !== undefined) {
      outcomes.push({ kind: 'refused', reason })
      continue
    }
    if (next >= heard.outcomes.length) break
    const { sender, sequence } = arrivals.vectors[next]
    outcomes.push({ kind: heard.outcomes[next], sender, sequence })
    next++
  }
  return heard.quarantine === undefined ? { outcomes } : { outcomes, quarantine: heard.quarantine }
}
