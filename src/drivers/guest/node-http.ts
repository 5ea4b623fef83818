/** Requests over sockets of Node and Bun: TLS by `node:tls`, the words by `http-text.ts`. Part of the machine, kept apart for length. */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { AnswerReader, requestHead, type WholeAnswer } from './http-text.ts'
import { type HttpAnswer, type HttpRequest, MachineError, type Network, type TlsIdentity } from './machine.ts'
import { machineError } from './node-files.ts'
import { unpacked } from './node-gzip.ts'

/** A kept connection that is idle for longer is closed, if the server has not done so before. */
const KEEP_ALIVE_MS = 330_000
/** Whoever is silent for as long is asked by TCP whether he is there. */
const PROBE_MS = 60_000

/** The requests of a network. One connection is kept: the one over TLS that was used last. */
export function nodeHttp(): Pick<Network, 'request' | 'fetchUnverified' | 'dropConnections'> {
  let kept: { readonly key: string; readonly line: Line } | undefined
  /** Of the last handshake: with it the next is shorter by both certificates. */
  let known: { readonly key: string; readonly session: Buffer } | undefined
  const drop = (): void => {
    kept?.line.socket.destroy()
    kept = undefined
  }
  const take = (key: string): Line | undefined => {
    if (kept?.key !== key || kept.line.socket.destroyed) drop()
    const line = kept?.line
    kept = undefined
    line?.socket.ref()
    return line
  }
  const open = (key: string, place: Place, identity: ConnectionOptions): TLSSocket => {
    const session = known?.key === key ? { session: known.session } : {}
    const socket = openTls(place, { ...identity, ...session, rejectUnauthorized: true })
    socket.on('session', (bytes) => void (known = { key, session: bytes }))
    socket.on('close', (hadError) => void (hadError && (known = undefined)))
    return socket
  }
  return {
    async request(wanted) {
      const place = placeOf(wanted.url)
      if (!place.isTls) {
        const line = new Line(
          place.path === undefined ? connectPlain(place.port, place.host) : connectPlain(place.path),
        )
        const answer = await converse(line, wanted, place)
        line.socket.destroy()
        return textOf(answer, wanted.answerBytesMax)
      }
      const key = `${place.host}:${place.port}|${wanted.tls?.authorities ?? ''}|${wanted.tls?.certificate ?? ''}`
      const line = take(key) ?? new Line(open(key, place, identityOf(wanted.tls)), true)
      const answer = await converse(line, wanted, place)
      if (answer.canGoOn && !line.socket.destroyed) {
        drop()
        kept = { key, line }
        // It keeps no process alive that has nothing else to do.
        line.socket.unref()
      } else line.socket.destroy()
      return textOf(answer, wanted.answerBytesMax)
    },
    async fetchUnverified(url, bounds) {
      const place = placeOf(url)
      const line = new Line(openTls(place, { rejectUnauthorized: false }))
      const answer = await converse(line, { method: 'GET', url, ...bounds }, { ...place, isTls: false })
      line.socket.destroy()
      return textOf(answer, bounds.answerBytesMax)
    },
    dropConnections() {
      drop()
      known = undefined
    },
  }
}

/** Where a URL leads. */
interface Place {
  readonly isTls: boolean
  readonly host: string
  readonly port: number
  /** Of a local socket. */
  readonly path?: string
  /** As it is told to the server. */
  readonly name: string
  readonly target: string
}

function placeOf(url: string): Place {
  if (url.startsWith('unix:')) {
    const end = url.indexOf(':', 5)
    return { isTls: false, host: '', port: 0, path: url.slice(5, end), name: 'localhost', target: url.slice(end + 1) }
  }
  const { protocol, hostname, port, host: name, pathname, search } = new URL(url)
  const isTls = protocol === 'https:'
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return { isTls, host, port: port === '' ? (isTls ? 443 : 80) : Number(port), name, target: pathname + search }
}

function identityOf(tls: TlsIdentity | undefined): ConnectionOptions {
  return {
    ...(tls?.authorities === undefined ? {} : { ca: tls.authorities }),
    ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls?.privateKey === undefined ? {} : { key: tls.privateKey }),
  }
}

