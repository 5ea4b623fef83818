/** How a browser signs in, shows its token again, and signs out. Whoever may ask is judged here: the cookie comes only by it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { addressOf } from '../connections.ts'
import { digestOf } from '../digest.ts'
import { Failure } from '../views/failure.ts'
import {
  type SessionAnswer,
  SessionAnswer as SessionAnswerSchema,
  SessionBody,
  type SessionView,
} from '../views/session.ts'
import { judgeApiToken } from './api-token.ts'
import { clearingCookie, settingCookie, whyElsewhere } from './cookie.ts'
import { type Doorman, NOT_KNOWN } from './doorman.ts'
import type { Events } from './events.ts'
import { isOneTime, type OneTimeTokens } from './one-time-token.ts'
import type { ApiParts } from './parts.ts'
import { JSON_TYPE, type Refusal, UNKNOWN } from './reply.ts'
import { callers, sendRefusal } from './route.ts'
import { CONFIRMED_MS, csrfOf, isConfirmed, type Session, type Sessions, type SignedIn } from './sessions.ts'

export interface SessionParts {
  readonly parts: ApiParts
  readonly doorman: Doorman
  readonly sessions: Sessions
  readonly oneTimeTokens: OneTimeTokens
  readonly events: Events
}

type Asked = FastifyRequest<{ Body: SessionBody }>

const NAME_DIGITS = 8

const FROM_ELSEWHERE: Refusal = {
  kind: 'refused',
  status: 403,
  code: 'forbidden',
  message: 'The page of another site asked to sign in.',
  remedy: 'Open the page of this server, and sign in there.',
}

const TOO_MANY: Refusal = {
  kind: 'refused',
  status: 429,
  code: 'too-many',
  message: 'Too many browsers are signed in.',
  remedy: 'Sign out where nobody sits. Sessions end by themselves when nothing is asked.',
  retryAfterSec: 60,
}

const ANOTHER_TOKEN: Refusal = {
  kind: 'refused',
  status: 403,
  code: 'forbidden',
  message: 'The token that was shown is not the one that this session began with.',
  remedy: 'Show the token again that you signed in with; for another one, sign out first.',
}

/** `/v1/session` and `/v1/session/confirmation`. */
export function addSessions(app: FastifyInstance, all: SessionParts): void {
  const open = { config: { access: 'open' } } as const
  const signedIn = { config: { access: 'viewer' } } as const
  app.post<{ Body: SessionBody }>('/v1/session', { ...open, schema: SIGN_IN }, (request, reply) =>
    signIn(all, request, reply),
  )
  app.get('/v1/session', { ...open, schema: TELL }, async (request, reply) =>
    tell(all, await all.doorman.sessionOf(request.raw), reply),
  )
  app.delete('/v1/session', { ...signedIn, schema: SIGN_OUT }, (request, reply) => signOut(all, request, reply))
  app.post<{ Body: SessionBody }>('/v1/session/confirmation', { ...signedIn, schema: CONFIRM }, (request, reply) =>
    confirm(all, request, reply),
  )
}

const TAGS = ['access']
const ANSWER = { 200: { description: 'Default', content: { 'application/json': { schema: SessionAnswerSchema } } } }

function failures(...statuses: readonly number[]): Readonly<Record<number, typeof Failure>> {
  return Object.fromEntries(statuses.map((status) => [status, Failure]))
}

const SIGN_IN = {
  tags: TAGS,
  summary: 'Signs a browser in by a token, and sets the cookie. Ends the session that it had before.',
  security: [],
  body: SessionBody,
  response: { ...ANSWER, ...failures(400, 401, 403, 429, 503) },
}
const TELL = {
  tags: TAGS,
  summary: 'Who is signed in by the cookie. Without `session` nobody is: there was none, or it has ended.',
  security: [],
  response: { ...ANSWER, ...failures(429, 503) },
}
const SIGN_OUT = {
  tags: TAGS,
  summary: 'Signs out.',
  description: 'Signs out, at once and on every page of this browser. 404 where no session was shown. Role: viewer.',
  response: { 204: { description: 'Done.', type: 'null' }, ...failures(401, 403, 404, 429, 503) },
}
const CONFIRM = {
  tags: TAGS,
  summary: 'Shows the token again that the session began with.',
  description:
    'Shows the token again that the session began with: for five minutes automation may be raised by the session, and API tokens ' +
    'be made. Role: viewer.',
  body: SessionBody,
  response: { ...ANSWER, ...failures(400, 401, 403, 404, 429, 503) },
}

