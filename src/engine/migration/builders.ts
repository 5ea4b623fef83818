/** Moves as they are on record and seen, for tests of what comes next. For tests and nowhere else. */
import { parseHostId, parseOrderId, parseVmId } from '../../terms/ids.ts'
import type { MoveProgress, Presence, Sighting } from '../../terms/intent.ts'
import type { MoveStep } from '../../terms/move-record.ts'
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { afterLine, type IntentRecord } from './intent-record.ts'
import { afterLook, type CallStatus, type NextStep, nextStep, startFollowing } from './intent.ts'

export const FROM = parseHostId('host-a')
export const TO = parseHostId('host-b')
export const TIMEOUT_MS = 10 * MINUTE_MS
export const STALLED_MS = 2 * MINUTE_MS

export const SENT: readonly MoveStep[] = [{ step: 'sending', fence: 1 }]
export const ACCEPTED: readonly MoveStep[] = [...SENT, { step: 'accepted', detail: '' }]

/** The next step after the same two sightings at second 0 and once a second until `lookSec`. */
export function whatNext(what: {
  readonly steps: readonly MoveStep[]
  readonly call?: CallStatus
  readonly source: Sighting
  readonly destination: Sighting
  readonly lookSec: number
  readonly remainingAt?: (second: number) => number
  readonly isPostCopy?: boolean
  readonly search?: Parameters<typeof afterLook>[1]['search']
}): NextStep {
  const record = recordAfter(what.steps)
  let follow = startFollowing(0)
  for (
    let second = 0;
    second <= what.lookSec;
    second += what.remainingAt === undefined ? Math.max(1, what.lookSec) : 1
  ) {
    const remainingBytes = what.remainingAt?.(second)
    const progress: MoveProgress = {
      elapsedMs: second * SECOND_MS,
      isPostCopy: what.isPostCopy ?? false,
      ...(remainingBytes === undefined ? {} : { remainingBytes }),
    }
    const { source, destination, search } = what
    follow = afterLook(follow, { record, source, destination, progress, search, at: second * SECOND_MS })
  }
  return nextStep(record, follow, { call: what.call ?? 'not-ours', now: what.lookSec * SECOND_MS })
}

export function recordAfter(steps: readonly MoveStep[]): IntentRecord {
  const orderId = parseOrderId('order-1')
  const order = {
    id: orderId,
    vmId: parseVmId('vm-1'),
    from: FROM,
    to: TO,
    decidedAt: 0,
    class: 'energy',
    reason: '',
  } as const
  const terms = { mode: 'precopy', timeoutMs: TIMEOUT_MS, stalledMs: STALLED_MS } as const
  const first: MoveStep = { step: 'intent', intent: { order, cause: { kind: 'policy' }, terms } }
  let record: IntentRecord | undefined
  for (const step of [first, ...steps]) record = afterLine(record, { ...step, orderId, at: 0 })
  if (record === undefined) throw new Error('There is no line.')
  return record
}

export function seen(presence: Presence, hasJob = false): Sighting {
  return { kind: 'seen', at: 0, presence, hasJob, detail: presence }
}

export function dark(): Sighting {
  return { kind: 'unreachable', at: 0, reason: 'no answer' }
}

export function nameOf(step: NextStep): string {
  if (step.kind === 'close') return `close ${step.state}`
  return step.kind === 'freeze' ? `freeze ${step.reason}` : step.kind
}
