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
import { BacktestDesk } from '../backtests/backtest-desk.ts'
import { type Bearer, forBearer } from '../certificates.ts'
import { openDataFolder } from '../data-folder.ts'
import { makeLog } from '../log.ts'
import { judgePeer } from '../peer.ts'
import { PreviewDesk } from '../previews/preview-desk.ts'
import type { ServerParts } from '../server.ts'
import type { SiteAnswers } from '../site-answers.ts'
import { Troubles } from '../trouble.ts'
import { type Api, addApi } from './api.ts'
import { makeApiToken } from './api-token.ts'
import { apiBeside } from './beside.ts'
import { FakeAnswers } from './fakes/builders.ts'
import { Metrics, timed } from './metrics.ts'
import type { ApiParts } from './parts.ts'
import { answerNoName } from './route.ts'

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

/** The API beside a server's own routes, with a judgement that says fixed things. */
export function plainApi(app: FastifyInstance, parts: ServerParts, rest: Partial<ApiParts> = {}): Api {
  const answers = new FakeAnswers()
  answers.site = parts
  const backupFolder = join(tmpdir(), 'ethos-no-backups')
  const { limits } = rest
  const bounds = limits === undefined ? {} : { limits }
  const dataFolder = mkdtempSync(join(tmpdir(), 'ethos-no-data-'))
  app.addHook('onClose', async () => rmSync(dataFolder, { recursive: true, force: true }))
  return addApi(
    app,
    apiBeside(parts, { answers, metrics: new Metrics(), backupFolder, dataFolder, version: '0', ...bounds }),
  )
}

/** A token, kept. */
export async function aToken(
  store: SiteStore,
  { role, at, name = role, ...ends }: { role: Role; at: EpochMs; name?: string; expiresAt?: EpochMs },
): Promise<string> {
  const { text, token } = makeApiToken({ role, name, at, ...ends })
  await store.apiTokens.add(token)
  return text
}

/** What the browser of somebody who is signed in sends. */
export interface SignedIn {
  /** With whatever it asks. */
  readonly headers: Readonly<Record<string, string>>
  /** With what changes something. */
  readonly changing: Readonly<Record<string, string>>
}

/** Signs in by a token, as the page of the server does. */
export async function signIn(client: Pick<ApiClient, 'ask'>, token: string): Promise<SignedIn> {
  const answer = await client.ask({ method: 'POST', path: '/v1/session', body: { token } })
  const [cookie = ''] = answer.headers['set-cookie'] ?? []
  const headers = { cookie: cookie.split(';')[0] ?? '', 'sec-fetch-site': 'same-origin' }
  return { headers, changing: { ...headers, 'x-ethos-csrf': String(answer.json['session']?.csrf) } }
}

/** A certificate as an agent, a host or an operator has it. */
export async function aCertificate(authority: Authority, bearer: Bearer, now: EpochMs): Promise<Shown> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const cert = await forBearer(authority.newest, bearer, { publicKey, now, forMs: DAY_MS })
  return { key: privateKey, cert }
}

/** Asks a server, by whatever it is told to show. */
export class ApiClient {
  private readonly port: number
  private readonly ca: string
  private readonly agents = new Map<unknown, Agent>()

  constructor({ port, ca }: { readonly port: number; readonly ca: string }) {
    this.port = port
    this.ca = ca
  }

  close(): void {
    for (const agent of this.agents.values()) agent.destroy()
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

  private agentFor(certificate: Shown | undefined): Agent {
    let agent = this.agents.get(certificate)
    if (agent === undefined) {
      agent = new Agent({ keepAlive: true, maxSockets: 64, ca: this.ca, ...certificate })
      this.agents.set(certificate, agent)
    }
    return agent
  }
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
  readonly backtests: BacktestDesk
  private running:
    | {
        readonly app: FastifyInstance
        readonly api: Api
        readonly authority: Authority
        readonly client: ApiClient
        readonly port: number
      }
    | undefined

  /** @param about without a store: SQLite in the folder */
  constructor({ store, answers = new FakeAnswers() }: { store?: SiteStore; answers?: SiteAnswers } = {}) {
    this.store = store ?? openSqliteSite(join(this.folder, 'ethos.sqlite'), { admit: TAKEN })
    this.answers = answers
    if (answers instanceof FakeAnswers) answers.site = { store: this.store, clock: { now: () => this.now } }
    const log = makeLog('json', (text) => void this.said.push(text))
    const place = { data: this.folder }
    this.backtests = new BacktestDesk({
      folder: join(this.folder, 'backtests'),
      place,
      clock: { now: () => this.now },
      log,
    })
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
      frameworkErrors: answerNoName,
      serverFactory: (handler) => createServer(tls, handler),
    }) as unknown as FastifyInstance
    before(app)
    const api = addApi(app, {
      store: timed(this.store, this.metrics),
      answers: this.answers,
      clock,
      log,
      trouble: this.trouble,
      metrics: this.metrics,
      peerOf: (socket) => judgePeer(socket, authority, this.now),
      pin: () => authority.pin,
      backupFolder: join(this.folder, 'backups'),
      backtests: this.backtests,
      previews: new PreviewDesk({ place: { data: this.folder }, clock }),
      version: '0.0.0-test',
      ...rest,
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const address = app.server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    this.running = { app, api, authority, port, client: new ApiClient({ port, ca: authority.pem }) }
  }

  async stop(): Promise<void> {
    this.running?.client.close()
    await this.running?.app.close()
    await this.store.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** A token of a role, kept. */
  token(role: Role, rest: { readonly name?: string; readonly expiresAt?: EpochMs } = {}): Promise<string> {
    return aToken(this.store, { role, at: this.now, ...rest })
  }

  ask(asked: Asked): Promise<Answered> {
    return this.up.client.ask(asked)
  }

  optionsOf(asked: Asked): ReturnType<ApiClient['optionsOf']> {
    return this.up.client.optionsOf(asked)
  }

  private get up() {
    if (this.running === undefined) throw new Error('the API was not started')
    return this.running
  }
}
