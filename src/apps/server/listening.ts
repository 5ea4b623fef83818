/** What is listened on: TLS 1.3 with a certificate of our own authority, or plain HTTP for people on this machine alone. */
import { createServer as createPlainServer, type RequestListener, type Server as PlainServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import { BlockList, isIPv6, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { UsageError } from '../usage-error.ts'
import type { Authority } from './authority.ts'
import { SERVER_MS } from './certificates.ts'
import type { Connections } from './connections.ts'

const HEADER_BYTES_MAX = 8192
const HEADERS_MAX = 64
const RENEW_AT = 2 / 3

export interface ListeningParts {
  readonly authority: Authority
  readonly names: readonly string[]
  readonly clock: Pick<Clock, 'now'>
  readonly limits: { readonly headerMs: number; readonly bodyMs: number; readonly idleMs: number }
  readonly connections: Connections
  readonly isPlain: boolean
}

/** The server of HTTP beneath, and its own certificate. */
export class Listening {
  private readonly parts: ListeningParts
  private server: PlainServer | undefined
  private secure: Server | undefined
  private own: { readonly key: string; readonly cert: string; readonly ca: string } | undefined
  private renewAt: EpochMs = 0

  constructor(parts: ListeningParts) {
    this.parts = parts
  }

  get port(): number {
    const address = (this.secure ?? this.server)?.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Takes a new certificate where it is time for one, or where the authorities are others. Connections go on; new ones see it. */
  async certify(): Promise<void> {
    const { authority, names, clock, isPlain } = this.parts
    if (isPlain) return
    const ca = authority.pem
    if (this.own?.ca === ca && clock.now() < this.renewAt) return
    const { certificate, privateKey } = await authority.forServer(names)
    this.own = { key: privateKey, cert: certificate, ca }
    this.renewAt = clock.now() + RENEW_AT * SERVER_MS
    this.secure?.setSecureContext({ ...this.own, minVersion: 'TLSv1.3' })
  }

  create(handler: RequestListener): PlainServer | Server {
    const { limits, connections, isPlain } = this.parts
    const bounds = {
      // Without it small answers took 42 ms here and with it 5: the second part waited for the other end's delayed acknowledgement.
      noDelay: true,
      headersTimeout: limits.headerMs,
      requestTimeout: limits.bodyMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: Math.min(SECOND_MS, limits.headerMs),
      maxHeaderSize: HEADER_BYTES_MAX,
    }
    const answer: RequestListener = (request, response) => {
      response.once('close', () => connections.endRequest(request.socket))
      if (!connections.beginRequest(request.socket)) {
        request.socket.destroy()
        return
      }
      handler(request, response)
    }
    const server = isPlain ? createPlainServer(bounds, answer) : this.createSecure(bounds, answer)
    server.maxHeadersCount = HEADERS_MAX
    server.on('connection', (socket) => connections.admit(socket as Socket))
    if (isPlain) this.server = server
    return server
  }

  private createSecure(bounds: object, answer: RequestListener): Server {
    const server = createServer(
      {
        ...bounds,
        ...this.own,
        minVersion: 'TLSv1.3',
        requestCert: true,
        // Whoever joins has no certificate yet; `judgePeer` looks at those that are shown.
        rejectUnauthorized: false,
        handshakeTimeout: this.parts.limits.headerMs,
      },
      answer,
    )
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    this.secure = server
    return server
  }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/** Plain HTTP leaves this machine never. Throws a `UsageError` for any address but loopback; a name is none, for what it means is another's to say. */
export function requireLoopback({ host, port }: { readonly host: string; readonly port: number }): void {
  if (LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')) return
  const remedy =
    'Plain HTTP is for this machine alone: expected 127.0.0.1:PORT or [::1]:PORT. From elsewhere, `ssh -L` leads there.'
  throw new UsageError('--listen', `${host}:${port}`, remedy)
}

/** Names by which a browser on this machine calls a plain server; with another port where a tunnel leads here. */
const OWN_NAMES = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

/** Answers 421 to whoever calls a plain server by another name: a page of elsewhere whose name was made to mean this machine (DNS rebinding) is of the
 *  same origin as far as its browser knows, and only this header tells. */
export function refuseOtherNames(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (OWN_NAMES.test(request.headers.host ?? '')) return
    const message = 'This server is called by another name than its own.'
    const remedy = 'Open it as http://127.0.0.1:PORT or http://localhost:PORT.'
    await reply.code(421).send({ error: { code: 'misdirected', message, remedy } })
  })
}
