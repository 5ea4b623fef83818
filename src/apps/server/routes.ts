/** The requests of decision 0009. */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Buckets } from '../../engine/admission/buckets.ts'
import { parseVmId } from '../../terms/ids.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import { AgentsView, viewAgents } from './agents-view.ts'
import type { Authority } from './authority.ts'
import { AGENT_MS, type Bearer } from './certificates.ts'
import { addressOf } from './connections.ts'
import type { Desk, Hearing } from './desk.ts'
import { BATCH_LINES_MAX, type LineOutcome } from './ingest.ts'
import { judgeToken } from './join-token.ts'
import { type JoinRequest, proves, readJoin, readRenewal } from './key-request.ts'
import { judgePeer, type Peer } from './peer.ts'
import { Seldom } from './seldom.ts'

export interface RouteParts {
  readonly desk: Desk
  readonly authority: Authority
  /** Whether there is memory for more. */
  readonly hasRoom: () => boolean
  /** How long an answer 429 is held back: whoever does not wait is slowed down by it. */
  readonly slowMs: number
}

const REFUSED = { error: 'refused' }
/** What callers without an identity may ask of us, each and together: a join costs two signatures and a wait for the disk. */
const STRANGERS = { each: { everyMs: SECOND_MS, burst: 20 }, together: { everyMs: 50, burst: 100 } } as const
/** Whoever is told to come later does so spread over so many seconds. */
const JITTER_SEC = 30
/** While the disk refuses, or memory is short. */
const TROUBLE_SEC = 30

/** What a hook found out about a request, for its handler. */
const peers = new WeakMap<FastifyRequest, Bearer>()

export function addRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { authority, desk } = parts
  const strangers = new Strangers(desk)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', 'application/x-ndjson'],
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  )
  app.addHook('onRequest', async (_request, reply) => {
    if (!parts.hasRoom()) await tooMany(reply, TROUBLE_SEC * SECOND_MS, 0)
  })
  const unkept = new Seldom(() => desk.now())
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, { reply, unkept }))
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }))
  app.get('/v1/ca', (_request, reply) => reply.type('text/plain').send(authority.pem))
  const stranger = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const waitMs = strangers.take(request)
    if (waitMs > 0) await tooMany(reply, waitMs, parts.slowMs)
  }
  app.post('/v1/join', { onRequest: stranger }, (request, reply) => join(parts, request, reply))
  const agent = (isRenewal: boolean) => (request: FastifyRequest, reply: FastifyReply) =>
    admitAgent(parts, strangers, { request, reply, isRenewal })
  app.post('/v1/renew', { onRequest: agent(true) }, (request, reply) => renew(parts, request, reply))
  app.post('/v1/vectors', { onRequest: agent(false) }, (request, reply) => takeVectors(parts, request, reply))
  app.get('/v1/phases', { onRequest: agent(false) }, (_request, reply) =>
    reply.type('application/json').send(desk.phases.text),
  )
  app.get(
    '/v1/agents',
    {
      onRequest: (request, reply) => admitOperator(parts, strangers, { request, reply }),
      schema: { response: { 200: AgentsView } },
    },
    () => ({ agents: viewAgents(desk.store) }),
  )
}

/** Bounds what callers without an identity may ask. */
class Strangers {
  private readonly desk: Desk
  private readonly each = new Buckets(STRANGERS.each)
  private readonly together = new Buckets(STRANGERS.together)

  constructor(desk: Desk) {
    this.desk = desk
  }

  take(request: FastifyRequest): number {
    const now = this.desk.now()
    return this.each.take(addressOf(request.raw.socket), now) || this.together.take('', now)
  }
}

interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

async function join({ desk, authority }: RouteParts, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const asked = readJoin(request.body)
  const verdict = judgeToken(desk.store, { token: asked.token, vm: asked.vm, at: desk.now() })
  const isProven = proves(asked, `ethos-join|${asked.vm}|${asked.token.split('.')[0]}|${asked.publicKey}`)
  const isBanned = desk.store.agent(asked.vm)?.banned === 1
  const refusal = reasonAgainst({ verdict, isProven, isBanned }) ?? (await welcome(desk, asked, verdict))
  if (refusal !== undefined) {
    await desk.record({
      what: 'join refused',
      vm: nameOf(asked.vm),
      from: addressOf(request.raw.socket),
      reason: refusal,
    })
    return reply.code(401).send(REFUSED)
  }
  desk.joined(asked.vm)
  return certify(authority, asked.vm, asked.publicKey)
}

