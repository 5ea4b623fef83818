/** A daemon that speaks the protocol and does what a test tells it: answers, delays, refusals, silence, cuts and garbage. For tests and nowhere else. */
import { createServer as createSocketServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Codec } from './codec.ts'
import { type Domain, REMOTE_ERROR } from './domain.ts'
import { LIBVIRT_ERROR, type RemoteErrorDetails } from './errors.ts'
import { CALLBACK } from './events.ts'
import { encodeMessage, FrameReader, type Header, type Message, MESSAGE_STATUS, MESSAGE_TYPE } from './frame.ts'
import { KEEPALIVE_PROCEDURE } from './keepalive.ts'
import { KEEPALIVE_PROGRAM, KEEPALIVE_VERSION, REMOTE_PROGRAM, REMOTE_VERSION } from './limits.ts'
import type { Procedure } from './procedure.ts'
import { sendableProcedures } from './procedures.ts'
import { DOMAIN_PROCEDURES } from './procedures-domain.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'
import type { XdrWriter } from './xdr.ts'

/** Where it listens. TLS wants a client's certificate, and says 1 once it has accepted it, as libvirtd does. */
export type FakePlace =
  | { readonly path: string }
  | { readonly host: string; readonly port?: number }
  | { readonly host: string; readonly port?: number; readonly tls: TlsOptions }

/** A call as it came. */
export interface FakeCall {
  readonly procedure: string
  readonly number: number
  readonly args: unknown
  /** Which of the connections: 1 is the first that was made. */
  readonly connection: number
}

/** Thrown by an answer: the daemon says no. */
export class FakeRefusal extends Error {
  override readonly name = 'FakeRefusal'
  readonly details: RemoteErrorDetails

  constructor(number: number, text: string, domain = 10) {
    super(text)
    this.details = { number, domain, level: 2, text, details: [] }
  }
}

/** Thrown by an answer: the daemon dies instead of answering. */
export class FakeCut extends Error {
  override readonly name = 'FakeCut'
}

/** Returned by an answer: none comes, ever. */
export function silence(): Promise<never> {
  return new Promise(() => undefined)
}

type Answer = (args: unknown, call: FakeCall) => unknown

interface Peer {
  readonly number: number
  readonly socket: Socket
  readonly registrations: Map<number, { readonly eventId: number; readonly domain: Domain | undefined }>
  inWork: number
}

/** Procedures by number, so that bytes can be read as what they are. */
const KNOWN = new Map(
  sendableProcedures({ isPostCopyAllowed: true }).map((one) => [one.number, one as Procedure<unknown, unknown>]),
)
/** libvirtd's `max_client_requests`: with so many in work it reads no more from a client, not even pings. */
const REQUESTS_MAX = 5

export class FakeServer {
  /** Everything that was ever called, in the order in which it came. */
  readonly calls: FakeCall[] = []
  /** Pings that came. */
  pings = 0
  /** Whether pings are answered. */
  isAnsweringPings = true
  /** The most calls of one connection that were in work at once. */
  callsInWorkHighest = 0
  private readonly server: Server
  private readonly isTls: boolean
  private readonly answers = new Map<number, Answer>()
  private readonly peers = new Set<Peer>()
  private connections = 0
  private callbacks = 0

  private constructor(place: FakePlace) {
    this.isTls = 'tls' in place
    const accept = (socket: Socket): void => this.accept(socket)
    this.server =
      'tls' in place ? createTlsServer({ requestCert: true, ...place.tls }, accept) : createSocketServer(accept)
    // A client that gives up during the handshake is no trouble of ours.
    this.server.on('tlsClientError', () => undefined)
    this.on(HOST_PROCEDURES.authList, () => ({ types: [] }))
    this.on(HOST_PROCEDURES.supportsFeature, () => true)
    this.on(HOST_PROCEDURES.open, () => undefined)
    this.on(HOST_PROCEDURES.close, () => undefined)
  }

  static async listen(place: FakePlace): Promise<FakeServer> {
    const fake = new FakeServer(place)
    await new Promise<void>((resolve, reject) => {
      fake.server.once('error', reject)
      if ('path' in place) fake.server.listen(place.path, resolve)
      else fake.server.listen(place.port ?? 0, place.host, resolve)
    })
    return fake
  }

  /** Of TCP and TLS. */
  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get openConnections(): number {
    return this.peers.size
  }

  /** What is answered to a procedure from now on; whatever has no answer is refused as not supported. */
  on<Args, Result>(
    procedure: Procedure<Args, Result>,
    answer: (args: Args, call: FakeCall) => Result | Promise<Result>,
  ): void {
    this.answers.set(procedure.number, answer as Answer)
  }

