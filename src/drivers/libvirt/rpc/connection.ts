/** One connection that speaks the protocol: calls by serial, replies, pings, messages that come by themselves. It knows no procedure by meaning. */
import { CallBook } from './call-book.ts'
import { REMOTE_ERROR } from './domain.ts'
import { LibvirtError, LibvirtRemoteError, protocolError } from './errors.ts'
import {
  checkHeader,
  encodeMessage,
  FrameReader,
  type Header,
  type Message,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
} from './frame.ts'
import { Keepalive, KEEPALIVE_PROCEDURE, type KeepaliveOptions } from './keepalive.ts'
import {
  KEEPALIVE_PROGRAM,
  KEEPALIVE_VERSION,
  LENGTH_BYTES,
  MESSAGE_BYTES_MAX,
  REMOTE_PROGRAM,
  REMOTE_VERSION,
} from './limits.ts'
import type { Procedure } from './procedure.ts'
import { maySend } from './procedures.ts'
import type { Transport } from './transport.ts'
import type { XdrReader } from './xdr.ts'

export interface RpcOptions {
  /** How long a call may take, its wait for others included, unless it says otherwise. */
  readonly callTimeoutMs?: number
  /** Calls that the daemon has in work for us at once, by default 4. libvirtd's `max_client_requests` is 5, and with 5 in work it reads no more from us:
   *  not even the answers to its own pings, for want of which it cuts the connection (measured: after 8 s, with its pings at 2 s times 3; 30 s as it
   *  comes). Raise it only together with that setting. */
  readonly callsInWorkMax?: number
  /** Calls that wait for those; more are refused as `busy`. */
  readonly callsWaitingMax?: number
  /** How long a message may take from its first byte to its last. */
  readonly messageTimeoutMs?: number
  readonly keepalive?: KeepaliveOptions
  /** Whether this connection may send what begins post-copy. */
  readonly isPostCopyAllowed?: boolean
}

export interface CallOptions {
  /** `Infinity` waits as long as the connection lives. */
  readonly timeoutMs?: number
}

/** A message that came by itself: its procedure tells what it is. */
export type EventTaker = (procedure: number, payload: XdrReader) => void

const CALL_TIMEOUT_MS = 30_000
const MESSAGE_TIMEOUT_MS = 60_000
const CALLS_IN_WORK_MAX = 4
const CALLS_WAITING_MAX = 1024
/** As libvirtd has it towards its clients. */
const KEEPALIVE: KeepaliveOptions = { intervalMs: 5000, count: 5 }
const TIMER_MS_MAX = 0x7fff_ffff
/** Beyond it no pings and pongs are added: the other side does not read. */
const BACKLOG_BYTES_MAX = 1_048_576

export class RpcConnection {
  readonly peer: string
  /** Fulfilled with why it ended, when it has; never rejected. */
  readonly ended: Promise<LibvirtError>
  private readonly transport: Transport
  private readonly frames = new FrameReader()
  private readonly calls: CallBook
  private readonly keepalive: Keepalive
  private readonly callTimeoutMs: number
  private readonly messageTimeoutMs: number
  private readonly isPostCopyAllowed: boolean
  private messageTimer: NodeJS.Timeout | undefined
  private tellEnd: (error: LibvirtError) => void = () => undefined
  private end: LibvirtError | undefined
  private takeEvent: EventTaker = () => undefined

