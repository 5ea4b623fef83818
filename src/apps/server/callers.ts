/** Who asks, and how those are answered who may not: shared by all routes of agents, hosts and operators. */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify'
import { Buckets } from '../../engine/admission/buckets.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Authority } from './authority.ts'
import type { Bearer, BearerRole } from './certificates.ts'
import { addressOf } from './connections.ts'
import type { Desk, Hearing } from './desk.ts'
import { judgePeer, type Peer } from './peer.ts'
import type { HostWatch } from './host-watch.ts'
import type { Relay } from './relay.ts'

export interface RouteParts {
  readonly desk: Desk
  readonly relay: Relay
  /** Sees who reports under which name. */
  readonly watch: HostWatch
  readonly authority: Authority
  /** Whether there is memory for more. */
  readonly hasRoom: () => boolean
  /** How long an answer 429 is held back: whoever does not wait is slowed down by it. */
  readonly slowMs: number
  /** Longest body of an agent. */
  readonly bodyBytesMax: number
  /** Nobody shows a certificate by plain HTTP: then there are no routes of agents and hosts. */
  readonly isPlain: boolean
}

export interface Exchange<Route extends RouteGenericInterface = RouteGenericInterface> {
  readonly request: FastifyRequest<Route>
  readonly reply: FastifyReply
}

export const REFUSED = { error: 'refused' }
/** What callers without an identity may ask of us, each and together: a join costs two signatures and a wait for the disk. */
const STRANGERS = { each: { everyMs: SECOND_MS, burst: 20 }, together: { everyMs: 50, burst: 100 } } as const
/** Whoever is told to come later does so spread over so many seconds. */
const JITTER_SEC = 30
/** While the disk refuses, or memory is short. */
export const TROUBLE_SEC = 30

/** What a hook found out about a request, for its handler. */
const bearers = new WeakMap<FastifyRequest, Bearer>()

/** Bounds what callers without an identity may ask. */
export class Strangers {
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

/** Whom a request is of, once it was let in. */
export function bearerOfRequest(request: FastifyRequest): Bearer {
  const bearer = bearers.get(request)
  if (bearer === undefined) throw new Error('a request was not asked whose it is')
  return bearer
}

export function setBearer(request: FastifyRequest, bearer: Bearer): void {
  bearers.set(request, bearer)
}

/** The bearer of a certificate of one of these roles; undefined where the request was refused. */
export async function knowBearer(
  { desk, authority, slowMs }: Pick<RouteParts, 'desk' | 'authority' | 'slowMs'>,
  strangers: Strangers,
  { request, reply, roles, isRenewal = false }: Exchange & { roles: readonly BearerRole[]; isRenewal?: boolean },
): Promise<Bearer | undefined> {
  const peer = judgePeer(request.raw.socket, authority, desk.now())
  const isTimely = peer.kind === 'known' || (peer.kind === 'expired' && isRenewal && peer.isWithinGrace)
  if (peer.kind === 'unknown' || !isTimely || !roles.includes(peer.bearer.role)) {
    await refusePeer({ desk, slowMs }, strangers, { request, reply, peer })
    return undefined
  }
  return peer.bearer
}

/** 401 for whoever is not known, 403 for whoever is known and may not. */
async function refusePeer(
  { desk, slowMs }: Pick<RouteParts, 'desk' | 'slowMs'>,
  strangers: Strangers,
  { request, reply, peer }: Exchange & { readonly peer: Peer },
): Promise<void> {
  const waitMs = strangers.take(request)
  if (waitMs > 0) return tooMany(reply, waitMs, slowMs)
  const asked = `${request.method} ${request.routeOptions.url ?? ''}`
  const from = addressOf(request.raw.socket)
  if (peer.kind === 'known') {
    const reason = `${asked}: ${peer.bearer.role}s may not ask this`
    await desk.record({ what: 'request refused', about: peer.bearer.name, from, reason })
    await reply.code(403).send(REFUSED)
    return
  }
  const why = peer.kind === 'expired' ? 'its certificate has expired' : peer.reason
  const about = peer.kind === 'expired' ? { about: peer.bearer.name } : {}
  await desk.record({ what: 'request refused', ...about, from, reason: `${asked}: ${why}` })
  await reply.code(401).send(REFUSED)
}

export async function answerHearing(
  hearing: Exclude<Hearing, { kind: 'heard' }>,
  reply: FastifyReply,
  slowMs: number,
): Promise<void> {
  if (hearing.kind === 'later') return tooMany(reply, hearing.waitMs, slowMs)
  await reply.code(403).send({ error: hearing.kind })
}

/** Told to come later: spread, so that those who were refused together do not come back together. */
export async function tooMany(reply: FastifyReply, waitMs: number, slowMs: number): Promise<void> {
  if (slowMs > 0) await sleep(slowMs, undefined, { ref: false })
  const afterSec = Math.max(1, Math.ceil(waitMs / SECOND_MS)) + randomInt(JITTER_SEC)
  await reply.code(429).header('retry-after', String(afterSec)).send({ error: 'too many requests' })
}

/** Told that nothing can be kept now. */
export async function notKept(reply: FastifyReply): Promise<void> {
  await reply
    .code(503)
    .header('retry-after', String(TROUBLE_SEC + randomInt(JITTER_SEC)))
    .send({ error: 'not kept' })
}

/** A body as its parser left it: text, or nothing. */
export function textOf(body: unknown): string {
  return typeof body === 'string' ? body : ''
}

/** The sender's clock, if it says so. */
export function clockOf(request: FastifyRequest): EpochMs | undefined {
  const told = request.headers['ethos-clock']
  return typeof told === 'string' && /^\d{1,14}$/.test(told) ? Number(told) : undefined
}

/** A certificate for a key, and whom to trust from now on. */
export async function certify(
  authority: Authority,
  { role, name }: Pick<Bearer, 'role' | 'name'>,
  publicKey: string,
): Promise<object> {
  const certificate = await authority.forKey({ role, name }, Buffer.from(publicKey, 'base64'))
  return { certificate, authorities: authority.pem }
}
