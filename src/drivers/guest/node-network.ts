/** Sockets and HTTP, as Node and Bun open them. Part of the machine, kept apart for length. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import {
  Agent as PlainAgent,
  createServer,
  type IncomingMessage,
  request as plainRequest,
  type ServerResponse,
} from 'node:http'
import { Agent, request as tlsRequest, type RequestOptions } from 'node:https'
import { connect as connectSocket } from 'node:net'
import { gunzip } from 'node:zlib'
import {
  type Address,
  type Connection,
  type HttpAnswer,
  type HttpArrival,
  type HttpReply,
  type HttpRequest,
  type Listener,
  MachineError,
  type Network,
  type Port,
  type TlsIdentity,
} from './machine.ts'
import { machineError } from './node-files.ts'

/** A kept connection that is idle for longer is closed: two uploads at the default interval of 5 minutes still share one. */
const KEEP_ALIVE_MS = 330_000
const PORT_BYTES = 64 * 1024

/** Sockets through `node:net`, HTTP through `node:http` and `node:https`. */
export function nodeNetwork(): Network {
  let kept: { readonly key: string; readonly agent: Agent } | undefined
  const plain = new PlainAgent({ keepAlive: false })
  return {
    connect: openConnection,
    request(wanted) {
      if (!wanted.url.startsWith('https:')) return ask(wanted, { ...plainOptions(wanted.url), agent: plain }, false)
      const key = identityKey(wanted.tls)
      if (kept?.key !== key) {
        kept?.agent.destroy()
        kept = { key, agent: tlsAgent(wanted.tls) }
      }
      return ask(wanted, { ...urlOptions(wanted.url), agent: kept.agent }, true)
    },
    fetchUnverified(url, bounds) {
      const once = new Agent({ keepAlive: false, minVersion: 'TLSv1.3', rejectUnauthorized: false })
      return ask({ method: 'GET', url, ...bounds }, { ...urlOptions(url), agent: once }, true)
    },
    dropConnections() {
      kept?.agent.destroy()
      kept = undefined
    },
    listen,
    openPort,
  }
}

function tlsAgent(tls: TlsIdentity | undefined): Agent {
  return new Agent({
    keepAlive: true,
    maxSockets: 1,
    timeout: KEEP_ALIVE_MS,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    ...(tls?.authorities === undefined ? {} : { ca: tls.authorities }),
    ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls?.privateKey === undefined ? {} : { key: tls.privateKey }),
  })
}

function identityKey(tls: TlsIdentity | undefined): string {
  return `${tls?.authorities ?? ''}|${tls?.certificate ?? ''}`
}

function plainOptions(url: string): RequestOptions {
  if (!url.startsWith('unix:')) return urlOptions(url)
  const end = url.indexOf(':', 5)
  return { socketPath: url.slice(5, end), path: url.slice(end + 1) }
}

function urlOptions(url: string): RequestOptions {
  const { hostname, port, pathname, search } = new URL(url)
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return { host, ...(port === '' ? {} : { port }), path: pathname + search }
}

function ask(wanted: HttpRequest, where: RequestOptions, isTls: boolean): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const body = wanted.body === undefined ? undefined : Buffer.from(wanted.body)
    const length = body === undefined ? {} : { 'content-length': String(body.length) }
    const host = where.socketPath === undefined ? {} : { host: 'localhost' }
    const make = isTls ? tlsRequest : plainRequest
    const options = { ...where, method: wanted.method, headers: { ...host, ...wanted.headers, ...length } }
    const request = make(options, (answer) => {
      readAnswer(answer, wanted.answerBytesMax).then(finish, fail)
    })
    const timer = setTimeout(
      () => fail(new MachineError('ETIMEDOUT', `${wanted.url}: no whole answer within ${wanted.timeoutMs} ms`)),
      wanted.timeoutMs,
    )
    function finish(answer: HttpAnswer): void {
      clearTimeout(timer)
      resolve(answer)
    }
    function fail(error: unknown): void {
      clearTimeout(timer)
      request.destroy()
      reject(machineError(wanted.url, error))
    }
    request.on('error', fail)
    request.end(body)
  })
}

async function readAnswer(answer: IncomingMessage, bytesMax: number): Promise<HttpAnswer> {
  const bytes = await unpack(answer, await collect(answer, bytesMax), bytesMax)
  return { status: answer.statusCode ?? 0, headers: singleHeaders(answer), body: bytes.toString('utf8') }
}

