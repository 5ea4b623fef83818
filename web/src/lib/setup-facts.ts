/** Answers that the setup page asks for, and what is known of each. */
import type { TokenView } from '../../../src/apps/server/views/site.ts'
import type { Heard } from './heard.ts'

export interface TokensView {
  readonly tokens: readonly TokenView[]
}

export interface StoreView {
  readonly backups: readonly { readonly name: string; readonly sizeBytes: number; readonly at: number }[]
}

/** `hidden`: your role may not see it; `unknown`: it is being asked for, or can't be told now. */
export type Seen<T> =
  | { readonly kind: 'seen'; readonly value: T }
  | { readonly kind: 'hidden' }
  | { readonly kind: 'unknown'; readonly why: string }

/** @param may whether the role sees it: what it may not see is not asked for, for each refusal is in the audit */
export function seenOf<T>(may: boolean, { value, failure }: Pick<Heard<T | undefined>, 'value' | 'failure'>): Seen<T> {
  if (!may || failure?.status === 403) return { kind: 'hidden' }
  if (value !== undefined) return { kind: 'seen', value }
  return { kind: 'unknown', why: failure === undefined ? 'Asking.' : `It can’t be told now: ${failure.message}` }
}

/** What was seen; else nothing. */
export function valueOf<T>(seen: Seen<T>): T | undefined {
  return seen.kind === 'seen' ? seen.value : undefined
}

export function partOf<T, Part>(seen: Seen<T>, pick: (value: T) => Part): Seen<Part> {
  return seen.kind === 'seen' ? { kind: 'seen', value: pick(seen.value) } : seen
}
