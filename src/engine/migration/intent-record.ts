/** What the journal's lines of one move come to. */
import type { HostId } from '../../terms/ids.ts'
import type {
  CallEndKind,
  FreezeReason,
  IntentEnd,
  IntentState,
  MigrationIntent,
  MoveFigures,
  MoveProgress,
} from '../../terms/intent.ts'
import type { MoveLine } from '../../terms/move-record.ts'
import type { EpochMs } from '../../terms/units.ts'

/** One move as it is on record. */
export interface IntentRecord {
  readonly intent: MigrationIntent
  readonly state: IntentState
  readonly recordedAt: EpochMs
  /** Absent: the one call has surely not left. */
  readonly sentAt?: EpochMs
  readonly acceptedAt?: EpochMs
  readonly aborts: readonly { readonly at: EpochMs; readonly by: string; readonly reason: string }[]
  readonly call?: {
    readonly kind: CallEndKind
    readonly at: EpochMs
    readonly reason: string
    readonly figures?: MoveFigures
  }
  readonly progress?: { readonly at: EpochMs; readonly told: MoveProgress }
  /** First seen running where it should be. */
  readonly seenAt?: EpochMs
  readonly frozen?: { readonly at: EpochMs; readonly reason: FreezeReason; readonly detail: string }
  /** Hosts that a person says are off for good: not to be reached counts as nothing running there. */
  readonly vouchedFor: readonly HostId[]
  readonly closed?: {
    readonly at: EpochMs
    readonly state: IntentEnd
    readonly detail: string
    readonly figures?: MoveFigures
  }
}

/** The record after one more line. A line that can't follow what is there changes nothing: the journal may hold a step twice, never half of one.
 *  @param record undefined before the first line */
export function afterLine(record: IntentRecord | undefined, line: MoveLine): IntentRecord | undefined {
  if (record === undefined) {
    if (line.step !== 'intent') return undefined
    return { intent: line.intent, state: 'recorded', recordedAt: line.at, aborts: [], vouchedFor: [] }
  }
  return record.closed === undefined ? afterStep(record, line) : record
}

function afterStep(record: IntentRecord, line: MoveLine): IntentRecord {
  const { at } = line
  switch (line.step) {
    case 'intent':
      return record
    case 'sending':
      return { ...record, sentAt: record.sentAt ?? at }
    case 'accepted':
      return { ...record, acceptedAt: record.acceptedAt ?? at, state: unlessFrozen(record, 'accepted') }
    case 'progress':
      return { ...record, progress: { at, told: line.progress } }
    case 'abort-asked':
      return { ...record, aborts: [...record.aborts, { at, by: line.by, reason: line.reason }] }
    case 'call-ended': {
      const { end: kind, reason, figures } = line
      return { ...record, call: { kind, at, reason, ...(figures === undefined ? {} : { figures }) } }
    }
    case 'seen':
      return { ...record, seenAt: record.seenAt ?? at, state: unlessFrozen(record, 'verifying') }
    case 'frozen':
      // Frozen for another reason is frozen since the first.
      return {
        ...record,
        state: 'frozen',
        frozen: { at: record.frozen?.at ?? at, reason: line.reason, detail: line.detail },
      }
    case 'thawed': {
      const { frozen, ...rest } = record
      return frozen === undefined ? record : { ...rest, state: stateWithout(rest) }
    }
    case 'vouched':
      return { ...record, vouchedFor: [...record.vouchedFor, line.hostId] }
    case 'closed': {
      const { state, detail, figures } = line
      return { ...record, state, closed: { at, state, detail, ...(figures === undefined ? {} : { figures }) } }
    }
  }
}

function unlessFrozen(record: IntentRecord, state: IntentState): IntentState {
  return record.frozen === undefined ? state : 'frozen'
}

function stateWithout({ seenAt, acceptedAt }: IntentRecord): IntentState {
  if (seenAt !== undefined) return 'verifying'
  return acceptedAt === undefined ? 'recorded' : 'accepted'
}
