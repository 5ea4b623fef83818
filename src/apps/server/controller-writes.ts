/** The controller reads the store for itself and writes through the main process: a process that stops amid a write of its own would hold
 *  SQLite's lock, and with it everybody's vectors, until it is ended. */
import { type Fields, parseFields, parseNumber, parseOptional, parseText, parseWord } from '../../terms/parse.ts'
import type { EpochMs } from '../../terms/units.ts'
import { StoreError, type StoreErrorCode } from '../../world/errors.ts'
import type { SiteStore } from '../../world/site-store.ts'

export const CONTROLLER_LEASE = 'controller'
/** A store that has not answered by then has failed, as far as this turn goes. */
const ANSWER_MS_MAX = 30_000
/** A turn of 10,000 VMs in need is a line of some MB. */
const LINE_LENGTH_MAX = 64 * 1024 * 1024
const CODES: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'full',
  'corrupt',
  'closed',
  'invalid',
  'io',
  'fenced',
  'locked',
  'newer',
  'unreachable',
])

/** What the controller wants written. */
export type WriteRequest =
  | { readonly what: 'append'; readonly line: string; readonly at: EpochMs; readonly token?: number }
  | { readonly what: 'take'; readonly holder: string; readonly at: EpochMs; readonly forMs: number }
  | { readonly what: 'release'; readonly holder: string }

export interface WriteMessage {
  readonly kind: 'write'
  readonly id: number
  readonly request: WriteRequest
}

export type WriteReply =
  | { readonly kind: 'wrote'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly code: StoreErrorCode; readonly message: string }

/** Reads one, in the main process. Undefined: it is no such message. Throws a `ParseError` for one that is wrong. */
export function parseWriteMessage(value: unknown): WriteMessage | undefined {
  const place = 'write message'
  const fields = parseFields(value, place)
  if (fields['kind'] !== 'write') return undefined
  const id = parseNumber(fields['id'], `${place}.id`, { min: 0, integer: true })
  return { kind: 'write', id, request: parseRequest(parseFields(fields['request'], `${place}.request`), place) }
}

function parseRequest(fields: Fields, place: string): WriteRequest {
  const what = parseWord(fields['what'], `${place}.what`, ['append', 'take', 'release'])
  if (what === 'append') {
    const token = parseOptional(fields['token'], (number) => parseNumber(number, `${place}.token`))
    const line = parseText(fields['line'], `${place}.line`, LINE_LENGTH_MAX)
    return { what, line, at: parseNumber(fields['at'], `${place}.at`), ...(token === undefined ? {} : { token }) }
  }
  const holder = parseText(fields['holder'], `${place}.holder`, 256)
  if (what === 'release') return { what, holder }
  const forMs = parseNumber(fields['forMs'], `${place}.forMs`, { min: 0 })
  return { what, holder, at: parseNumber(fields['at'], `${place}.at`), forMs }
}

/** Does what is wanted, in the main process. Never rejects. */
export async function serveWrite(
  store: Pick<SiteStore, 'journal' | 'leases'>,
  { id, request }: WriteMessage,
): Promise<WriteReply> {
  try {
    return { kind: 'wrote', id, value: await write(store, request) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { kind: 'failed', id, code: error instanceof StoreError ? error.code : 'io', message }
  }
}

async function write(
  { journal, leases }: Pick<SiteStore, 'journal' | 'leases'>,
  request: WriteRequest,
): Promise<unknown> {
  if (request.what === 'append') return journal.append(request.line, request.at, request.token)
  if (request.what === 'release') return leases.release(CONTROLLER_LEASE, request.holder)
  return leases.take(CONTROLLER_LEASE, request.holder, request.at, request.forMs)
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: StoreError) => void
  readonly timer: NodeJS.Timeout
}

/** The controller's side: a store that reads by itself, and whose journal and lease are written by the main process. */
export class DistantWrites {
  private readonly send: (message: WriteMessage) => void
  private readonly waiting = new Map<number, Waiting>()
  private nextId = 0

  constructor(send: (message: WriteMessage) => void) {
    this.send = send
  }

  /** The store with these writes in place of its own. */
  over(store: SiteStore): SiteStore {
    return {
      ...store,
      journal: {
        append: async (line, at, token) =>
          Number(await this.ask({ what: 'append', line, at, ...(token === undefined ? {} : { token }) })),
        from: (number, most) => store.journal.from(number, most),
        last: (most) => store.journal.last(most),
        verify: () => store.journal.verify(),
      },
      leases: {
        // There is one lease that a controller takes.
        take: async (_name, holder, at, forMs) => readLease(await this.ask({ what: 'take', holder, at, forMs })),
        release: async (_name, holder) => {
          await this.ask({ what: 'release', holder })
        },
      },
    }
  }

  /** A message of the main process. */
  hear(reply: WriteReply): void {
    const waiting = this.waiting.get(reply.id)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    this.waiting.delete(reply.id)
    if (reply.kind === 'wrote') waiting.resolve(reply.value)
    else waiting.reject(new StoreError(CODES.has(reply.code) ? reply.code : 'io', reply.message))
  }

  private async ask(request: WriteRequest): Promise<unknown> {
    const id = this.nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id)
        reject(
          new StoreError(
            'unreachable',
            `The store has not written within ${ANSWER_MS_MAX / 1000} s. Is the disk busy?`,
          ),
        )
      }, ANSWER_MS_MAX)
      timer.unref()
      this.waiting.set(id, { resolve, reject, timer })
      this.send({ kind: 'write', id, request })
    })
  }
}

function readLease(value: unknown): { readonly token: number; readonly endsAt: EpochMs } | undefined {
  if (value === undefined || value === null) return undefined
  const fields = parseFields(value, 'lease')
  return { token: parseNumber(fields['token'], 'lease.token'), endsAt: parseNumber(fields['endsAt'], 'lease.endsAt') }
}
