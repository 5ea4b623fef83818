/** From two sightings and what is on record of a move: what comes next. Nothing here, and nothing that follows from it, ever starts, stops, resumes or
 *  undefines a VM; the one thing that is ever asked of a platform is to cancel a migration under way. */
import type { HostId } from '../../terms/ids.ts'
import type { CallEndKind, FreezeReason, IntentEnd, MoveProgress, Sighting } from '../../terms/intent.ts'
import { type EpochMs, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { IntentRecord } from './intent-record.ts'
import { describeSighting, layTogether, PICTURE_TABLE, type Picture, type PictureTable } from './two-sightings.ts'

/** How long things may take before they mean something. */
export interface IntentRules {
  /** Two sightings that end an intent are at least this far apart. */
  readonly confirmMs: number
  /** What a hand-over passes through may last this long before it is taken for a state. */
  readonly settleMs: number
  /** A call of which nobody knows the end may still begin within this. */
  readonly orphanMs: number
  /** A VM that runs at its source while its destination can't be asked is taken as not moved after this. */
  readonly darkDestinationMs: number
  /** Between two requests to cancel the same migration. */
  readonly askAgainMs: number
  /** A call that has no answer though its move was seen and is over, is waited for this long after its time. */
  readonly overdueMs: number
  /** A call that was not answered in its time is followed for as long again, and for this. */
  readonly unansweredMs: number
  readonly table: PictureTable
}

export const INTENT_RULES: IntentRules = {
  confirmMs: 5 * SECOND_MS,
  settleMs: 30 * SECOND_MS,
  orphanMs: MINUTE_MS,
  darkDestinationMs: 5 * MINUTE_MS,
  askAgainMs: MINUTE_MS,
  overdueMs: 5 * MINUTE_MS,
  unansweredMs: 10 * MINUTE_MS,
  table: PICTURE_TABLE,
}

/** What was seen of an open intent by this process: never kept, so that a new process looks twice with its own eyes. */
export interface Follow {
  /** Since when this process follows it. */
  readonly followedSince: EpochMs
  readonly picture?: Picture
  readonly sightings?: { readonly source: Sighting; readonly destination: Sighting }
  /** First and last instant at which the picture was the same without another in between, and how often. */
  readonly since: EpochMs
  readonly until: EpochMs
  readonly times: number
  readonly progress?: MoveProgress
  /** The least that was ever left to copy, and since when it is the least. */
  readonly leastBytes?: number
  readonly leastSince?: EpochMs
  readonly isPostCopy: boolean
  /** Where it is on neither of the two hosts: what all others say. Absent: nobody said anything. */
  readonly search?: Search
}

/** All hosts were asked for a VM that is on neither of its two. `foundAt`: somebody else moved it on. `lying`: hosts with a copy that does not run.
 *  `silent`: hosts that gave no answer. */
export interface Search {
  readonly foundAt?: HostId
  readonly lying?: readonly HostId[]
  readonly silent: readonly HostId[]
}

/** Where the one call is. `not-ours`: another process made it, or none. */
export type CallStatus = 'pending' | 'not-ours' | CallEndKind

export type NextStep =
  | { readonly kind: 'wait' }
  | { readonly kind: 'accept'; readonly detail: string }
  | { readonly kind: 'verify'; readonly source: string; readonly destination: string }
  | { readonly kind: 'ask-abort'; readonly reason: string }
  | { readonly kind: 'freeze'; readonly reason: FreezeReason; readonly detail: string }
  | { readonly kind: 'thaw'; readonly detail: string }
  | { readonly kind: 'close'; readonly state: IntentEnd; readonly detail: string }

const WAIT: NextStep = { kind: 'wait' }

export function startFollowing(now: EpochMs): Follow {
  return { followedSince: now, since: now, until: now, times: 0, isPostCopy: false }
}

/** What is known after one more look. */
export function afterLook(
  follow: Follow,
  look: {
    readonly record: IntentRecord
    readonly source: Sighting
    readonly destination: Sighting
    readonly progress: MoveProgress | undefined
    readonly search?: Search | undefined
    readonly at: EpochMs
  },
  rules: IntentRules = INTENT_RULES,
): Follow {
  const { record, progress, search, at } = look
  const { source, destination, picture } = seenTogether(record, look, rules)
  const isSame = picture === follow.picture
  const isLess = progress?.remainingBytes !== undefined && progress.remainingBytes < (follow.leastBytes ?? Infinity)
  const { search: _, ...before } = follow
  return {
    ...before,
    ...(search === undefined ? {} : { search }),
    picture,
    sightings: { source, destination },
    since: isSame ? follow.since : at,
    until: at,
    times: isSame ? follow.times + 1 : 1,
    ...(progress === undefined ? {} : { progress }),
    ...(isLess ? { leastBytes: progress.remainingBytes, leastSince: at } : {}),
    isPostCopy: follow.isPostCopy || progress?.isPostCopy === true || picture === 'post-copy',
  }
}

/** What two sightings come to, with what people vouched for. */
export function seenTogether(
  record: IntentRecord,
  look: { readonly source: Sighting; readonly destination: Sighting },
  rules: IntentRules = INTENT_RULES,
): { readonly source: Sighting; readonly destination: Sighting; readonly picture: Picture } {
  const source = asVouched(record, look.source, record.intent.order.from)
  const destination = asVouched(record, look.destination, record.intent.order.to)
  return { source, destination, picture: layTogether(source, destination, rules.table) }
}

/** What to do now, and why. The table of docs/moves.md, row by row. */
export function nextStep(
  record: IntentRecord,
  follow: Follow,
  {
    call,
    now,
    rules = INTENT_RULES,
  }: { readonly call: CallStatus; readonly now: EpochMs; readonly rules?: IntentRules },
): NextStep {
  const { picture, sightings } = follow
  if (picture === undefined || sightings === undefined || record.closed !== undefined) return WAIT
  const seen = `source ${describeSighting(sightings.source)}; destination ${describeSighting(sightings.destination)}`
  const what: Case = { record, follow, call, now, rules, seen, isConfirmed: isConfirmed(follow, rules) }
  const toFreeze = freezeReason(picture, what)
  if (toFreeze !== undefined) {
    const isKnown = record.frozen?.reason === toFreeze
    return isKnown ? WAIT : { kind: 'freeze', reason: toFreeze, detail: seen }
  }
  // Frozen is lifted by what was seen twice, and by nothing else.
  if (record.frozen !== undefined)
    return what.isConfirmed && !isPassing(picture) ? { kind: 'thaw', detail: seen } : WAIT
  return BY_PICTURE[picture](what)
}

interface Case {
  readonly record: IntentRecord
  readonly follow: Follow
  readonly call: CallStatus
  readonly now: EpochMs
  readonly rules: IntentRules
  readonly seen: string
  readonly isConfirmed: boolean
}

const BY_PICTURE: Readonly<Record<Picture, (seen: Case) => NextStep>> = {
  'at-source': whereItWas,
  leftover: (seen) => (lastedMs(seen) >= seen.rules.settleMs ? whereItWas(seen) : WAIT),
  copying: atWork,
  switching: atWork,
  'post-copy': atWork,
  finishing: () => WAIT,
  arriving: (seen) => (lastedMs(seen) >= seen.rules.settleMs ? whereItShouldBe(seen) : WAIT),
  arrived: whereItShouldBe,
  paused: () => WAIT,
  broken: () => WAIT,
  double: () => WAIT,
  strange: () => WAIT,
  dark: () => WAIT,
  gone: onNeither,
  'dark-destination': whereItWas,
}

/** What is under way, is followed; what takes too long, or gets no further, is asked to end, and asked again. */
function atWork(seen: Case): NextStep {
  const { record, follow, rules, now } = seen
  if (record.acceptedAt === undefined) return { kind: 'accept', detail: seen.seen }
  // With half of its memory on either host nobody can take it back.
  if (follow.isPostCopy) return WAIT
  const asked = record.aborts.at(-1)
  const reason = overTime(seen) ?? goesOn(asked, now)
  if (reason === undefined) return WAIT
  return asked === undefined || now - asked.at >= rules.askAgainMs ? { kind: 'ask-abort', reason } : WAIT
}

/** What was asked to end may not have heard it: it had not begun yet, or who asked died before it could. */
function goesOn(asked: IntentRecord['aborts'][number] | undefined, now: EpochMs): string | undefined {
  return asked === undefined ? undefined : `It goes on ${now - asked.at} ms after ${asked.by} asked that it end.`
}

function overTime({ record, follow, now }: Case): string | undefined {
  const { timeoutMs, stalledMs } = record.intent.terms
  const startedAt = record.sentAt ?? record.recordedAt
  if (now - startedAt >= timeoutMs) return `It has taken ${now - startedAt} ms; ${timeoutMs} are allowed.`
  const { leastSince, leastBytes } = follow
  if (leastSince === undefined || leastBytes === undefined || now - leastSince < stalledMs) return undefined
  return `For ${now - leastSince} ms never less than ${leastBytes} bytes were left to copy; ${stalledMs} ms are allowed.`
}

/** It runs where it was and nothing is under way: over, or not yet begun. */
function whereItWas(seen: Case): NextStep {
  const { record, follow, call, now, rules } = seen
  const { timeoutMs } = record.intent.terms
  const startedAt = record.sentAt ?? record.recordedAt
  if (!seen.isConfirmed) return WAIT
  if (follow.picture === 'dark-destination' && lastedMs(seen) < rules.darkDestinationMs) return WAIT
  // What was seen at work and is no more can't begin a second time, though nobody says so.
  if (call === 'pending' && record.acceptedAt === undefined) return notAnswered(seen, now - startedAt)
  if (call === 'pending' && now - startedAt < timeoutMs + rules.overdueMs) return WAIT
  // A platform that queues says yes long before it begins. What did not begin in its time is taken back first.
  if (call === 'succeeded' && record.aborts.length === 0) {
    if (now - startedAt < timeoutMs) return WAIT
    return { kind: 'ask-abort', reason: `The platform said yes ${now - startedAt} ms ago, and nothing has moved.` }
  }
  const lastAbortAt = record.aborts.at(-1)?.at ?? 0
  if (call === 'succeeded' && now - Math.max(lastAbortAt, follow.since) < rules.orphanMs) return WAIT
  const isUnsure = call === 'unknown' || call === 'not-ours'
  if (isUnsure && record.sentAt !== undefined && lastedMs(seen) < rules.orphanMs) return WAIT
  return { kind: 'close', state: endAtSource(record, call), detail: `It runs at the source: ${seen.seen}.` }
}

/** Our own call has no answer and nothing has begun: platforms queue, and it may yet begin. Closed, its VM could be ordered away a second time. So it is asked
 *  to end once its time is over, and asked again at once should it begin; then as long again is waited, and ten minutes, in which an alert tells of it. */
function notAnswered({ record, rules, seen }: Case, waitedMs: number): NextStep {
  const { timeoutMs } = record.intent.terms
  if (waitedMs < timeoutMs) return WAIT
  const told = `The platform has not answered for ${waitedMs} ms, and nothing has moved.`
  if (record.aborts.length === 0) return { kind: 'ask-abort', reason: told }
  if (waitedMs < 2 * timeoutMs + rules.unansweredMs) return WAIT
  return { kind: 'close', state: 'aborted', detail: `${told} It runs at the source: ${seen}.` }
}

function endAtSource({ sentAt, acceptedAt, aborts }: IntentRecord, call: CallStatus): IntentEnd {
  if (sentAt === undefined) return 'not-started'
  if (aborts.length > 0) return 'aborted'
  return acceptedAt === undefined && (call === 'not-ours' || call === 'unknown') ? 'not-started' : 'failed'
}

/** It runs at the destination and not at the source: done when seen twice, and once of that on record. */
function whereItShouldBe(seen: Case): NextStep {
  const { sightings } = seen.follow
  if (seen.record.seenAt === undefined && sightings !== undefined)
    return {
      kind: 'verify',
      source: describeSighting(sightings.source),
      destination: describeSighting(sightings.destination),
    }
  if (!seen.isConfirmed || seen.follow.until - (seen.record.seenAt ?? 0) < seen.rules.confirmMs) return WAIT
  const remark =
    seen.follow.picture === 'arriving' ? ' A paused copy lies at the source: it must never be resumed.' : ''
  return { kind: 'close', state: 'done', detail: `It runs at the destination: ${seen.seen}.${remark}` }
}

/** Lost, unless somebody else moved it on, or may have: hosts that give no answer are waited for, but not for ever. Who is told that it is lost starts it. */
function onNeither(seen: Case): NextStep {
  if (!seen.isConfirmed) return WAIT
  const { search } = seen.follow
  if (search?.foundAt !== undefined)
    return { kind: 'close', state: 'failed', detail: `Somebody else moved it on to ${search.foundAt}: ${seen.seen}.` }
  const silent = search?.silent.filter((host) => !isVouched(seen.record, host)) ?? ['all other hosts']
  if (silent.length > 0 && lastedMs(seen) < seen.rules.darkDestinationMs) return WAIT
  const unasked = silent.length === 0 ? '' : ` Not to be asked: ${silent.join(', ')}.`
  const lying = search?.lying === undefined ? '' : ` A copy that does not run lies on ${search.lying.join(', ')}.`
  return { kind: 'close', state: 'lost-by-fault', detail: `It runs on neither host: ${seen.seen}.${unasked}${lying}` }
}

/** Why nobody may touch this VM now. */
function freezeReason(picture: Picture, seen: Case): FreezeReason | undefined {
  const { follow, rules } = seen
  switch (picture) {
    case 'dark':
    case 'dark-destination':
      return picture === 'dark' || lastedMs(seen) < rules.darkDestinationMs ? 'unknown' : undefined
    case 'double':
      // Two looks are not one instant: a VM may be seen at the source just before, and at the destination just after.
      return follow.times >= 2 ? 'double' : undefined
    case 'broken':
      return seen.isConfirmed ? 'ambiguous' : undefined
    case 'paused':
    case 'finishing':
      return lastedMs(seen) >= rules.settleMs ? 'ambiguous' : undefined
    case 'strange':
      return lastedMs(seen) >= rules.settleMs ? 'unknown' : undefined
    case 'at-source':
    case 'leftover':
    case 'copying':
    case 'switching':
    case 'arriving':
    case 'arrived':
    case 'post-copy':
    case 'gone':
      break
  }
  return undefined
}

/** Would it be frozen if it lasted? */
function isPassing(picture: Picture): boolean {
  return (['double', 'broken', 'paused', 'finishing', 'strange'] as readonly Picture[]).includes(picture)
}

function isConfirmed({ times, since, until }: Follow, { confirmMs }: IntentRules): boolean {
  return times >= 2 && until - since >= confirmMs
}

function lastedMs({ follow: { since, until } }: Case): number {
  return until - since
}

/** A host that a person vouches is off shows nothing. One that answers speaks for itself. */
function asVouched(record: IntentRecord, sighting: Sighting, host: HostId): Sighting {
  if (sighting.kind === 'seen' || !isVouched(record, host)) return sighting
  return { kind: 'seen', at: sighting.at, presence: 'absent', hasJob: false, detail: 'off, as a person vouches' }
}

function isVouched({ vouchedFor }: IntentRecord, host: HostId): boolean {
  return vouchedFor.includes(host)
}
