/** Who asks, and whether they may: by API token, session of a browser, or certificate of an operator. Each refusal is audited, unless there are too many. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Buckets } from '../../../engine/admission/buckets.ts'
import { mayAct, type Role } from '../../../terms/access.ts'
import { type EpochMs, MINUTE_MS, SECOND_MS } from '../../../terms/units.ts'
import { addressOf } from '../connections.ts'
import { digestOf } from '../digest.ts'
import { Seldom } from '../seldom.ts'
import { isGood, judgeApiToken } from './api-token.ts'
import { cookieOf, UNATTENDED_HEADER, whyElsewhere, whyNotOurs } from './cookie.ts'
import { API_LIMITS, type ApiLimits, type ApiParts } from './parts.ts'
import type { Refusal } from './reply.ts'
import type { Session, Sessions } from './sessions.ts'

/** What a route asks of its caller: nothing, or a role. */
export type Access = 'open' | Role

/** Who asks. */
export interface Caller {
  readonly role: Role
  /** For people, records and logs: `token ci (0123456789abcdef)`, `operator ada`. */
  readonly name: string
  /** The same without how they came in: by token and by the session that it began, a person is one. */
  readonly person: string
  /** Counted by it. */
  readonly key: string
  /** Absent: by certificate, or by the session of a one-time token. */
  readonly tokenId?: string
  /** Of a browser that is signed in. */
  readonly session?: Session
}

interface NotAllowed {
  readonly name: string
  readonly notAllowed: string
  readonly refusal?: Refusal
}

/** How often the last use of a token is written down. */
const USE_NOTED_MS = MINUTE_MS

export const NOT_KNOWN: Refusal = {
  kind: 'refused',
  status: 401,
  code: 'unauthorised',
  message: 'No valid API token came with the request.',
  remedy:
    'Send `Authorization: Bearer ethos_...`, or sign in. Was the token revoked, or has it ended? An admin makes a new one.',
}

const NOT_OURS: Refusal = {
  kind: 'refused',
  status: 403,
  code: 'forbidden',
  message: 'The session came with a request that our own page did not make.',
  remedy: 'Send the header `x-ethos-csrf` with what GET /v1/session says, from the page of this server.',
}

export class Doorman {
  private readonly parts: ApiParts
  private readonly sessions: Sessions
  private readonly perToken: Buckets
  private readonly perAddress: Buckets
  private readonly refusedEach: Buckets
  private readonly refusedTogether: Buckets
  private readonly attemptsEach: Buckets
  private readonly attemptsTogether: Buckets
  private readonly crowded: Seldom
  private readonly unkept: Seldom
  private readonly usedAt = new Map<string, EpochMs>()

  constructor(parts: ApiParts, sessions: Sessions) {
    this.parts = parts
    this.sessions = sessions
    const limits: ApiLimits = { ...API_LIMITS, ...parts.limits }
    this.perToken = new Buckets(limits.perToken)
    this.perAddress = new Buckets(limits.perAddress)
    this.refusedEach = new Buckets(limits.refused.each)
    this.refusedTogether = new Buckets(limits.refused.together)
    this.attemptsEach = new Buckets(limits.refused.each)
    this.attemptsTogether = new Buckets(limits.refused.together)
    this.crowded = new Seldom(() => this.now())
    this.unkept = new Seldom(() => this.now())
  }

  /** Lets a request in. @param about the route, for the audit. Rejects with a `StoreError` where tokens can't be read. */
  async admit(request: IncomingMessage, access: Access, about: string): Promise<Caller | Refusal | undefined> {
    const from = addressOf(request.socket)
    const waitMs = this.perAddress.take(from, this.now())
    if (waitMs > 0) return this.tooMany(waitMs, from)
    if (access === 'open') return undefined
    const found = await this.identify(request)
    if (typeof found === 'string') return this.refuse(NOT_KNOWN, { from, reason: `${about}: ${found}` })
    if ('notAllowed' in found) {
      const reason = `${about}: ${found.notAllowed}`
      return this.refuse(found.refusal ?? forbidden(access), { from, about: found.name, reason })
    }
    const tokenWaitMs = this.perToken.take(found.key, this.now())
    if (tokenWaitMs > 0) return this.tooMany(tokenWaitMs, found.name)
    this.noteUse(found)
    if (mayAct(found.role, access)) return found
    const reason = `${about}: needs ${access}, and ${found.name} is ${found.role}`
    return this.refuse(forbidden(access), { from: found.name, reason })
  }

  /** Bounds how often a token may be shown to sign in or to confirm, a right one too: each is a line in the audit. Undefined: this one may be. */
  boundAttempt(request: IncomingMessage): Refusal | undefined {
    const from = addressOf(request.socket)
    const now = this.now()
    const waitMs = this.attemptsEach.take(from, now) || this.attemptsTogether.take('', now)
    return waitMs > 0 ? this.tooMany(waitMs, from) : undefined
  }

  /** Whether a caller would still be let in: streams outlive tokens. A store that can't be read ends nobody. */
  async isStillGood({ session, tokenId }: Caller): Promise<boolean> {
    if (session !== undefined && this.sessions.look(session.digest) === undefined) return false
    try {
      return await this.isTokenGood(tokenId)
    } catch {
      return true
    }
  }

