/** Server-sent events (WHATWG HTML, 9.2): what happens, as it happens. Readers that stall are dropped; whoever comes back is told what it missed. */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { SECOND_MS } from '../../../terms/units.ts'
import type { SiteEvent } from '../site-answers.ts'
import type { Caller } from './doorman.ts'

export const EVENT_NAMES = [
  'turn',
  'alert',
  'move',
  'migration',
  'outcome',
  'host',
  'status',
  'backtest',
] as const satisfies SiteEvent['name'][]
/** Events that are kept for whoever comes back. */
const KEPT_MAX = 1000
/** What a reader may leave unread. */
const BUFFER_BYTES_MAX = 1024 * 1024
/** What is written ahead for a reader that catches up, before it has read. */
const AHEAD_BYTES = 256 * 1024
const HEARTBEAT_MS = 15 * SECOND_MS
/** A reader that catches up and reads nothing for so many heartbeats is stalled. */
const SILENT_BEATS_MAX = 2

export type EndReason = 'reader' | 'stalled' | 'token' | 'session' | 'closing'

export interface EventsOptions {
  readonly perToken: number
  readonly inAll: number
  readonly isStillGood: (caller: Caller) => Promise<boolean>
  readonly ended: (reason: EndReason) => void
}

interface Kept {
  readonly number: number
  readonly name: SiteEvent['name']
  readonly text: string
}

interface Stream {
  readonly caller: Caller
  readonly response: ServerResponse
  readonly names: ReadonlySet<string>
  /** Number of the event that is sent next. */
  next: number
  /** Waits for its reader, and is behind. */
  isBehind: boolean
  silentBeats: number
}

export class Events {
  private readonly options: EventsOptions
  private readonly streams = new Set<Stream>()
  /** The newest, oldest first. */
  private readonly kept: Kept[] = []
  private last = 0
  /** Ids of another start mean nothing here. */
  private readonly start = randomBytes(4).toString('hex')
  private readonly timer: NodeJS.Timeout

  constructor(options: EventsOptions) {
    this.options = options
    this.timer = setInterval(() => void this.beat(), HEARTBEAT_MS).unref()
  }

  get count(): number {
    return this.streams.size
  }

  /** Tells everybody. */
  tell({ name, text }: SiteEvent): void {
    this.last++
    this.kept.push({ number: this.last, name, text: messageOf(`${this.start}-${this.last}`, name, text) })
    if (this.kept.length > KEPT_MAX) this.kept.shift()
    for (const stream of this.streams) if (!stream.isBehind) this.send(stream)
  }

  /** Whether there is room for one more of this caller. */
  hasRoom(caller: Caller): boolean {
    const { perToken, inAll } = this.options
    const own = [...this.streams].filter((stream) => stream.caller.key === caller.key).length
    return own < perToken && this.streams.size < inAll
  }

  /** Opens a stream on a response of which nothing was written. @param lastId of the newest event that the reader has, if it has one */
  open(
    response: ServerResponse,
    caller: Caller,
    { names, lastId }: { readonly names: ReadonlySet<string>; readonly lastId?: string | undefined },
  ): void {
    const oldest = this.last - this.kept.length + 1
    const wanted = lastId === undefined ? this.last + 1 : this.after(lastId)
    const stream: Stream = {
      caller,
      response,
      names,
      next: Math.max(oldest, wanted ?? oldest),
      isBehind: false,
      silentBeats: 0,
    }
    this.streams.add(stream)
    response.on('close', () => this.forget(stream, 'reader'))
    response.on('error', () => this.forget(stream, 'reader'))
    response.on('drain', () => {
      stream.silentBeats = 0
      if (stream.isBehind) this.catchUp(stream)
    })
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.write('retry: 5000\n\n')
    // Between what the reader had and what is kept there may be some that nobody can tell any more.
    if (wanted === undefined || wanted < oldest) response.write('event: missed\ndata: {}\n\n')
    this.catchUp(stream)
  }

  /** Ends all streams. */
  close(): void {
    clearInterval(this.timer)
    for (const stream of this.streams) {
      this.forget(stream, 'closing')
      stream.response.end()
    }
  }

  /** Ends the streams of a session that was signed out. */
  endSession(digest: string): void {
    for (const stream of this.streams) if (stream.caller.session?.digest === digest) this.drop(stream, 'session')
  }

  /** A sign of life on every stream, and an end for those whose token or session has ended. */
  async beat(): Promise<void> {
    const callers = new Map([...this.streams].map(({ caller }) => [proofOf(caller), caller]))
    for (const [proof, caller] of callers) {
      if (await this.options.isStillGood(caller)) continue
      const reason = caller.session === undefined ? 'token' : 'session'
      for (const stream of this.streams) if (proofOf(stream.caller) === proof) this.drop(stream, reason)
    }
    for (const stream of this.streams) {
      if (stream.isBehind && ++stream.silentBeats >= SILENT_BEATS_MAX) this.drop(stream, 'stalled')
      else this.write(stream, ':\n\n')
    }
  }

  private after(lastId: string): number | undefined {
    const [, start, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastId) ?? []
    return start === this.start && Number(number) <= this.last ? Number(number) + 1 : undefined
  }

  /** Sends what is new; a reader that has left too much unread is dropped. */
  private send(stream: Stream): void {
    for (const event of this.from(stream.next)) {
      stream.next = event.number + 1
      if (stream.names.has(event.name) && !this.write(stream, event.text)) return
    }
  }

  /** Sends what was missed, no faster than it is read: a thousand events may be more than a reader may leave unread. */
  private catchUp(stream: Stream): void {
    stream.isBehind = false
    for (const event of this.from(stream.next)) {
      if (stream.response.writableLength > AHEAD_BYTES) {
        stream.isBehind = true
        return
      }
      stream.next = event.number + 1
      if (stream.names.has(event.name) && !this.write(stream, event.text)) return
    }
  }

  private from(number: number): readonly Kept[] {
    const begin = number - (this.last - this.kept.length + 1)
    return this.kept.slice(Math.max(0, begin))
  }

  /** False if the reader was dropped for it. */
  private write(stream: Stream, text: string): boolean {
    if (stream.response.writableLength + text.length > BUFFER_BYTES_MAX) {
      this.drop(stream, 'stalled')
      return false
    }
    stream.response.write(text)
    return true
  }

  private drop(stream: Stream, reason: EndReason): void {
    this.forget(stream, reason)
    stream.response.destroy()
  }

  private forget(stream: Stream, reason: EndReason): void {
    if (this.streams.delete(stream)) this.options.ended(reason)
  }
}

/** What a caller was let in by. */
function proofOf({ key, session }: Caller): string {
  return session?.digest ?? key
}

/** No line break of a text ends its message. */
function messageOf(id: string, name: string, text: string): string {
  const data = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
  return `id: ${id}\nevent: ${name}\n${data.join('')}\n`
}
