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
import type { MoveLine, MoveStep } from '../../terms/move-record.ts'
import type { EpochMs } from '../../terms/units.ts'

/** Stands where the words of a line that was carried forward were. */
const CARRIED = 'as an earlier line says'

/** One move as it is on record. */
export interface IntentRecord {
  readonly intent: MigrationIntent
  readonly state: IntentState
  readonly recordedAt: EpochMs
  /** Absent: the one call has surely not left. */
  readonly sentAt?: EpochMs
  /** Token of the lease under which it left. */
  readonly fence?: number
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
      return { ...record, sentAt: record.sentAt ?? at, fence: record.fence ?? line.fence }
    case 'accepted':
      return { ...record, acceptedAt: record.acceptedAt ?? at, state: unlessFrozen(record, 'accepted') }
    case 'progress':
      return { ...record, progress: { at, told: line.progress } }
    case 'abort-asked':
      if (record.aborts.some((asked) => asked.at === at && asked.by === line.by)) return record
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
      if (record.vouchedFor.includes(line.hostId)) return record
      return { ...record, vouchedFor: [...record.vouchedFor, line.hostId] }
    case 'closed':
      break
  }
  const { state, detail, figures } = line
  return { ...record, state, closed: { at, state, detail, ...(figures === undefined ? {} : { figures }) } }
}

function unlessFrozen(record: IntentRecord, state: IntentState): IntentState {
  return record.frozen === undefined ? state : 'frozen'
}

function stateWithout({ seenAt, acceptedAt }: IntentRecord): IntentState {
  if (seenAt !== undefined) return 'verifying'
  return acceptedAt === undefined ? 'recorded' : 'accepted'
}

/** The same record in as few lines as tell of it, each with the instant of its own: what a move that stays open for long is carried forward with, so that
 *  whoever reads only the newest days of the journal reads of it. Read after the lines of before they change nothing. */
export function linesOf(record: IntentRecord): readonly MoveLine[] {
  const {
    intent,
    recordedAt,
    sentAt,
    fence = 0,
    acceptedAt,
    aborts,
    call,
    progress,
    seenAt,
    frozen,
    vouchedFor,
  } = record
  const steps: (MoveStep & { readonly at: EpochMs })[] = [{ step: 'intent', intent, at: recordedAt }]
  if (sentAt !== undefined) steps.push({ step: 'sending', fence, at: sentAt })
  if (acceptedAt !== undefined) steps.push({ step: 'accepted', detail: CARRIED, at: acceptedAt })
  if (progress !== undefined) steps.push({ step: 'progress', progress: progress.told, at: progress.at })
  const abort = aborts.at(-1)
  if (abort !== undefined) steps.push({ step: 'abort-asked', ...abort })
  if (call !== undefined) {
    const { kind: end, ...told } = call
    steps.push({ step: 'call-ended', end, ...told })
  }
  if (seenAt !== undefined) steps.push({ step: 'seen', source: CARRIED, destination: CARRIED, at: seenAt })
  if (frozen !== undefined) steps.push({ step: 'frozen', ...frozen })
  for (const hostId of vouchedFor) steps.push({ step: 'vouched', hostId, by: CARRIED, at: recordedAt })
  if (record.closed !== undefined) steps.push({ step: 'closed', ...record.closed })
  return steps.map((step) => ({ ...step, orderId: intent.order.id }))
}