async function signIn(all: SessionParts, request: Asked, reply: FastifyReply): Promise<FastifyReply> {
  const { parts, doorman, sessions, events } = all
  const from = addressOf(request.raw.socket)
  const refused = (refusal: Refusal, reason: string): FastifyReply =>
    sendRefusal(doorman.refuse(refusal, { from, reason: `POST /v1/session: ${reason}` }), reply)
  const elsewhere = whyElsewhere(request.raw, true)
  if (elsewhere !== undefined) return refused(FROM_ELSEWHERE, elsewhere)
  const tooOften = doorman.boundAttempt(request.raw)
  if (tooOften !== undefined) return sendRefusal(tooOften, reply)
  const shown = await judge(all, request.body.token)
  if (typeof shown === 'string') return refused(NOT_KNOWN, shown)
  const { by, giveBack } = shown
  let begun: ReturnType<Sessions['begin']>
  try {
    const before = (await doorman.sessionOf(request.raw))?.session.digest
    begun = sessions.begin(by, before)
    if (begun !== undefined) {
      const reason = `session ${nameOf(begun.session)}, from ${from}`
      await parts.store.audit.add({ at: parts.clock.now(), what: 'signed in', from: by.name, reason })
      if (before !== undefined) {
        sessions.end(before)
        events.endSession(before)
      }
    }
  } catch (error) {
    if (begun !== undefined) sessions.end(begun.session.digest)
    giveBack()
    throw error
  }
  if (begun === undefined) {
    giveBack()
    return sendRefusal(TOO_MANY, reply)
  }
  void reply.header('set-cookie', settingCookie(request.raw, begun.secret))
  return tell(all, begun, reply)
}

/** A token as it was judged. What can be used once is taken by that, so that nobody uses it meanwhile: who is not signed in after all gives it back. */
interface Judged {
  readonly by: SignedIn
  readonly giveBack: () => void
}

/** Whom a token signs in; a reason where nobody. */
async function judge({ parts, oneTimeTokens }: SessionParts, shown: string): Promise<Judged | string> {
  const tokenDigest = digestOf(shown)
  if (isOneTime(shown)) {
    const judged = oneTimeTokens.use(shown)
    if (judged.kind === 'refused') return judged.reason
    const { token } = judged
    const by = {
      key: `one-time token ${token.id}`,
      role: token.role,
      name: `one-time token (${token.id})`,
      tokenDigest,
    }
    return { by, giveBack: () => oneTimeTokens.giveBack(token) }
  }
  const judged = await judgeApiToken(parts.store.apiTokens, shown, (parts.peopleClock ?? parts.clock).now())
  if (judged.kind === 'refused') return judged.reason
  const { id, role, name } = judged.token
  const by = { key: `token ${id}`, role, name: `token ${name} (${id})`, tokenId: id, tokenDigest }
  return { by, giveBack: () => undefined }
}

async function signOut(
  { parts, sessions, events }: SessionParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const session = callers.get(request)?.session
  if (session === undefined) return sendRefusal(UNKNOWN, reply)
  sessions.end(session.digest)
  events.endSession(session.digest)
  void reply.header('set-cookie', clearingCookie(request.raw))
  const reason = `session ${nameOf(session)}`
  await parts.store.audit.add({ at: parts.clock.now(), what: 'signed out', from: session.name, reason })
  return reply.code(204).send()
}

async function confirm(all: SessionParts, request: Asked, reply: FastifyReply): Promise<FastifyReply> {
  const { parts, doorman, sessions } = all
  const found = await doorman.sessionOf(request.raw)
  const caller = callers.get(request)
  if (found === undefined || caller?.session === undefined) return sendRefusal(UNKNOWN, reply)
  const { name } = caller
  const tooOften = doorman.boundAttempt(request.raw)
  if (tooOften !== undefined) return sendRefusal(tooOften, reply)
  const about = `session ${nameOf(found.session)}`
  if (!sessions.confirm(found.session.digest, request.body.token)) {
    const reason = `POST /v1/session/confirmation: another token was shown to ${about} of ${name}`
    return sendRefusal(doorman.refuse(ANOTHER_TOKEN, { from: addressOf(request.raw.socket), reason }), reply)
  }
  await parts.store.audit.add({ at: parts.clock.now(), what: 'session confirmed', from: name, reason: about })
  return tell(all, found, reply)
}

function tell(
  { parts, sessions }: SessionParts,
  found: { readonly session: Session; readonly secret: string } | undefined,
  reply: FastifyReply,
): FastifyReply {
  const session = found === undefined ? undefined : sessions.look(found.session.digest)
  const answer: SessionAnswer =
    found === undefined || session === undefined ? {} : { session: view(session, { found, parts, sessions }) }
  return reply.code(200).type(JSON_TYPE).send(answer)
}

function view(
  session: Session,
  about: { readonly found: { readonly secret: string }; readonly parts: ApiParts; readonly sessions: Sessions },
): SessionView {
  const { found, parts, sessions } = about
  const { name, role, beganAt, endsAt, seenAt, confirmedAt } = session
  const at = (parts.peopleClock ?? parts.clock).now()
  return {
    name: `${name} by session`,
    role,
    csrf: csrfOf(found.secret),
    at,
    beganAt,
    endsAt,
    idleMs: sessions.idleMs,
    idleEndsAt: seenAt + sessions.idleMs,
    ...(confirmedAt === undefined || !isConfirmed(session, at) ? {} : { confirmedUntil: confirmedAt + CONFIRMED_MS }),
  }
}

/** As the audit calls it: of the digest, by which nobody gets in. */
function nameOf({ digest }: Session): string {
  return digest.slice(0, NAME_DIGITS)
}