  constructor(transport: Transport, options: RpcOptions = {}) {
    this.peer = transport.peer
    this.transport = transport
    this.callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS
    this.messageTimeoutMs = options.messageTimeoutMs ?? MESSAGE_TIMEOUT_MS
    this.isPostCopyAllowed = options.isPostCopyAllowed ?? false
    this.calls = new CallBook({
      callsInWorkMax: options.callsInWorkMax ?? CALLS_IN_WORK_MAX,
      callsWaitingMax: options.callsWaitingMax ?? CALLS_WAITING_MAX,
      send: (bytes) => transport.send(bytes),
    })
    const pings = options.keepalive ?? KEEPALIVE
    const silentMs = pings.intervalMs * (pings.count + 1)
    this.keepalive = new Keepalive(
      pings,
      () => this.sendKeepalive(KEEPALIVE_PROCEDURE.ping),
      () => this.fail(new LibvirtError('lost', `${this.peer} has been silent for ${silentMs} ms, pings included.`)),
    )
    this.ended = new Promise((resolve) => {
      this.tellEnd = resolve
    })
    transport.start({ onBytes: (chunk) => this.read(chunk), onEnd: (error) => this.fail(error) })
  }

  get isOpen(): boolean {
    return this.end === undefined
  }

  /** Calls that the daemon has in work, and calls that wait for their turn. */
  get load(): { readonly callsInWork: number; readonly callsWaiting: number } {
    return { callsInWork: this.calls.callsInWork, callsWaiting: this.calls.callsWaiting }
  }

  /** Rejects with a `LibvirtError`, whose `fate` says what is known of the call. */
  async call<Args, Result>(
    procedure: Procedure<Args, Result>,
    args: Args,
    { timeoutMs = this.callTimeoutMs }: CallOptions = {},
  ): Promise<Result> {
    if (this.end !== undefined) throw this.whyNot(procedure.name, this.end)
    if (!maySend(procedure, { isPostCopyAllowed: this.isPostCopyAllowed })) {
      throw new LibvirtError(
        'argument',
        `${procedure.name} (${procedure.number}) is nothing that this connection sends.`,
      )
    }
    if (this.calls.isFull) {
      const { callsInWork, callsWaiting } = this.load
      const load = `${callsInWork} calls in work and ${callsWaiting} waiting`
      throw new LibvirtError('busy', `${procedure.name} was never sent: ${this.peer} has ${load}. Does it hang?`)
    }
    const serial = this.calls.nextSerial()
    const bytes = encodeMessage(headerOf(procedure, serial), (writer) => procedure.args.write(writer, args))
    if (bytes.length > LENGTH_BYTES + MESSAGE_BYTES_MAX) {
      throw new LibvirtError(
        'argument',
        `${procedure.name} would take ${bytes.length} bytes; a message has at most 32 MiB.`,
      )
    }
    return new Promise<Result>((resolve, reject) => {
      const { name, number } = procedure
      const timer = Number.isFinite(timeoutMs)
        ? setTimeout(() => reject(this.giveUp(name, serial, timeoutMs)), Math.min(timeoutMs, TIMER_MS_MAX))
        : undefined
      const answer = (payload: XdrReader, isError: boolean): void => {
        try {
          if (isError) reject(new LibvirtRemoteError(`${name} at ${this.peer}`, readWhole(payload, REMOTE_ERROR)))
          else resolve(readWhole(payload, procedure.result))
        } catch (cause) {
          const reason = cause instanceof Error ? cause.message : String(cause)
          reject(protocolError(`The answer of ${this.peer} to ${name} can not be read. ${reason}`, { cause }))
        }
      }
      this.calls.add({ serial, name, number, bytes, answer, reject, timer })
    })
  }

  /** Who is given the messages that come by themselves; one at a time. */
  onEvent(take: EventTaker): void {
    this.takeEvent = take
  }

  /** Pings from now on. They are answered in any case. */
  startKeepalive(): void {
    if (this.isOpen) this.keepalive.start()
  }

  /** Ends it at once: calls in work have an unknown fate then. */
  destroy(): void {
    this.fail(new LibvirtError('closed', `The connection to ${this.peer} was closed.`))
  }

  private giveUp(name: string, serial: number, timeoutMs: number): LibvirtError {
    const { wasSent } = this.calls.giveUp(serial)
    const what = wasSent
      ? `was not answered by ${this.peer} within ${timeoutMs} ms: whether it was or will be done is unknown`
      : `was never sent: ${this.peer} was busy with other calls for ${timeoutMs} ms`
    return new LibvirtError('timeout', `${name} ${what}.`, { fate: wasSent ? 'unknown' : 'never-sent' })
  }

