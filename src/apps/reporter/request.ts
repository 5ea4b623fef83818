/** One request of a host to its server: TLS 1.3, verified against the authorities that it joined. */
import { Agent, request, type RequestOptions } from 'node:https'
import type { HostId } from '../../terms/ids.ts'
import { HOUR_MS, SECOND_MS } from '../../terms/units.ts'
import { ReporterError } from './reporter-error.ts'

/** What a host keeps. */
export interface Identity {
  readonly server: string
  readonly host: HostId
  readonly privateKey: string
  readonly certificate: string
  readonly authorities: string
}

/** With whom, and as whom. Without authorities nothing is verified: for the one request whose answer is compared with a digest. */
export type Peer = Pick<Identity, 'server'> & Partial<Identity>

export interface Asked {
  readonly path: string
  readonly body?: string | Buffer
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Ends it before its time. */
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** Undefined where the text is none. */
  readonly json: unknown
  readonly retryAfterMs?: number
}

const TIMEOUT_MS = 30 * SECOND_MS
const ANSWER_BYTES_MAX = 1024 * 1024
/** Nobody waits longer, whatever the server says. */
const WAIT_MS_MAX = HOUR_MS
/** The server ends a connection that says nothing for 20 s. */
const IDLE_MS = 15 * SECOND_MS

/** One connection per identity is kept. */
const agents = new WeakMap<Peer, Agent>()

/** Rejects with a `ReporterError` `unreachable`. */
export function send(peer: Peer, { path, body, type, headers, signal }: Asked): Promise<Answer> {
  const { authorities, certificate, privateKey } = peer
  const options: RequestOptions = {
    method: body === undefined ? 'GET' : 'POST',
    agent: agentOf(peer),
    minVersion: 'TLSv1.3',
    // Of the whole: a server that drips would never be idle.
    signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal === undefined ? [] : [signal])]),
    ...(authorities === undefined ? { rejectUnauthorized: false } : { ca: authorities }),
    ...(certificate === undefined || privateKey === undefined ? {} : { cert: certificate, key: privateKey }),
    headers: {
      'ethos-clock': String(Date.now()),
      ...headers,
      ...(body === undefined
        ? {}
        : { 'content-type': type ?? 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    },
  }
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const code = 'code' in cause && cause.code !== 'ABORT_ERR' ? String(cause.code) : reasonOf(cause)
      reject(new ReporterError('unreachable', `${peer.server} can not be reached (${code}).`, { cause }))
    }
    const asked = request(new URL(path, peer.server), options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
        if (text.length > ANSWER_BYTES_MAX) asked.destroy(new Error('its answer has no end'))
      })
      response.once('error', fail)
      response.once('end', () => {
        const after = Number(response.headers['retry-after'])
        const wait = after >= 0 ? { retryAfterMs: Math.min(after * SECOND_MS, WAIT_MS_MAX) } : {}
        resolve({ status: response.statusCode ?? 0, text, json: parse(text), ...wait })
      })
    })
    asked.once('error', fail)
    asked.end(body)
  })
}

function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.name === 'TimeoutError'
    ? `no answer within ${TIMEOUT_MS / SECOND_MS} s`
    : message
}

function agentOf(peer: Peer): Agent {
  const known = agents.get(peer)
  if (known !== undefined) return known
  const agent = new Agent({ keepAlive: true, maxSockets: 1, timeout: IDLE_MS })
  agents.set(peer, agent)
  return agent
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
