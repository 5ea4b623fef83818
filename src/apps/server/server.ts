/** The first slice of the server: agents join, renew and report over TLS 1.3 (decision 0009). */
import { mkdirSync } from 'node:fs'
import { createPublicKey, randomInt, verify } from 'node:crypto'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AgentStore } from '../../drivers/sqlite/agent-store.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { AGENT_URI, Authority } from './authority.ts'
import { ingest } from './ingest.ts'
import { judgeToken } from './join-token.ts'
import { Buckets } from './buckets.ts'

export interface ServerOptions {
  readonly dataFolder: string
  readonly host: string
  readonly port: number
  /** Names and addresses that agents call it by. */
  readonly names: readonly string[]
  readonly clock: Pick<Clock, 'now'>
  readonly isLogging?: boolean
}

export interface RunningServer {
  readonly port: number
  readonly store: AgentStore
  readonly authority: Authority
  close(): Promise<void>
}

const BODY_BYTES_MAX = 64 * 1024
const HEADERS_MS = 10_000
const REQUEST_MS = 15_000
const CONNECTIONS_MAX = 4096
const FIELD_LENGTH_MAX = 500
const REFUSED = { error: 'refused' }

/** Listens. Closes by `close`. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { clock, dataFolder } = options
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  const authority = await Authority.open(dataFolder, clock.now())
  const store = new AgentStore(join(dataFolder, 'agents.sqlite'))
  const own = await authority.forServer(options.names, clock.now())
  const app = Fastify({
    logger: options.isLogging === true ? { redact: ['req.headers.authorization'] } : false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS,
    https: {
      key: own.privateKey,
      cert: own.certificate,
      ca: authority.pem,
      requestCert: true,
      // Whoever joins has no certificate yet; routes that want one check it.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      headersTimeout: HEADERS_MS,
    },
  })
  app.server.maxConnections = CONNECTIONS_MAX
  addRoutes(app, { ...options, store, authority })
  await app.listen({ host: options.host, port: options.port })
  const address = app.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    store,
    authority,
    async close() {
      app.server.closeAllConnections()
      await app.close()
      store.close()
    },
  }
}

interface Parts extends ServerOptions {
  readonly store: AgentStore
  readonly authority: Authority
}

function addRoutes(app: FastifyInstance, parts: Parts): void {
  const { authority } = parts
  const reports = new Buckets({ everyMs: 10_000, burst: 10 })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', 'application/x-ndjson'],
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  )
  app.get('/v1/ca', (_request, reply) => reply.type('text/plain').send(authority.pem))
  addJoin(app, parts)
  addRenewal(app, parts, reports)
  addVectors(app, parts, reports)
}

function addJoin(app: FastifyInstance, { store, authority, clock }: Parts): void {
  const joins = new Buckets({ everyMs: 1000, burst: 20 })
  app.post('/v1/join', async (request, reply) => {
    const now = clock.now()
    if (!joins.take('joins', now)) return tooMany(reply)
    const asked = parseKeyRequest(request.body)
    const verdict = judgeToken(store, { token: asked.token, vm: asked.vm, at: now })
    const id = verdict.kind === 'good' ? verdict.id : ''
    const isProven = proves(asked, `ethos-join|${asked.vm}|${id}|${asked.publicKey}`)
    const isBanned = store.agent(asked.vm)?.banned === 1
    const isGood = verdict.kind === 'good' && isProven && !isBanned && store.useToken(id, asked.vm, now)
    if (!isGood) {
      const reason = verdict.kind === 'refused' ? verdict.reason : isBanned ? 'the VM is banned' : 'no proof of the key'
      request.log.warn({ vm: asked.vm, reason }, 'join refused')
      return reply.code(401).send(REFUSED)
    }
    request.log.info({ vm: asked.vm }, 'joined')
    return certify(authority, asked.vm, asked.publicKey, now)
  })
}

function addRenewal(app: FastifyInstance, { store, authority, clock }: Parts, reports: Buckets): void {
  app.post('/v1/renew', async (request, reply) => {
    const vm = vmOf(request)
    if (vm === undefined) return reply.code(401).send(REFUSED)
    if (store.agent(vm)?.banned !== 0) return reply.code(403).send({ error: 'banned' })
    if (!reports.take(vm, clock.now())) return tooMany(reply)
    const asked = parseKeyRequest(request.body)
    if (!proves(asked, `ethos-renew|${vm}|${asked.publicKey}`)) return reply.code(401).send(REFUSED)
    return certify(authority, vm, asked.publicKey, clock.now())
  })
}

function addVectors(app: FastifyInstance, { store, clock }: Parts, reports: Buckets): void {
  app.post('/v1/vectors', async (request, reply) => {
    const vm = vmOf(request)
    if (vm === undefined) return reply.code(401).send(REFUSED)
    const agent = store.agent(vm)
    if (agent === undefined || agent.banned !== 0) return reply.code(403).send({ error: 'banned' })
    if (agent.quarantine !== null) return reply.code(403).send({ error: 'quarantined' })
    if (!reports.take(vm, clock.now())) return tooMany(reply)
    const answer = ingest(store, vm, typeof request.body === 'string' ? request.body : '', clock.now())
    if (answer.quarantine === undefined) return { ...answer, phases: PHASES_1.version }
    request.log.error({ vm, reason: answer.quarantine }, 'quarantined')
    return reply.code(403).send({ error: 'quarantined' })
  })
}

/** A certificate for a key, and whom to trust from now on. */
async function certify(authority: Authority, vm: string, publicKey: string, now: EpochMs): Promise<object> {
  const certificate = await authority.forAgent(vm, Buffer.from(publicKey, 'base64'), now)
  return { certificate, authorities: authority.pem }
}

/** The VM that a verified certificate names; undefined without one. The subject alternative name is ours alone to write. */
function vmOf(request: FastifyRequest): string | undefined {
  const socket = request.raw.socket as TLSSocket
  if (!socket.authorized) return undefined
  const names = socket.getPeerCertificate().subjectaltname ?? ''
  return names.startsWith(`URI:${AGENT_URI}`) ? decodeURIComponent(names.slice(4 + AGENT_URI.length)) : undefined
}

interface KeyRequest {
  readonly vm: string
  readonly token: string
  readonly publicKey: string
  readonly proof: string
}

/** What is missing, or no text, is empty: it then proves nothing. */
function parseKeyRequest(body: unknown): KeyRequest {
  let fields: Partial<Record<string, unknown>> = {}
  try {
    const parsed: unknown = JSON.parse(String(body))
    if (typeof parsed === 'object' && parsed !== null) fields = parsed
  } catch {
    fields = {}
  }
  const text = (name: string): string => {
    const value = fields[name]
    return typeof value === 'string' && value.length <= FIELD_LENGTH_MAX ? value : ''
  }
  return { vm: text('vm'), token: text('token'), publicKey: text('publicKey'), proof: text('proof') }
}

/** Whether the sender holds the private half of the key on P-256 that it wants certified. */
function proves({ publicKey, proof }: KeyRequest, text: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
    return verify('sha256', Buffer.from(text), key, Buffer.from(proof, 'base64'))
  } catch {
    return false
  }
}

/** Spread over a minute, so that those who were refused together do not come back together. */
function tooMany(reply: FastifyReply): FastifyReply {
  return reply
    .code(429)
    .header('retry-after', String(10 + randomInt(50)))
    .send({ error: 'too many requests' })
}