  private whyNot(name: string, end: LibvirtError): LibvirtError {
    return new LibvirtError(end.code, `${name} was never sent. ${end.message}`, { cause: end })
  }

  private read(chunk: Buffer): void {
    if (!this.isOpen) return
    try {
      this.frames.push(chunk, (message) => this.take(message))
    } catch (error) {
      this.fail(error instanceof LibvirtError ? error : protocolError(String(error), { cause: error }))
      return
    }
    this.watchMessage()
  }

  /** A message that was begun has to come to its end: bytes in drips keep nobody waiting for ever. */
  private watchMessage(): void {
    if (!this.frames.isWithinMessage || !this.isOpen) {
      clearTimeout(this.messageTimer)
      this.messageTimer = undefined
      return
    }
    this.messageTimer ??= setTimeout(() => {
      const what = `a message that it began ${this.messageTimeoutMs} ms ago is not complete`
      this.fail(protocolError(`${this.peer} stalls: ${what}.`))
    }, this.messageTimeoutMs)
  }

  private take({ header, payload }: Message): void {
    if (!this.isOpen) return
    checkHeader(header)
    // Whoever has the next message begun has ended this one.
    clearTimeout(this.messageTimer)
    this.messageTimer = undefined
    this.keepalive.heard()
    if (header.program === KEEPALIVE_PROGRAM) this.takeKeepalive(header)
    else if (header.type === MESSAGE_TYPE.reply) this.takeReply(header, payload)
    else this.takeEvent(header.procedure, payload)
  }

  private takeKeepalive({ procedure }: Header): void {
    if (procedure === KEEPALIVE_PROCEDURE.ping) this.sendKeepalive(KEEPALIVE_PROCEDURE.pong)
    else if (procedure !== KEEPALIVE_PROCEDURE.pong) throw protocolError(`Keepalive has no procedure ${procedure}.`)
  }

  private takeReply({ serial, procedure, status }: Header, payload: XdrReader): void {
    const call = this.calls.take(serial)
    if (call === 'unknown')
      throw protocolError(`A reply to call ${serial} (procedure ${procedure}), which was never made.`)
    if (call !== undefined && call.number !== procedure) {
      call.reject(protocolError(`${this.peer} answered ${call.name} as if it were procedure ${procedure}.`))
      throw protocolError(`The reply to call ${serial} is of procedure ${procedure}; it was ${call.number}.`)
    }
    call?.answer(payload, status === MESSAGE_STATUS.error)
    this.calls.pump()
  }

  private sendKeepalive(procedure: number): void {
    // Whoever pings and does not read would have us keep the answers.
    if (this.transport.backlogBytes > BACKLOG_BYTES_MAX) return
    const header = { program: KEEPALIVE_PROGRAM, version: KEEPALIVE_VERSION, procedure, type: MESSAGE_TYPE.event }
    this.transport.send(encodeMessage({ ...header, serial: 0, status: MESSAGE_STATUS.ok }))
  }

  private fail(error: LibvirtError): void {
    if (this.end !== undefined) return
    this.end = error
    clearTimeout(this.messageTimer)
    this.keepalive.stop()
    this.transport.close()
    this.calls.failAll(error)
    this.tellEnd(error)
  }
}

function headerOf({ number }: { readonly number: number }, serial: number): Header {
  return {
    program: REMOTE_PROGRAM,
    version: REMOTE_VERSION,
    procedure: number,
    type: MESSAGE_TYPE.call,
    serial,
    status: MESSAGE_STATUS.ok,
  }
}

function readWhole<Value>(payload: XdrReader, { read }: { readonly read: (reader: XdrReader) => Value }): Value {
  const value = read(payload)
  payload.finish()
  return value
}
