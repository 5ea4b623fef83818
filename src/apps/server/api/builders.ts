/** For tests: the API over TLS with certificates of a real authority, on a store and a judgement that are handed in. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request, type RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Role } from '../../../terms/access.ts'
import { DAY_MS, type EpochMs } from '../../../terms/units.ts'
import { openSqliteSite } from '../../../drivers/sqlite/site-store.ts'
import type { AdmissionRule, SiteStore } from '../../../world/site-store.ts'
import { Authority } from '../authority.ts'
import { forBearer } from '../certificates.ts'
import { openDataFolder } from '../data-folder.ts'
import { makeLog } from '../log.ts'
import { judgePeer } from '../peer.ts'
import type { SiteAnswers } from '../site-answers.ts'
import { Troubles } from '../trouble.ts'
import { type Api, addApi } from './api.ts'
import { makeApiToken } from './api-token.ts'
import { FakeAnswers } from './fakes/builders.ts'
import { Metrics } from './metrics.ts'
import type { ApiParts } from './parts.ts'

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: Readonly<Record<string, any>>
}

export interface Asked {
  readonly method?: string
  readonly path: string
  readonly token?: string
  readonly body?: unknown
  /** Sent as it is, in place of `body`. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly certificate?: Shown
  /** Nothing is read but the head: for what does not end. */
  readonly isHeadOnly?: boolean
}

/** One route of a server, as it was added. */
export interface AddedRoute {
  readonly method: string
  readonly path: string
}

/** All routes that are added from now on. */
export function collectRoutes(app: FastifyInstance): readonly AddedRoute[] {
  const routes: AddedRoute[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, path: url })
  })
  return routes
}

export interface Shown {
  readonly key: string
  readonly cert: string
}

/** Whatever a test tells is taken. */
const TAKEN: AdmissionRule = (_known, { sender, sequence }) => ({
  kind: 'taken',
  next: { senders: [{ sender, sequence }], isReleased: false },
})

/** A folder, a clock that stands until it is moved, and an API that listens. */
export class ApiBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'ethos-api-'))
  now: EpochMs = Date.now()
  readonly said: string[] = []
  readonly trouble = new Troubles()
  readonly metrics = new Metrics()
  readonly store: SiteStore
  readonly answers: SiteAnswers
  private readonly agents = new Map<unknown, Agent>()
  private running:
    | { readonly app: FastifyInstance; readonly api: Api; readonly authority: Authority; readonly port: number }
    | undefined

  /** @param about without a store: SQLite in the folder */
  constructor({ store, answers = new FakeAnswers() }: { store?: SiteStore; answers?: SiteAnswers } = {}) {
    this.store = store ?? openSqliteSite(join(this.folder, 'site.sqlite'), { admit: TAKEN })
    this.answers = answers
  }

  get app(): FastifyInstance {
    return this.up.app
  }

  get api(): Api {
    return this.up.api
  }

  get authority(): Authority {
    return this.up.authority
  }

  get url(): string {
    return `https://127.0.0.1:${this.up.port}`
  }

  get port(): number {
    return this.up.port
  }

  async start(rest: Partial<ApiParts> = {}, before: (app: FastifyInstance) => void = () => undefined): Promise<void> {
    const clock = { now: () => this.now }
    const authority = await Authority.open(openDataFolder(join(this.folder, 'data')), clock)
    const { certificate, privateKey } = await authority.forServer(['127.0.0.1', 'localhost'])
    const tls = {
      key: privateKey,
      cert: certificate,
      ca: authority.pem,
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: false,
    } as const
    const log = makeLog('json', (text) => void this.said.push(text))
    const app = Fastify({
      loggerInstance: log.child({}, { level: 'warn' }),
      logController: new LogController({ disableRequestLogging: true }),
      serverFactory: (handler) => createServer(tls, handler),
    }) as unknown as FastifyInstance
    before(app)
    const api = addApi(app, {
      store: this.store,
      answers: this.answers,
      clock,
      log,
      trouble: this.trouble,
      metrics: this.metrics,
      peerOf: (socket) => judgePeer(socket, authority, this.now),
      pin: () => authority.pin,
      backupFolder: join(this.folder, 'backups'),
      version: '0.0.0-test',
      ...rest,
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const address = app.server.address()
    this.running = { app, api, authority, port: typeof address === 'object' && address !== null ? address.port : 0 }
  }

  async stop(): Promise<void> {
    for (const agent of this.agents.values()) agent.destroy()
    await this.running?.app.close()
    await this.store.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** A token of a role, kept. */
  async token(role: Role, rest: { readonly name?: string; readonly expiresAt?: EpochMs } = {}): Promise<string> {
    const { name = role, ...ends } = rest
    const { text, token } = makeApiToken({ role, name, at: this.now, ...ends })
    await this.store.apiTokens.add(token)
    return text
  }

  /** A certificate as an agent, or an operator, has it. */
  async certificate(role: 'agent' | 'operator', name: string): Promise<Shown> {
    if (role === 'operator') {
      const { certificate, privateKey } = await this.authority.forOperator(name, DAY_MS)
      return { key: privateKey, cert: certificate }
    }
    const { privateKey, publicKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'der' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const wanted = { publicKey, now: this.now, forMs: DAY_MS }
    return { key: privateKey, cert: await forBearer(this.authority.newest, { role, name }, wanted) }
  }

  ask(asked: Asked): Promise<Answered> {
    const { options, body } = this.optionsOf(asked)
    return new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        const parts: Buffer[] = []
        if (asked.isHeadOnly === true) {
          sent.destroy()
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: '', json: {} })
          return
        }
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(parts).toString()
          const isJson = text !== '' && (response.headers['content-type'] ?? '').startsWith('application/json')
          const json = isJson ? (JSON.parse(text) as Readonly<Record<string, any>>) : {}
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  optionsOf({ method = 'GET', path, token, body, text, headers = {}, certificate }: Asked): {
    readonly options: RequestOptions
    readonly body?: string
  } {
    const content = text ?? (body === undefined ? undefined : JSON.stringify(body))
    const options = {
      host: '127.0.0.1',
      port: this.port,
      method,
      path,
      agent: this.agentFor(certificate),
      headers: {
        ...(content === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(content)) }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
    }
    return { options, ...(content === undefined ? {} : { body: content }) }
  }

  private get up() {
    if (this.running === undefined) throw new Error('the API was not started')
    return this.running
  }

  private agentFor(certificate: Shown | undefined): Agent {
    let agent = this.agents.get(certificate)
    if (agent === undefined) {
      agent = new Agent({ keepAlive: true, maxSockets: 64, ca: this.authority.pem, ...certificate })
      this.agents.set(certificate, agent)
    }
    return agent
  }
}
