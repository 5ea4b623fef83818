/** Parts of several requests and answers. */
import { type Static, Type } from 'typebox'
import { ID_LENGTH_MAX } from '../../../terms/ids.ts'

/** Latest instant that is taken: the year 9999. */
export const INSTANT_MAX = 253_402_300_799_999

export const Instant = Type.Number({ description: 'milliseconds since 1970' })
/** An instant that a caller names. */
export const AskedInstant = Type.Integer({ minimum: 0, maximum: INSTANT_MAX, description: 'milliseconds since 1970' })
export const Name = Type.String({ minLength: 1, maxLength: ID_LENGTH_MAX })
export const Degraded = Type.Array(Type.String(), {
  description: 'why this is worth less than it should be, a sentence each; empty: all is well',
})

/** Longest page. */
export const PAGE_MAX = 1000
const PAGE = 100

/** Query of every list that is read in pages. */
export const PAGE_QUERY = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE, description: 'most items' })),
  cursor: Type.Optional(Type.String({ maxLength: 128, description: '`next` of the page before' })),
} as const

export const Next = Type.Optional(Type.String({ description: 'ask for it as `cursor`; absent: this is the last page' }))

export interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}

/** A page of what is sorted by name. A cursor that is none gives the first page: nobody is let see more by it. */
export function pageOf<T>(
  all: readonly T[],
  nameOf: (item: T) => string,
  { limit = PAGE, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Page<T> {
  const after = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString()
  const begin = after === undefined ? 0 : all.findIndex((item) => nameOf(item) > after)
  if (begin < 0) return { items: [] }
  const items = all.slice(begin, begin + limit)
  const last = items.at(-1)
  if (last === undefined || begin + limit >= all.length) return { items }
  return { items, next: Buffer.from(nameOf(last)).toString('base64url') }
}

export type AskedInstant = Static<typeof AskedInstant>