  /** The session of a browser, if it lasts and its token is still worth something. Ends it where that is not so. Rejects with a `StoreError`. */
  async sessionOf(
    request: IncomingMessage,
  ): Promise<{ readonly session: Session; readonly secret: string } | undefined> {
    const secret = cookieOf(request)
    const session = secret === undefined ? undefined : this.sessions.look(digestOf(secret))
    if (secret === undefined || session === undefined) return undefined
    if (await this.isTokenGood(session.tokenId)) return { session, secret }
    this.sessions.end(session.digest)
    return undefined
  }

  private async isTokenGood(tokenId: string | undefined): Promise<boolean> {
    if (tokenId === undefined) return true
    const token = await this.parts.store.apiTokens.find(tokenId)
    return token !== undefined && isGood(token, this.now())
  }

  /** Who it is; a reason where nobody knows. A token decides alone, whatever came beside it, and a session before a certificate: what a program or a page
   *  chose to show goes before what a browser adds by itself. */
  private async identify(request: IncomingMessage): Promise<Caller | string | NotAllowed> {
    const header = request.headers.authorization
    if (header === undefined)
      return cookieOf(request) === undefined ? this.identifyPeer(request) : this.identifySession(request)
    const [, shown = ''] = /^Bearer +(\S{1,200})$/i.exec(header) ?? []
    const judged = await judgeApiToken(this.parts.store.apiTokens, shown, this.now())
    if (judged.kind === 'refused') return judged.reason
    const { id, role, name } = judged.token
    const person = `token ${name} (${id})`
    return { role, name: person, person, key: `token ${id}`, tokenId: id }
  }

  private async identifySession(request: IncomingMessage): Promise<Caller | string | NotAllowed> {
    const found = await this.sessionOf(request)
    if (found === undefined) return 'its session has ended, or there was none'
    const { role, key, tokenId } = found.session
    const person = found.session.name
    const name = `${person} by session`
    const notOurs = whyNotOurs(request, found.secret)
    if (notOurs !== undefined)
      return { name, notAllowed: `its session came with the request, and ${notOurs}`, refusal: NOT_OURS }
    const isUnattended = request.headers[UNATTENDED_HEADER] !== undefined
    const session = this.sessions.find(found.secret, { isUnattended }) ?? found.session
    return { role, name, person, key, session, ...(tokenId === undefined ? {} : { tokenId }) }
  }

  private identifyPeer(request: IncomingMessage): Caller | string | NotAllowed {
    const peer = this.parts.peerOf(request.socket)
    if (peer.kind === 'unknown') return `no token, and ${peer.reason}`
    if (peer.kind === 'expired') return 'no token, and its certificate has expired'
    const { role, name } = peer.bearer
    if (role !== 'operator') return { name, notAllowed: `its certificate is for ${role}s, and they may not ask this` }
    // A browser shows its certificate for the page of any other site too, and tells that it does.
    if (whyElsewhere(request, true) !== undefined)
      return { name, notAllowed: 'its certificate came with a request that the page of another site made' }
    const key = createHash('sha256').update(name).digest('hex')
    const person = `operator ${name}`
    return { role, name: person, person, key: `operator ${key}` }
  }

  /** Refuses, and has it audited; of too many it says that they are too many, and no more. */
  refuse(
    refusal: Refusal,
    record: { readonly from: string; readonly reason: string; readonly about?: string },
  ): Refusal {
    const now = this.now()
    const waitMs = this.refusedEach.take(record.from, now) || this.refusedTogether.take('', now)
    if (waitMs > 0) return this.tooMany(waitMs, record.from)
    const { audit } = this.parts.store
    // Not waited for: a disk that is slow, or full, does not hold up a refusal.
    audit.add({ at: this.parts.clock.now(), what: 'request refused', ...record }).catch((error: unknown) => {
      const withheld = this.unkept.ask()
      if (withheld !== undefined)
        this.parts.log.error({ reason: String(error), withheld }, 'no audit of refusals is kept')
    })
    return refusal
  }

  /** Not audited: that would be work, and whoever floods wants us to have some. It is counted, and said once a minute. */
  private tooMany(waitMs: number, who: string): Refusal {
    const withheld = this.crowded.ask()
    if (withheld !== undefined) this.parts.log.warn({ who, withheld }, 'too many requests')
    return {
      kind: 'refused',
      status: 429,
      code: 'too-many',
      message: 'Too many requests.',
      remedy: 'Wait as long as `retry-after` says. Would GET /v1/events, or a larger `limit`, do with fewer?',
      retryAfterSec: Math.max(1, Math.ceil(waitMs / SECOND_MS)),
    }
  }

  private noteUse({ tokenId }: Caller): void {
    if (tokenId === undefined) return
    const now = this.now()
    const passedMs = now - (this.usedAt.get(tokenId) ?? -Infinity)
    if (passedMs >= 0 && passedMs < USE_NOTED_MS) return
    this.usedAt.set(tokenId, now)
    this.parts.store.apiTokens.used([tokenId], now).catch(() => this.usedAt.delete(tokenId))
  }

  private now(): EpochMs {
    const { clock, peopleClock = clock } = this.parts
    return peopleClock.now()
  }
}

function forbidden(access: Role): Refusal {
  return {
    kind: 'refused',
    status: 403,
    code: 'forbidden',
    message: `This needs the role ${access}.`,
    remedy: 'Ask an admin for a token of that role.',
  }
}
