/** The requests of agents and hosts (decisions 0009, 0013). */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseHostId, parseVmId, type VmId } from '../../terms/ids.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import {
  answerHearing,
  bearerOfRequest,
  certify,
  clockOf,
  type Exchange,
  knowBearer,
  notKept,
  REFUSED,
  type RouteParts,
  setBearer,
  Strangers,
  textOf,
  tooMany,
  TROUBLE_SEC,
} from './callers.ts'
import { AGENT_MS } from './certificates.ts'
import { addressOf } from './connections.ts'
import type { Desk } from './desk.ts'
import { addHostRoutes, admitHost, renewHost, takeRelayed } from './host-routes.ts'
import { BATCH_LINES_MAX, type LineOutcome } from './ingest.ts'
import { judgeToken, type TokenVerdict } from './join-token.ts'
import { type JoinRequest, joinText, proves, readJoin, readRenewal, renewText } from './key-request.ts'
import { RELAY_BYTES_MAX } from './relay.ts'
import { Seldom } from './seldom.ts'

/** Adds them beside whatever else the server answers: what they read and how they fail is theirs alone. */
export function addRoutes(app: FastifyInstance, parts: RouteParts): void {
  app.addHook('onRequest', async (_request, reply) => {
    if (!parts.hasRoom()) await tooMany(reply, TROUBLE_SEC * SECOND_MS, 0)
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }))
  if (parts.isPlain) return
  const unkept = new Seldom(() => parts.desk.now())
  void app.register(async (own) => {
    own.removeAllContentTypeParsers()
    own.addContentTypeParser(
      ['application/json', 'application/x-ndjson'],
      { parseAs: 'string' },
      (_request, body, done) => done(null, body),
    )
    own.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, { reply, unkept }))
    addOwn(own, parts)
  })
}

function addOwn(app: FastifyInstance, parts: RouteParts): void {
  const { authority, desk } = parts
  const strangers = new Strangers(desk)
  app.get('/v1/ca', (_request, reply) => reply.type('text/plain').send(authority.pem))
  const stranger = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const waitMs = strangers.take(request)
    if (waitMs > 0) await tooMany(reply, waitMs, parts.slowMs)
  }
  app.post('/v1/join', { onRequest: stranger }, (request, reply) => join(parts, request, reply))
  const sender = (isRenewal: boolean) => (request: FastifyRequest, reply: FastifyReply) =>
    admitSender(parts, strangers, { request, reply, isRenewal })
  app.post('/v1/renew', { onRequest: sender(true) }, (request, reply) => renew(parts, request, reply))
  app.post('/v1/vectors', { onRequest: sender(false), bodyLimit: RELAY_BYTES_MAX }, (request, reply) =>
    bearerOfRequest(request).role === 'host' ? takeRelayed(parts, request, reply) : takeVectors(parts, request, reply),
  )
  app.get('/v1/phases', { onRequest: sender(false) }, (_request, reply) =>
    reply.type('application/json').send(desk.phases.text),
  )
  addHostRoutes(app, parts, strangers)
}

async function join(parts: RouteParts, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { desk, authority, relay } = parts
  const asked = readJoin(request.body)
  const verdict = await judgeToken(desk.store, { ...asked, at: desk.now() })
  const isProven = proves(asked, joinText(asked))
  const refusal = (await reasonAgainst(desk, asked, { verdict, isProven })) ?? (await welcome(desk, verdict))
  if (refusal !== undefined) {
    const about = nameOf(asked)
    await desk.record({
      what: 'join refused',
      ...(about === undefined ? {} : { about }),
      from: addressOf(request.raw.socket),
      reason: refusal,
    })
    return reply.code(401).send(REFUSED)
  }
  if (asked.role === 'agent') relay.isItsOwn(asked.name)
  desk.joined(asked.role, asked.name)
  return certify(authority, asked, asked.publicKey)
}

interface JoinFacts {
  readonly verdict: TokenVerdict
  readonly isProven: boolean
}

async function reasonAgainst(
  desk: Desk,
  { role, name }: JoinRequest,
  { verdict, isProven }: JoinFacts,
): Promise<string | undefined> {
  if (verdict.kind === 'refused') return verdict.reason
  if (role === 'agent' && (await desk.store.identities.find(name as VmId))?.isBanned === true) return 'the VM is banned'
  return isProven ? undefined : 'the key was not proven'
}