interface JoinFacts {
  readonly verdict: ReturnType<typeof judgeToken>
  readonly isProven: boolean
  readonly isBanned: boolean
}

function reasonAgainst({ verdict, isProven, isBanned }: JoinFacts): string | undefined {
  if (verdict.kind === 'refused') return verdict.reason
  if (isBanned) return 'the VM is banned'
  return isProven ? undefined : 'the key was not proven'
}

/** Uses the token up; what then stands against it, if anything does. */
function welcome(desk: Desk, { vm }: JoinRequest, verdict: ReturnType<typeof judgeToken>): Promise<string | undefined> {
  const id = verdict.kind === 'good' ? verdict.id : ''
  return desk.commit.soon(() => {
    if (!desk.store.tokens.use(id, desk.now())) return `token ${id} was used at the same time`
    desk.store.admitAgent(vm, desk.now())
    desk.store.certify(vm, desk.now() + AGENT_MS)
    return undefined
  })
}

async function renew({ desk, authority }: RouteParts, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const vm = peers.get(request)?.name ?? ''
  const asked = readRenewal(request.body)
  if (!proves(asked, `ethos-renew|${vm}|${asked.publicKey}`)) {
    await desk.record({
      what: 'renewal refused',
      vm,
      from: addressOf(request.raw.socket),
      reason: 'the key was not proven',
    })
    return reply.code(401).send(REFUSED)
  }
  await desk.commit.soon(() => desk.store.certify(vm, desk.now() + AGENT_MS))
  return certify(authority, vm, asked.publicKey)
}

async function takeVectors(
  { desk, slowMs }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const vm = peers.get(request)?.name ?? ''
  const lines = textOf(request.body)
    .split('\n')
    .filter((line) => line !== '')
  if (lines.length > BATCH_LINES_MAX) return reply.code(413).send({ error: `more than ${BATCH_LINES_MAX} lines` })
  const answer = await desk.take(vm, lines, clockOf(request))
  if ('kind' in answer) {
    await answerHearing(answer, reply, slowMs)
    return reply
  }
  if (answer.quarantine !== undefined) return reply.code(403).send({ error: 'quarantined' })
  return { ...tell(answer.outcomes), phases: desk.phases.version }
}

/** A body as its parser left it: text, or nothing. */
function textOf(body: unknown): string {
  return typeof body === 'string' ? body : ''
}

/** The guest's clock, if it says so. */
function clockOf(request: FastifyRequest): EpochMs | undefined {
  const told = request.headers['ethos-clock']
  return typeof told === 'string' && /^\d{1,14}$/.test(told) ? Number(told) : undefined
}

function tell(outcomes: readonly LineOutcome[]): object {
  const acks = new Map<string, number>()
  const refused: { line: number; reason: string }[] = []
  for (const [line, outcome] of outcomes.entries()) {
    if (outcome.kind === 'refused') refused.push({ line, reason: outcome.reason })
    else acks.set(outcome.sender, Math.max(outcome.sequence, acks.get(outcome.sender) ?? 0))
  }
  const number = (kind: string): number => outcomes.filter((outcome) => outcome.kind === kind).length
  return { acks: [...acks], accepted: number('accepted'), duplicates: number('duplicate'), refused }
}

/** Lets an agent in by its certificate, before its body is read. */
async function admitAgent(
  { desk, authority, slowMs }: RouteParts,
  strangers: Strangers,
  { request, reply, isRenewal }: Exchange & { readonly isRenewal: boolean },
): Promise<void> {
  const peer = judgePeer(request.raw.socket, authority, desk.now())
  const isTimely = peer.kind === 'known' || (peer.kind === 'expired' && isRenewal && peer.isWithinGrace)
  if (peer.kind === 'unknown' || !isTimely || peer.bearer.role !== 'agent')
    return refusePeer({ desk, slowMs }, strangers, { request, reply, peer })
  const vm = peer.bearer.name
  const hearing = desk.hear(vm)
  // Whoever is in quarantine keeps its certificate alive, or its release would be of no use.
  if (hearing.kind === 'heard' || (isRenewal && hearing.kind === 'quarantined')) {
    peers.set(request, peer.bearer)
    return
  }
  if (hearing.kind !== 'later') {
    const reason = `${hearing.kind}: ${request.method} ${request.routeOptions.url ?? ''}`
    await desk.record({ what: 'request refused', vm, from: addressOf(request.raw.socket), reason })
  }
  await answerHearing(hearing, reply, slowMs)
}