function openTls({ host, port }: Place, options: ConnectionOptions): TLSSocket {
  // An address is no name that a server may be asked for (RFC 6066, 3).
  const name = isIP(host) === 0 ? { servername: host } : {}
  try {
    return connectTls({ host, port, ...name, minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'], ...options })
  } catch (error) {
    // A key or a certificate that is none, or that do not belong together.
    throw machineError(`${host}:${port}`, error)
  }
}

/** Who listens to a connection now. */
interface Listening {
  /** It is open and, where that was wanted, its server is who it should be. */
  opened(): void
  came(bytes: Uint8Array): void
  /** No more will come. */
  ended(error?: Error): void
}

/** A connection, and one who listens to it at a time. What comes while nobody does was not asked for, and ends it. */
class Line {
  readonly socket: Socket
  private listening: Listening | undefined
  private isOpen = false

  constructor(socket: Socket | TLSSocket, isVerified = false) {
    this.socket = socket
    const isTls = 'authorized' in socket
    socket.setKeepAlive(true, PROBE_MS)
    // While somebody listens, his own patience counts.
    socket.setTimeout(KEEP_ALIVE_MS, () => void (this.listening === undefined && socket.destroy()))
    socket.on(isTls ? 'secureConnect' : 'connect', () => {
      // The engine has ended it already; asked again, for nothing may be said to a stranger.
      if (isVerified && !(isTls && socket.authorized)) socket.destroy(new MachineError('EACCES', 'unverified'))
      else {
        this.isOpen = true
        this.listening?.opened()
      }
    })
    let failure: Error | undefined
    socket.on('error', (error) => void (failure = error))
    socket.on('data', (bytes: Uint8Array) => {
      if (this.listening === undefined) socket.destroy()
      else this.listening.came(bytes)
    })
    socket.on('end', () => this.listening?.ended())
    socket.on('close', () => this.listening?.ended(failure))
  }

  listen(listening: Listening | undefined): void {
    this.listening = listening
    if (this.isOpen) listening?.opened()
  }
}

/** One request and its answer. Where that fails the connection is ended. */
async function converse(line: Line, wanted: HttpRequest, place: Place): Promise<WholeAnswer> {
  try {
    return await answerTo(line, wanted, place)
  } catch (error) {
    line.socket.destroy()
    if (!(error instanceof MachineError)) throw machineError(wanted.url, error)
    throw new MachineError(error.code, `${wanted.url}: ${error.message}`)
  } finally {
    line.listen(undefined)
  }
}

function answerTo(line: Line, wanted: HttpRequest, { isTls, name, target }: Place): Promise<WholeAnswer> {
  const body = wanted.body === undefined ? undefined : Buffer.from(wanted.body)
  const to = { target, host: name, keepAlive: isTls, ...(body === undefined ? {} : { bodyBytes: body.length }) }
  const head = Buffer.from(requestHead(wanted, to), 'latin1')
  const reader = new AnswerReader(wanted.answerBytesMax)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new MachineError('ETIMEDOUT', `no whole answer within ${wanted.timeoutMs} ms`)),
      wanted.timeoutMs,
    )
    const settle = (read: () => WholeAnswer | undefined): void => {
      try {
        const answer = read()
        if (answer === undefined) return
        clearTimeout(timer)
        resolve(answer)
      } catch (error) {
        clearTimeout(timer)
        reject(error)
      }
    }
    line.listen({
      opened: () => void line.socket.write(body === undefined ? head : Buffer.concat([head, body])),
      came: (bytes) => settle(() => reader.push(bytes)),
      ended: (error) =>
        settle(() => {
          if (error !== undefined) throw error
          return reader.end()
        }),
    })
  })
}

/** As text, unpacked; a body that is not packed any more is not said to be. */
async function textOf({ status, headers, body }: WholeAnswer, bytesMax: number): Promise<HttpAnswer> {
  const { 'content-encoding': encoding, ...others } = headers
  const bytes = await unpacked(Buffer.from(body.buffer, body.byteOffset, body.length), encoding, bytesMax)
  const isUnpacked = encoding?.toLowerCase() === 'gzip'
  return { status, headers: isUnpacked ? others : headers, body: bytes.toString('utf8') }
}
