/** What a person may say to a move: yes, no, not yet, or that it end where it began; and what is asked of the server then. */
import type { DoneView } from '../../../src/apps/server/views/moves.ts'
import { bytesText, instantText, pauseText, spanText } from '../../../src/terms/shown.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/terms/units.ts'
import { type Api, path } from './api.ts'
import { fieldsOf, numberOf, textOf } from './told.ts'

export const WORDS = ['approve', 'reject', 'postpone', 'cancel', 'take-back'] as const
export type Word = (typeof WORDS)[number]

/** The move that it is said of. */
export interface About {
  readonly id: string
  readonly vm: string
  readonly from: string
  readonly to: string
  /** What was said against it, where that is taken back. */
  readonly said?: 'rejected' | 'postponed'
  readonly estimate?:
    | { readonly copiedBytes: number; readonly durationMs: number; readonly downtimeMs: number }
    | undefined
}

export interface Answer {
  readonly reason: string
  /** ms since 1970 of the site; for `postpone` alone. */
  readonly until: number
}

/** What a postponement may be for. The server takes seven days at most. */
export const POSTPONE_MS = [30 * MINUTE_MS, 2 * HOUR_MS, 8 * HOUR_MS, DAY_MS, 3 * DAY_MS, 6 * DAY_MS] as const

export const REASON_LENGTH_MAX = 200

/** As the server takes a reason: one line of text, no control characters. Empty: none was given. */
export function reasonOf(typed: string): string {
  return typed
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, REASON_LENGTH_MAX)
}

export const TITLES: Readonly<Record<Word, (about: About) => string>> = {
  approve: ({ vm, to }) => `Move ${vm} to ${to}?`,
  reject: ({ vm, to }) => `Say no to moving ${vm} to ${to}?`,
  postpone: ({ vm, to }) => `Not yet: ${vm} to ${to}`,
  cancel: ({ vm, from }) => `Leave ${vm} on ${from}?`,
  'take-back': ({ vm, said }) => (said === 'postponed' ? `Postpone ${vm} no longer?` : `Take the no to ${vm} back?`),
}

/** What the button that does it says. */
export const BUTTONS: Readonly<Record<Word, string>> = {
  approve: 'Move it',
  reject: 'Reject it',
  postpone: 'Postpone it',
  cancel: 'Cancel the move',
  'take-back': 'Take it back',
}

/** What will happen, before it does. */
export function consequenceText(word: Word, about: About, until: number): string {
  return CONSEQUENCES[word](about, until)
}

const CONSEQUENCES: Readonly<Record<Word, (about: About, until: number) => string>> = {
  approve: ({ vm, from, to, estimate }) =>
    `The move is judged anew, and both hosts are asked. If it is still right, ${vm} moves from ${from} to ${to}.${copyText(estimate)}`,
  reject: ({ vm, from }) =>
    `The policy leaves ${vm} where it is for a day, whichever host it would go to, and relieves ${from} by others.`,
  postpone: ({ vm }, until) =>
    [
      `The policy leaves ${vm} where it is until ${instantText(until)}.`,
      'Then the move is judged anew and, if it is still right, proposed again.',
    ].join(' '),
  cancel: ({ vm, from, to }) =>
    [
      `The platform is asked to end the migration. ${vm} stays on ${from}, and what was copied is thrown away.`,
      `Where the copy has just ended, it is too late: then it runs on ${to}.`,
    ].join(' '),
  'take-back': ({ vm }) => `The proposal stands again while it is good, and the policy may move ${vm}.`,
}

function copyText(estimate: About['estimate']): string {
  if (estimate === undefined) return ''
  const { copiedBytes, durationMs, downtimeMs } = estimate
  return ` It copies about ${bytesText(copiedBytes)} in ${spanText(durationMs)}, and the VM pauses for about ${pauseText(downtimeMs)}.`
}

/** Asks the server. Rejects with an `ApiFailure` where it refuses. */
export function askWord(api: Api, word: Word, about: About, answer: Answer): Promise<DoneView> {
  const { where, method, body } = QUESTIONS[word](about, answer)
  return api.ask<DoneView>(where, { method, ...(body === undefined ? {} : { body }) })
}

interface Question {
  readonly where: string
  readonly method: 'POST' | 'DELETE'
  readonly body?: object
}

const QUESTIONS: Readonly<Record<Word, (about: About, answer: Answer) => Question>> = {
  approve: ({ id }) => ({ where: path`/v1/proposals/${id}/approval`, method: 'POST' }),
  reject: ({ id }, { reason }) => ({
    where: path`/v1/proposals/${id}/rejection`,
    method: 'POST',
    body: { reason: reasonOf(reason) },
  }),
  postpone: ({ id }, { reason, until }) => {
    const because = reasonOf(reason)
    const body = { until: Math.round(until), ...(because === '' ? {} : { reason: because }) }
    return { where: path`/v1/proposals/${id}/postponement`, method: 'POST', body }
  },
  cancel: ({ vm }) => ({ where: path`/v1/vms/${vm}/migration`, method: 'DELETE' }),
  'take-back': ({ id, said }) => ({
    where: said === 'postponed' ? path`/v1/proposals/${id}/postponement` : path`/v1/proposals/${id}/rejection`,
    method: 'DELETE',
  }),
}

/** What stands where somebody else was first, in a sentence. Undefined: the refusal told of nothing. */
export function standsText(current: unknown): string | undefined {
  const { what, who, until, because, state, vm, from, to } = fieldsOf(current)
  if (what !== undefined && who !== undefined) {
    const end = numberOf(until)
    const lasting = end === undefined ? '' : `, until ${instantText(end)}`
    return `It was ${textOf(what)} by ${textOf(who)}${lasting}${because === undefined ? '.' : `: ${textOf(because)}`}`
  }
  if (state !== undefined && vm !== undefined)
    return `${textOf(vm)} from ${textOf(from)} to ${textOf(to)}: ${textOf(state)}.`
  return undefined
}
