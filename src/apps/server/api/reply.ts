/** What a route answers, as a value: the one place that writes to the wire is `route.ts`. */
import type { Answer } from '../site-answers.ts'

export interface Refusal {
  readonly kind: 'refused'
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500 | 503
  /** One of few words, for programs. */
  readonly code: string
  /** What happened, with the value. */
  readonly message: string
  /** What most likely helps. */
  readonly remedy: string
  readonly retryAfterSec?: number
  /** What stands there now, where something else was expected. */
  readonly current?: object
}

export type Reply =
  | { readonly kind: 'value'; readonly value: object; readonly status?: 200 | 201; readonly etag?: string }
  /** Sent as it is; bytes are UTF-8. */
  | { readonly kind: 'text'; readonly text: string | Uint8Array<ArrayBuffer>; readonly type: string }
  | { readonly kind: 'done' }
  | Refusal

/** How long a caller waits for the judgement's side before it asks again, in seconds. */
const JUDGEMENT_SEC = 5
export const JSON_TYPE = 'application/json; charset=utf-8'

export function value(body: object, rest: { readonly status?: 200 | 201; readonly etag?: string } = {}): Reply {
  return { kind: 'value', value: body, ...rest }
}

export const DONE: Reply = { kind: 'done' }

/** The same for what does not exist and for what nobody may know of. */
export const UNKNOWN: Refusal = {
  kind: 'refused',
  status: 404,
  code: 'unknown',
  message: 'There is nothing of that name here.',
  remedy: 'GET /v1/vms and GET /v1/hosts list what there is. Is the name percent-encoded?',
}

export function invalid(message: string, remedy = 'See /openapi.json for what is expected.'): Refusal {
  return { kind: 'refused', status: 400, code: 'invalid', message, remedy }
}

export function conflict(message: string, remedy: string, current?: object): Refusal {
  return {
    kind: 'refused',
    status: 409,
    code: 'conflict',
    message,
    remedy,
    ...(current === undefined ? {} : { current }),
  }
}

/** An answer of the judgement's side: its text goes out unread. */
export function replyOf(answer: Answer): Reply {
  if (answer.kind === 'json') return { kind: 'text', text: answer.text, type: JSON_TYPE }
  if (answer.kind === 'unknown') return UNKNOWN
  if (answer.kind === 'invalid') return invalid(answer.reason)
  return {
    kind: 'refused',
    status: 503,
    code: 'unavailable',
    message: answer.reason,
    remedy: answer.remedy ?? 'Ask again soon. Does GET /healthz say what is wrong?',
    retryAfterSec: JUDGEMENT_SEC,
  }
}
