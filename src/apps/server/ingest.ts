/** Takes in the lines of one VM: parses, refuses, filters what is known, quarantines. Runs within a transaction: what it answers is true once
 *  that is durable. */
import type { AgentStore } from '../../drivers/sqlite/agent-store.ts'
import { outOfRange } from '../../engine/admission/ranges.ts'
import { type RefusalWord, refusalAt } from '../../engine/admission/refusals.ts'
import { type Admission, admit, SENDERS_MAX, type VmSenders } from '../../engine/admission/senders.ts'
import { isSkewed } from '../../engine/admission/skew.ts'
import { ParseError } from '../../terms/parse.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { encodePersonality, parsePersonality } from '../../terms/personality-codec.ts'
import type { EpochMs } from '../../terms/units.ts'

/** Lines of one request (decision 0009). */
export const BATCH_LINES_MAX = 100
/** Place of a line in what a parser says. */
const PLACE = 'vector'

export interface IngestRequest {
  readonly vm: string
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

/** A line that can never be taken is refused and will not be asked for again. */
export function ingest(store: AgentStore, { vm, lines, at, guestClock }: IngestRequest): IngestAnswer {
  const outcomes: LineOutcome[] = []
  const counts = new Map<string, number>()
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)
  let known: VmSenders = { senders: store.senders(vm), isReleased: store.agent(vm)?.isReleased === 1 }
  let quarantine: string | undefined
  let isClockOff: boolean | undefined
  for (const line of lines) {
    const vector = readVector(line, vm)
    if ('word' in vector) {
      count(`refused: ${vector.word}`)
      outcomes.push({ kind: 'refused', reason: vector.reason })
      continue
    }
    const { sender, sequence, windowEnd } = vector
    const times = guestClock === undefined ? { windowEnd } : { windowEnd, guestClock }
    const admission = judge(store, vm, { known, vector, line })
    if (admission.kind === 'quarantine') {
      quarantine = admission.reason
      break
    }
    if (admission.kind === 'taken') {
      isClockOff = isSkewed(times, at)
      const row = store.vectors.add({ vm, sender, sequence, arrivedAt: at, windowEnd, isSkewed: isClockOff, line })
      store.putSender(vm, { sender, sequence }, row, SENDERS_MAX)
      known = admission.next
    }
    count(admission.kind === 'taken' ? 'accepted' : 'duplicates')
    outcomes.push({ kind: admission.kind === 'taken' ? 'accepted' : 'duplicate', sender, sequence })
  }
  store.heard(vm, at, isClockOff)
  for (const [what, number] of counts) store.count(vm, what, number)
  if (quarantine === undefined) return { outcomes }
  store.quarantine(vm, quarantine, at)
  return { outcomes, quarantine }
}

interface Candidate {
  readonly known: VmSenders
  readonly vector: PersonalityVector
  readonly line: string
}

function judge(store: AgentStore, vm: string, { known, vector, line }: Candidate): Admission {
  const { sender, sequence } = vector
  const before = store.vectors.lineOf(vm, sender, sequence)
  const kept = before === undefined ? 'nothing' : before === line ? 'same' : 'other'
  return admit(known, { sender, sequence, kept })
}

/** A line that was refused, by a word to count and a sentence to read. */
export interface UnreadLine {
  readonly word: RefusalWord
  readonly reason: string
}

/** The vector, or why there is none. Only the one form is taken that we write ourselves: no second spelling, no field twice. */
export function readVector(line: string, vm: string): PersonalityVector | UnreadLine {
  try {
    const vector = parsePersonality(line, PLACE)
    if (vector.vmId !== vm)
      return { word: 'other VM', reason: `the vector is of ${vector.vmId}, but was sent by ${vm}` }
    const wrong = outOfRange(vector)
    if (wrong !== undefined) return { word: 'out of range', reason: `${wrong} is a number that no machine can measure` }
    if (encodePersonality(vector) === line) return vector
    const reason = 'the line says the same as another line would: a field twice, another order, or another spelling'
    return { word: 'not in the one form', reason }
  } catch (error) {
    if (error instanceof ParseError) return { word: refusalAt(error.place), reason: error.message }
    throw error
  }
}