/** The whole body, or an error once it grows beyond its bound. */
async function collect(message: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of message as AsyncIterable<Buffer>) {
    length += part.length
    if (length > bytesMax) throw new MachineError('EMSGSIZE', `more than ${bytesMax} bytes`)
    parts.push(part)
  }
  if (!message.complete) throw new MachineError('ECONNRESET', 'the connection ended in the middle of a body')
  return Buffer.concat(parts, length)
}

/** A body without its compression, which is gone from the headers then. The bound holds for what comes out too: a kilobyte can hold a gigabyte. */
async function unpack(message: IncomingMessage, packed: Buffer, bytesMax: number): Promise<Buffer> {
  if (message.headers['content-encoding']?.toLowerCase() !== 'gzip') return packed
  delete message.headers['content-encoding']
  return new Promise((resolve, reject) => {
    gunzip(packed, { maxOutputLength: bytesMax }, (error, bytes) => {
      if (error === null) resolve(bytes)
      else if (machineError('gzip', error).code === 'ERR_BUFFER_TOO_LARGE')
        reject(new MachineError('EMSGSIZE', `more than ${bytesMax} bytes`))
      else reject(new MachineError('EBADMSG', 'a body that says it is gzip, and is not'))
    })
  })
}

function singleHeaders(message: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

function openConnection(to: Address, timeoutMs: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const name = 'path' in to ? to.path : `${to.host}:${to.port}`
    const socket = 'path' in to ? connectSocket(to.path) : connectSocket(to.port, to.host)
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new MachineError('ETIMEDOUT', `${name}: no connection within ${timeoutMs} ms`))
    }, timeoutMs)
    let failure: MachineError | undefined
    socket.on('error', (error) => {
      failure = machineError(name, error)
      clearTimeout(timer)
      reject(failure)
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      const parts = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
      resolve({
        write: (bytes) =>
          new Promise((done, refuse) => {
            socket.write(bytes, (error) => (error == null ? done() : refuse(machineError(name, error))))
          }),
        read: async () => {
          try {
            const { value, done } = await parts.next()
            return done === true ? undefined : value
          } catch (error) {
            throw failure ?? machineError(name, error)
          }
        },
        close: () => void socket.destroy(),
      })
    })
  })
}

async function listen(
  at: { readonly host: string; readonly port: number },
  limits: { readonly bodyBytesMax: number; readonly connectionsMax: number },
  answer: (arrival: HttpArrival) => HttpReply | Promise<HttpReply>,
): Promise<Listener> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 15_000 }, (request, response) => {
    void serve(request, response, limits.bodyBytesMax, answer)
  })
  server.maxConnections = limits.connectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(machineError(`${at.host}:${at.port}`, error)))
    server.listen(at.port, at.host, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : at.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  bodyBytesMax: number,
  answer: (arrival: HttpArrival) => HttpReply | Promise<HttpReply>,
): Promise<void> {
  let reply: HttpReply
  try {
    const body = await unpack(request, await collect(request, bodyBytesMax), bodyBytesMax)
    reply = await answer({
      method: request.method ?? '',
      path: request.url ?? '',
      headers: singleHeaders(request),
      body,
    })
  } catch (error) {
    reply = { status: error instanceof MachineError && error.code === 'EMSGSIZE' ? 413 : 400 }
  }
  response.writeHead(reply.status, { 'content-type': reply.contentType ?? 'text/plain', connection: 'close' })
  response.end(reply.body)
}

function openPort(path: string): Port {
  let file: number
  try {
    file = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  } catch (error) {
    throw machineError(path, error)
  }
  const room = Buffer.allocUnsafe(PORT_BYTES)
  return {
    write: (bytes) => orNone(path, () => writeSync(file, bytes), 0),
    read: () =>
      orNone(path, () => Uint8Array.from(room.subarray(0, readSync(file, room, 0, PORT_BYTES, null))), NOTHING),
    close: () => closeSync(file),
  }
}

const NOTHING = new Uint8Array(0)

/** A port that has nothing, or takes nothing, now says so by an error: EAGAIN, or EPIPE while the host is away. */
function orNone<T>(path: string, call: () => T, none: T): T {
  try {
    return call()
  } catch (error) {
    const ours = machineError(path, error)
    if (ours.code === 'EAGAIN' || ours.code === 'EPIPE') return none
    throw ours
  }
}