async function admitOperator(
  { desk, authority, slowMs }: RouteParts,
  strangers: Strangers,
  { request, reply }: Exchange,
): Promise<void> {
  const peer = judgePeer(request.raw.socket, authority, desk.now())
  if (peer.kind === 'known' && peer.bearer.role === 'operator') return
  await refusePeer({ desk, slowMs }, strangers, { request, reply, peer })
}

/** 401 for whoever is not known, 403 for whoever is known and may not. */
async function refusePeer(
  { desk, slowMs }: Pick<RouteParts, 'desk' | 'slowMs'>,
  strangers: Strangers,
  { request, reply, peer }: Exchange & { readonly peer: Peer },
): Promise<void> {
  const waitMs = strangers.take(request)
  if (waitMs > 0) return tooMany(reply, waitMs, slowMs)
  const about = `${request.method} ${request.routeOptions.url ?? ''}`
  const from = addressOf(request.raw.socket)
  if (peer.kind === 'known') {
    const reason = `${about}: ${peer.bearer.role}s may not ask this`
    await desk.record({ what: 'request refused', vm: peer.bearer.name, from, reason })
    await reply.code(403).send(REFUSED)
    return
  }
  const why = peer.kind === 'expired' ? 'its certificate has expired' : peer.reason
  const vm = peer.kind === 'expired' ? peer.bearer.name : null
  await desk.record({ what: 'request refused', vm, from, reason: `${about}: ${why}` })
  await reply.code(401).send(REFUSED)
}

async function answerHearing(hearing: Hearing, reply: FastifyReply, slowMs: number): Promise<void> {
  if (hearing.kind === 'later') return tooMany(reply, hearing.waitMs, slowMs)
  await reply.code(403).send({ error: hearing.kind })
}

/** Told to come later: spread, so that those who were refused together do not come back together. */
async function tooMany(reply: FastifyReply, waitMs: number, slowMs: number): Promise<void> {
  if (slowMs > 0) await sleep(slowMs, undefined, { ref: false })
  const afterSec = Math.max(1, Math.ceil(waitMs / SECOND_MS)) + randomInt(JITTER_SEC)
  await reply.code(429).header('retry-after', String(afterSec)).send({ error: 'too many requests' })
}

/** Nobody learns from an error more than that there was one. */
async function answerError(
  error: FastifyError,
  request: FastifyRequest,
  { reply, unkept }: { readonly reply: FastifyReply; readonly unkept: Seldom },
): Promise<void> {
  const status = error.statusCode ?? 500
  if (error instanceof StoreError) {
    const withheld = unkept.ask()
    if (withheld !== undefined) request.log.error({ reason: error.message, withheld }, 'nothing can be kept')
    await reply
      .code(503)
      .header('retry-after', String(TROUBLE_SEC + randomInt(JITTER_SEC)))
      .send({ error: 'not kept' })
  } else if (status >= 500) {
    request.log.error(error, 'our own mistake')
    await reply.code(500).send({ error: 'internal' })
  } else if (request.routeOptions.url === '/v1/join' && status !== 413) {
    await reply.code(401).send(REFUSED)
  } else {
    await reply.code(status).send({ error: status === 413 ? 'too large' : 'bad request' })
  }
}

/** A certificate for a key, and whom to trust from now on. */
async function certify(authority: Authority, vm: string, publicKey: string): Promise<object> {
  const certificate = await authority.forAgent(vm, Buffer.from(publicKey, 'base64'))
  return { certificate, authorities: authority.pem }
}

/** What a caller calls itself, where it is a name at all. */
function nameOf(claimed: string): string | null {
  try {
    return parseVmId(claimed)
  } catch {
    return null
  }
}
