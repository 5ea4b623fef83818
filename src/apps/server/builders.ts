/** For tests: a server of its own, and guests that speak to it by the letter of decision 0009, with Node's own TLS. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type AgentOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseVmId } from '../../terms/ids.ts'
import { DIMENSIONS, MASK_BYTES } from '../../terms/personality.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { DAY_MS, type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import { Authority } from './authority.ts'
import { openStore } from './data-folder.ts'
import { createToken } from './join-token.ts'
import { makeLog } from './log.ts'
import { type RunningServer, type ServerOptions, startServer } from './server.ts'

/** Nobody waits in tests where nothing is to be learned from it, and all come from one address. */
const QUICK = { slowMs: 0, perAddressMax: 2000, newPerAddress: { everyMs: 0.01, burst: 1e6 } } as const

export interface Identity {
  readonly vm: string
  readonly key: string
  readonly cert: string
  readonly ca: string
  /** Whence it speaks; any address of this machine by default. */
  readonly localAddress?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: Record<string, unknown>
}

export interface Ask {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly tls?: AgentOptions
}

/** A folder, a clock that stands until it is moved, and a server. */
export class Bench {
  private static readonly all = new Set<Bench>()
  readonly folder = mkdtempSync(join(tmpdir(), 'ethos-server-'))
  /** TLS looks at the machine's own clock: what a test makes begins in its past, and may come up to it. */
  now: EpochMs
  readonly said: string[] = []
  private running: RunningServer | undefined
  private vms = 0
  private readonly agents = new Map<object, Agent>()

  constructor({ daysAgo = 60 }: { readonly daysAgo?: number } = {}) {
    this.now = Date.now() - daysAgo * DAY_MS
    Bench.all.add(this)
  }

  get server(): RunningServer {
    if (this.running === undefined) throw new Error('the server was not started')
    return this.running
  }

  get data(): string {
    return join(this.folder, 'data')
  }

  async start(rest: Partial<ServerOptions> = {}): Promise<RunningServer> {
    this.running = await startServer({
      dataFolder: this.data,
      host: '127.0.0.1',
      port: 0,
      names: ['127.0.0.1', 'localhost'],
      clock: { now: () => this.now },
      log: makeLog('text', (text) => void this.said.push(text)),
      ...rest,
      limits: { ...QUICK, ...rest.limits },
    })
    return this.running
  }

  /** Speaks to a server in another process on the same data folder. */
  async attach(port: number): Promise<void> {
    const store = openStore(this.data)
    const authority = await Authority.open(this.data, { now: () => this.now })
    this.running = { port, store, authority, tend: async () => undefined, close: async () => store.close() }
  }

  async stop(): Promise<void> {
    for (const agent of this.agents.values()) agent.destroy()
    this.agents.clear()
    await this.running?.close()
    this.running = undefined
  }

  /** Those that a failed test left behind too. */
  static async removeAll(): Promise<void> {
    for (const bench of Bench.all) await bench.remove()
  }

  async remove(): Promise<void> {
    Bench.all.delete(this)
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  token(vm: string, forMs = 10 * MINUTE_MS): string {
    const { authority, store } = this.server
    return createToken(store, { vm: parseVmId(vm), pin: authority.pin, at: this.now, forMs })
  }

  /** A VM of its own, joined. The clock moves on, so that nobody is held up by the one before. */
  async member(vm = `vm-${this.vms++}`, localAddress?: string): Promise<Identity> {
    this.now += MINUTE_MS
    const { answer, key } = await this.join(vm, this.token(vm), localAddress)
    if (answer.status !== 200) throw new Error(`${vm} was not let in: ${answer.text}`)
    const { certificate, authorities } = answer.json
    const from = localAddress === undefined ? {} : { localAddress }
    return { vm, key, cert: String(certificate), ca: String(authorities), ...from }
  }

  async join(
    vm: string,
    token: string,
    localAddress?: string,
  ): Promise<{ readonly answer: Answer; readonly key: string }> {
    const [, id, secret] = token.split('.')
    const { key, publicKey } = aKey()
    const proof = proofOf(key, `ethos-join|${vm}|${id}|${publicKey}`)
    const body = JSON.stringify({ vm, token: `${id}.${secret}`, publicKey, proof })
    const tls = { ca: this.server.authority.pem, ...(localAddress === undefined ? {} : { localAddress }) }
    const answer = await this.ask({ path: '/v1/join', body, tls })
    return { answer, key }
  }

  async renew(identity: Identity): Promise<{ readonly answer: Answer; readonly identity: Identity }> {
    const { key, publicKey } = aKey()
    const proof = proofOf(key, `ethos-renew|${identity.vm}|${publicKey}`)
    const answer = await this.ask({ path: '/v1/renew', body: JSON.stringify({ publicKey, proof }), tls: identity })
    const { certificate, authorities } = answer.json
    return { answer, identity: { vm: identity.vm, key, cert: String(certificate), ca: String(authorities) } }
  }

  send(identity: Identity, lines: readonly string[], headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const body = lines.map((line) => `${line}\n`).join('')
    return this.ask({ path: '/v1/vectors', body, type: 'application/x-ndjson', headers, tls: identity })
  }

  ask({ method = 'POST', path, body, type = 'application/json', headers = {}, tls = {} }: Ask): Promise<Answer> {
    const content =
      body === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }
    const options = { host: '127.0.0.1', port: this.server.port, method, path, agent: this.agentFor(tls) }
    return new Promise((resolve, reject) => {
      const asked = request({ ...options, headers: { ...content, ...headers } }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(parts).toString()
          const isJson = (response.headers['content-type'] ?? '').startsWith('application/json')
          const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {}
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      })
      asked.on('error', reject)
      asked.end(body)
    })
  }

  private agentFor(tls: AgentOptions): Agent {
    const { ca, key, cert, localAddress } = tls
    let agent = this.agents.get(tls)
    if (agent === undefined) {
      agent = new Agent({
        keepAlive: true,
        maxCachedSessions: 0,
        ...Object.fromEntries(
          Object.entries({ ca, key, cert, localAddress }).filter(([, value]) => value !== undefined),
        ),
      })
      this.agents.set(tls, agent)
    }
    return agent
  }
}

/** A line as an agent writes it: one dimension present. */
export function aLine(
  vm: string,
  sequence: number,
  rest: { sender?: string; windowEnd?: EpochMs; cpu?: number } = {},
): string {
  const { sender = 'run-1', windowEnd = 300_000, cpu = 0.5 } = rest
  const values = new Float32Array(DIMENSIONS)
  const mask = new Uint8Array(MASK_BYTES)
  values[0] = cpu
  mask[0] = 1
  const window = { windowEnd, windowMs: 300_000, coverage: 1, phases: 0 }
  return encodePersonality({ vmId: parseVmId(vm), sender, sequence, ...window, values, mask })
}

export function aKey(): { readonly key: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return { key: privateKey, publicKey: publicKey.toString('base64') }
}

export function proofOf(key: string, text: string): string {
  return sign('sha256', Buffer.from(text), key).toString('base64')
}
