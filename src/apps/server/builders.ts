/** For tests: a server of its own, and guests that speak to it by the letter of decision 0009, with Node's own TLS. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type AgentOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { DIMENSIONS, MASK_BYTES } from '../../terms/personality.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { DAY_MS, type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { plainApi } from './api/builders.ts'
import { Authority } from './authority.ts'
import { createToken } from './join-token.ts'
import { joinText, renewText } from './key-request.ts'
import { makeLog } from './log.ts'
import { openSite } from './open-site.ts'
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
  readonly body?: string | Buffer
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly tls?: AgentOptions
}

/** A folder, a clock that stands until it is moved, and a server. */
export class Bench {
  private static readonly all = new Set<Bench>()
  readonly folder = mkdtempSync(join(tmpdir(), 'ethos-server-'))
  readonly data: string
  /** TLS looks at the machine's own clock: what a test makes begins in its past, and may come up to it. */
  now: EpochMs
  readonly said: string[] = []
  private running: RunningServer | undefined
  private vms = 0
  private readonly agents = new Map<object, Agent>()

  /** @param data folder of a server in another process. Absent: one of its own, for the server that `start` starts */
  constructor({ daysAgo = 60, data }: { readonly daysAgo?: number; readonly data?: string } = {}) {
    this.now = Date.now() - daysAgo * DAY_MS
    this.data = data ?? join(this.folder, 'data')
    Bench.all.add(this)
  }

  get server(): RunningServer {
    if (this.running === undefined) throw new Error('the server was not started')
    return this.running
  }

  async start(rest: Partial<ServerOptions> = {}): Promise<RunningServer> {
    this.running = await startServer({
      dataFolder: this.data,
      host: '127.0.0.1',
      port: 0,
      names: ['127.0.0.1', 'localhost'],
      clock: { now: () => this.now },
      log: makeLog('text', (text) => void this.said.push(text)),
      extend: (app, parts) => void plainApi(app, parts),
      ...rest,
      limits: { ...QUICK, ...rest.limits },
    })
    return this.running
  }

  /** Speaks to a server in another process on the same data folder. */
  async attach(port: number): Promise<void> {
    const store = await openSite({ data: this.data })
    const authority = await Authority.open(this.data, { now: () => this.now })
    this.running = {
      port,
      store,
      authority,
      trouble: noTrouble,
      tend: async () => undefined,
      close: () => store.close(),
    }
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

  token(vm: string, forMs = 10 * MINUTE_MS): Promise<string> {
    const { authority, store } = this.server
    return createToken(store, { for: { vm: parseVmId(vm) }, pin: authority.pin, at: this.now, forMs })
  }

  /** A host that is on the list, joined. Its name stands where a VM's does. */
  async host(
    name: string,
    { isRegistered = true, localAddress }: { readonly isRegistered?: boolean; readonly localAddress?: string } = {},
  ): Promise<Identity> {
    this.now += MINUTE_MS
    const { authority, store } = this.server
    const host = parseHostId(name)
    if (isRegistered) await store.hosts.put({ hostId: host, changedAt: this.now })
    const token = await createToken(store, { for: { host }, pin: authority.pin, at: this.now })
    const { answer, key } = await this.join(host, token, {
      role: 'host',
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    if (answer.status !== 200) throw new Error(`${name} was not let in: ${answer.text}`)
    const { certificate, authorities } = answer.json
    return { vm: host, key, cert: String(certificate), ca: String(authorities) }
  }

  /** A VM of its own, joined. The clock moves on, so that nobody is held up by the one before. */
  async member(name = `vm-${this.vms++}`, localAddress?: string): Promise<Identity> {
    this.now += MINUTE_MS
    const vm = parseVmId(name)
    const { answer, key } = await this.join(
      vm,
      await this.token(vm),
      localAddress === undefined ? {} : { localAddress },
    )
    if (answer.status !== 200) throw new Error(`${vm} was not let in: ${answer.text}`)
    const { certificate, authorities } = answer.json
    const from = localAddress === undefined ? {} : { localAddress }
    return { vm, key, cert: String(certificate), ca: String(authorities), ...from }
  }

  async join(
    name: string,
    token: string,
    { role = 'agent', localAddress }: { readonly role?: 'agent' | 'host'; readonly localAddress?: string } = {},
  ): Promise<{ readonly answer: Answer; readonly key: string }> {
    const [, id, secret] = token.split('.')
    const { key, publicKey } = aKey()
    const asked = { role, name, token: `${id}.${secret}`, publicKey }
    const proof = proofOf(key, joinText({ ...asked, proof: '' }))
    const who = role === 'agent' ? { vm: name } : { host: name }
    const body = JSON.stringify({ ...who, token: asked.token, publicKey, proof })
    const tls = { ca: this.server.authority.pem, ...(localAddress === undefined ? {} : { localAddress }) }
    const answer = await this.ask({ path: '/v1/join', body, tls })
    return { answer, key }
  }

  async renew(
    identity: Identity,
    role: 'agent' | 'host' = 'agent',
  ): Promise<{ readonly answer: Answer; readonly identity: Identity }> {
    const { key, publicKey } = aKey()
    const proof = proofOf(key, renewText({ role, name: identity.vm }, publicKey))
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

function noTrouble(): readonly string[] {
  return []
}

/** Lines of all that is kept of a VM and counts, in the order in which it came. */
export async function linesOf(store: SiteStore, vm: string): Promise<readonly string[]> {
  const kept = await store.vectors.history(parseVmId(vm), { from: 0, to: Number.MAX_SAFE_INTEGER, most: 1_000_000 })
  return kept.map(({ vector }) => encodePersonality(vector))
}

/** One identity, by its name. */
export function findVm(store: SiteStore, vm: string): ReturnType<SiteStore['identities']['find']> {
  return store.identities.find(parseVmId(vm))
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