/** Uses the token up; what then stands against it, if anything does. */
async function welcome(desk: Desk, verdict: TokenVerdict): Promise<string | undefined> {
  const id = verdict.kind === 'good' ? verdict.id : ''
  const now = desk.now()
  const isIn = await desk.write(() => desk.store.identities.join(id, now, Math.round(now + AGENT_MS)))
  return isIn ? undefined : `token ${id} was used at the same time`
}

async function renew(parts: RouteParts, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { desk, authority, relay } = parts
  const bearer = bearerOfRequest(request)
  const asked = readRenewal(request.body)
  if (!proves(asked, renewText(bearer, asked.publicKey))) {
    const from = addressOf(request.raw.socket)
    await desk.record({ what: 'renewal refused', about: bearer.name, from, reason: 'the key was not proven' })
    return reply.code(401).send(REFUSED)
  }
  if (bearer.role === 'host') return renewHost(parts, { bearer, publicKey: asked.publicKey })
  const now = desk.now()
  const vm = bearer.name as VmId
  await desk.write(() => desk.store.identities.certify(vm, now, Math.round(now + AGENT_MS)))
  relay.isItsOwn(vm)
  return certify(authority, bearer, asked.publicKey)
}

async function takeVectors(
  { desk, slowMs, bodyBytesMax }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const text = textOf(request.body)
  if (text.length > bodyBytesMax) return reply.code(413).send({ error: 'too large' })
  const lines = text.split('\n').filter((line) => line !== '')
  if (lines.length > BATCH_LINES_MAX) return reply.code(413).send({ error: `more than ${BATCH_LINES_MAX} lines` })
  const answer = await desk.take(bearerOfRequest(request).name as VmId, lines, clockOf(request))
  if (!('kind' in answer)) {
    if (answer.quarantine !== undefined) return reply.code(403).send({ error: 'quarantined' })
    return { ...tell(answer.outcomes), phases: desk.phases.version }
  }
  if (answer.kind !== 'heard') await answerHearing(answer, reply, slowMs)
  return reply
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

/** Lets an agent or a host in by its certificate, before its body is read. */
async function admitSender(
  parts: RouteParts,
  strangers: Strangers,
  { request, reply, isRenewal }: Exchange & { readonly isRenewal: boolean },
): Promise<void> {
  const { desk, slowMs } = parts
  const bearer = await knowBearer(parts, strangers, { request, reply, roles: ['agent', 'host'], isRenewal })
  if (bearer === undefined) return
  if (bearer.role === 'host') return admitHost(parts, bearer, { request, reply })
  const vm = bearer.name as VmId
  // A host's batch may be longer: what an agent says of its own length is believed before it is read.
  if (Number(request.headers['content-length']) > parts.bodyBytesMax) {
    await reply.code(413).send({ error: 'too large' })
    return
  }
  const hearing = await desk.hear(vm)
  // Whoever is in quarantine keeps its certificate alive, or its release would be of no use.
  if (hearing.kind === 'heard' || (isRenewal && hearing.kind === 'quarantined')) return setBearer(request, bearer)
  if (hearing.kind !== 'later') {
    const reason = `${hearing.kind}: ${request.method} ${request.routeOptions.url ?? ''}`
    await desk.record({ what: 'request refused', about: vm, from: addressOf(request.raw.socket), reason })
  }
  await answerHearing(hearing, reply, slowMs)
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
    await notKept(reply)
  } else if (status >= 500) {
    request.log.error(error, 'our own mistake')
    await reply.code(500).send({ error: 'internal' })
  } else if (request.routeOptions.url === '/v1/join' && status !== 413) {
    await reply.code(401).send(REFUSED)
  } else {
    await reply.code(status).send({ error: status === 413 ? 'too large' : 'bad request' })
  }
}

/** What a caller calls itself, where it is a name at all. */
function nameOf({ role, name }: JoinRequest): string | undefined {
  try {
    return role === 'agent' ? parseVmId(name) : parseHostId(name)
  } catch {
    return undefined
  }
}