  /** Tells every connection that asked for it. */
  emit<Event extends { readonly domain: Domain }>(
    { id, procedure, codec }: { readonly id: number; readonly procedure: number; readonly codec: Codec<Event> },
    event: Event,
  ): void {
    for (const { socket, registrations } of this.peers) {
      for (const [callback, { eventId, domain }] of registrations) {
        if (eventId !== id || (domain !== undefined && domain.uuid !== event.domain.uuid)) continue
        const header = { program: REMOTE_PROGRAM, version: REMOTE_VERSION, procedure, type: MESSAGE_TYPE.event }
        const bytes = encodeMessage({ ...header, serial: 0, status: MESSAGE_STATUS.ok }, (writer) => {
          CALLBACK.write(writer, { callback })
          codec.write(writer, event)
        })
        socket.write(bytes)
      }
    }
  }

  /** Bytes to every connection, as they are. */
  sendRaw(bytes: Uint8Array): void {
    for (const { socket } of this.peers) socket.write(bytes)
  }

  ping(): void {
    this.sendRaw(keepaliveMessage(KEEPALIVE_PROCEDURE.ping))
  }

  /** Ends every connection at once, as a daemon does that is killed. */
  cut(): void {
    for (const { socket } of this.peers) socket.destroy()
  }

  /** Ends every connection after what was written. */
  end(): void {
    for (const { socket } of this.peers) socket.end()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => {
      this.server.close(resolve)
    })
  }

  private accept(socket: Socket): void {
    const peer: Peer = { number: ++this.connections, socket, registrations: new Map(), inWork: 0 }
    this.peers.add(peer)
    const frames = new FrameReader()
    socket.on('error', () => undefined)
    socket.on('close', () => this.peers.delete(peer))
    socket.on('data', (chunk) => {
      try {
        frames.push(chunk, (message) => void this.take(peer, message))
      } catch {
        socket.destroy()
      }
    })
    if (this.isTls) socket.write(Buffer.of(1))
  }

  private async take(peer: Peer, { header, payload }: Message): Promise<void> {
    if (header.program === KEEPALIVE_PROGRAM) {
      this.takePing(peer, header)
      return
    }
    const procedure = KNOWN.get(header.procedure)
    const name = procedure?.name ?? `procedure ${header.procedure}`
    const args = procedure?.args.read(payload)
    const call = { procedure: name, number: header.procedure, args, connection: peer.number }
    this.calls.push(call)
    peer.inWork++
    this.callsInWorkHighest = Math.max(this.callsInWorkHighest, peer.inWork)
    if (peer.inWork >= REQUESTS_MAX) peer.socket.pause()
    try {
      const result = await this.answer(peer, header, call)
      reply(peer, header, MESSAGE_STATUS.ok, (writer) => procedure?.result.write(writer, result))
    } catch (error) {
      if (error instanceof FakeCut) peer.socket.destroy()
      else {
        const refusal = error instanceof FakeRefusal ? error : new FakeRefusal(LIBVIRT_ERROR.internal, String(error))
        reply(peer, header, MESSAGE_STATUS.error, (writer) => REMOTE_ERROR.write(writer, refusal.details))
      }
    }
    peer.inWork--
    peer.socket.resume()
  }

  private async answer(peer: Peer, { procedure }: Header, call: FakeCall): Promise<unknown> {
    const scripted = this.answers.get(procedure)
    if (scripted !== undefined) return await scripted(call.args, call)
    if (procedure === DOMAIN_PROCEDURES.registerEvent.number) {
      const callback = this.callbacks++
      peer.registrations.set(callback, call.args as { readonly eventId: number; readonly domain: Domain | undefined })
      return callback
    }
    if (procedure === DOMAIN_PROCEDURES.deregisterEvent.number) {
      if (peer.registrations.delete(call.args as number)) return undefined
      throw new FakeRefusal(LIBVIRT_ERROR.internal, `no callback ${String(call.args)}`)
    }
    throw new FakeRefusal(
      LIBVIRT_ERROR.notSupported,
      `this function is not supported by the connection driver: ${call.procedure}`,
    )
  }

  private takePing(peer: Peer, { procedure }: Header): void {
    if (procedure !== KEEPALIVE_PROCEDURE.ping) return
    this.pings++
    if (this.isAnsweringPings) peer.socket.write(keepaliveMessage(KEEPALIVE_PROCEDURE.pong))
  }
}

function reply(peer: Peer, call: Header, status: number, writePayload: (writer: XdrWriter) => void): void {
  if (peer.socket.destroyed) return
  peer.socket.write(encodeMessage({ ...call, type: MESSAGE_TYPE.reply, status }, writePayload))
}

function keepaliveMessage(procedure: number): Buffer {
  const header = { program: KEEPALIVE_PROGRAM, version: KEEPALIVE_VERSION, procedure, type: MESSAGE_TYPE.event }
  return encodeMessage({ ...header, serial: 0, status: MESSAGE_STATUS.ok })
}
