/** Takes in the vectors of one VM: parses, refuses, filters what is known, quarantines. */
import { createHash } from 'node:crypto'
import type { AgentStore, VectorRow } from '../../drivers/sqlite/agent-store.ts'
import { admit, type VmSenders } from '../../engine/admission/senders.ts'
import { ParseError } from '../../terms/parse.ts'
import { parsePersonality } from '../../terms/personality-codec.ts'
import type { EpochMs } from '../../terms/units.ts'

/** Lines of one request. */
export const BATCH_LINES_MAX = 100

export interface IngestAnswer {
  readonly acks: readonly (readonly [string, number])[]
  readonly accepted: number
  readonly duplicates: number
  readonly refused: readonly { readonly line: number; readonly reason: string }[]
  /** Present when by this batch two machines were found to use the identity. */
  readonly quarantine?: string
}

/** All of it is durable when this returns. A line that can never be taken is refused and will not be asked for again. */
export function ingest(store: AgentStore, vm: string, body: string, at: EpochMs): IngestAnswer {
  const lines = body.split('\n').filter((line) => line !== '')
  const refused: { line: number; reason: string }[] = []
  const taken: VectorRow[] = []
  const acks = new Map<string, number>()
  let known: VmSenders = { senders: store.senders(vm) }
  let duplicates = 0
  for (const [i, line] of lines.entries()) {
    const row = i < BATCH_LINES_MAX ? parseLine(line, vm, at) : `a batch has at most ${BATCH_LINES_MAX} lines`
    if (typeof row === 'string') {
      refused.push({ line: i, reason: row })
      continue
    }
    const admission = admit(known, row)
    if (admission.kind === 'quarantine') {
      store.keep(vm, taken, known.senders, at)
      store.quarantine(vm, admission.reason)
      return { acks: [...acks], accepted: taken.length, duplicates, refused, quarantine: admission.reason }
    }
    acks.set(row.sender, Math.max(row.sequence, acks.get(row.sender) ?? 0))
    if (admission.kind === 'duplicate') duplicates++
    if (admission.kind !== 'taken') continue
    known = admission.next
    taken.push(row)
  }
  store.keep(vm, taken, known.senders, at)
  return { acks: [...acks], accepted: taken.length, duplicates, refused }
}

/** A row, or why there is none. */
function parseLine(line: string, vm: string, at: EpochMs): VectorRow | string {
  try {
    const vector = parsePersonality(line)
    if (vector.vmId !== vm) return `the vector is of ${vector.vmId}, but the certificate of ${vm}`
    const digest = createHash('sha256').update(line).digest('hex')
    return { vm, sender: vector.sender, sequence: vector.sequence, digest, arrivedAt: at, line }
  } catch (error) {
    if (error instanceof ParseError) return error.message
    throw error
  }
}
