/** Sockets and HTTP, as Node and Bun open them. Part of the machine, kept apart for length. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectSocket } from 'node:net'
import {
  type Address,
  type Connection,
  type HttpArrival,
  type HttpReply,
  type Listener,
  MachineError,
  type Network,
  type Port,
} from './machine.ts'
import { machineError } from './node-files.ts'
import { unpacked } from './node-gzip.ts'
import { nodeHttp } from './node-http.ts'

const PORT_BYTES = 64 * 1024

/** Sockets through `node:net`, HTTP as a client by our own words, as a server through `node:http`. */
export function nodeNetwork(): Network {
  return { connect: openConnection, ...nodeHttp(), listen, openPort }
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
  // Loaded only where somebody listens: it costs a megabyte. Not by `import()`, which fills in all that it exports and loads three times as much.
  const { createServer } = process.getBuiltinModule('node:http')
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
    const { 'content-encoding': encoding, ...others } = singleHeaders(request)
    const body = await unpacked(await collect(request, bodyBytesMax), encoding, bodyBytesMax)
    reply = await answer({
      method: request.method ?? '',
      path: request.url ?? '',
      headers: encoding?.toLowerCase() === 'gzip' ? others : singleHeaders(request),
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
