/** What is said between the main thread and a thread of the store, and which call runs where. */
import { StoreError, type StoreErrorCode } from '../../world/errors.ts'
import type { SiteStore } from '../../world/site-store.ts'

/** Where a call runs. `here`: on the connection of the main thread, on which nothing is ever written.
 *  `writer`: in the thread that writes. `aside`: in a thread for reading what takes long. `apart`: in one for looking at everything, which takes
 *  minutes: lists are read meanwhile. */
export type Place = 'here' | 'writer' | 'aside' | 'apart'

export type PartName = {
  [Name in keyof SiteStore]: SiteStore[Name] extends string | (() => unknown) ? never : Name
}[keyof SiteStore]

export const PLACES: { readonly [Part in PartName]: { readonly [Method in keyof SiteStore[Part]]: Place } } = {
  identities: {
    find: 'here',
    list: 'aside',
    certify: 'writer',
    join: 'writer',
    admit: 'writer',
    ban: 'writer',
    release: 'writer',
    count: 'writer',
  },
  joinTokens: { add: 'writer', find: 'here', list: 'here', revoke: 'writer' },
  apiTokens: { addFirst: 'writer', add: 'writer', find: 'here', list: 'here', revoke: 'writer', used: 'writer' },
  vectors: { take: 'writer', latest: 'aside', history: 'here' },
  usage: { put: 'writer', series: 'here', seriesOf: 'aside', hostSeries: 'aside' },
  hosts: {
    find: 'here',
    list: 'here',
    put: 'writer',
    measurements: 'here',
    remove: 'writer',
    report: 'writer',
    reports: 'aside',
  },
  journal: { append: 'writer', from: 'aside', last: 'here', verify: 'apart' },
  audit: { add: 'writer', last: 'here' },
  phases: { add: 'writer', list: 'here', current: 'here', use: 'writer' },
  settings: { get: 'here', set: 'writer', history: 'here' },
  leases: { take: 'writer', release: 'writer' },
  upkeep: { tend: 'writer', check: 'apart', backup: 'aside', schemaVersion: 'here', sizeBytes: 'here' },
}

/** One call of a part's method. */
export interface Call {
  readonly id: number
  readonly part: PartName
  readonly method: string
  readonly args: readonly unknown[]
  /** The last argument is a function that is told how far it has come. */
  readonly hasProgress: boolean
}

export type ToThread = Call | 'close'

export type FromThread =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SentError }
  | { readonly id: number; readonly progress: number }

/** What a thread is started with. */
export interface ThreadOrder {
  readonly path: string
}

/** An error as a message: its class would be lost on the way. */
export interface SentError {
  readonly message: string
  /** Of a `StoreError`; absent: it was our own mistake. */
  readonly code?: StoreErrorCode
  readonly stack?: string
}

export function sendError(error: unknown): SentError {
  if (error instanceof StoreError) return { message: error.message, code: error.code }
  if (!(error instanceof Error)) return { message: String(error) }
  return { message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) }
}

export function receiveError({ message, code, stack }: SentError): Error {
  if (code !== undefined) return new StoreError(code, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}

/** Whether arguments and result travel as columns. */
export function isTake({ part, method }: Pick<Call, 'part' | 'method'>): boolean {
  return part === 'vectors' && method === 'take'
}
