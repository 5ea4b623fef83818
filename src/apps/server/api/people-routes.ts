/** Who may do what: API tokens, join tokens, identities that report; and the audit of it all. */
import type { ApiToken } from '../../../terms/access.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { MINUTE_MS } from '../../../terms/units.ts'
import type { JoinToken } from '../../../world/site-store.ts'
import { PAGE_QUERY, pageOf } from '../views/common.ts'
import {
  AUDIT_QUERY,
  AuditView,
  EnrolmentBody,
  EnrolmentsView,
  EnrolmentView,
  NewTokenView,
  TokenBody,
  TokensView,
  type TokenView,
} from '../views/site.ts'
import { AgentsView as AgentsPage, viewAgent } from '../agents-view.ts'
import { createToken } from '../join-token.ts'
import { isGood, makeApiToken } from './api-token.ts'
import { whyUnconfirmed } from './confirmed.ts'
import type { ApiParts } from './parts.ts'
import { conflict, DONE, invalid, UNKNOWN, value } from './reply.ts'
import { type Ask, type Route, route } from './route.ts'
import type { SiteView } from './site-view.ts'

export function peopleRoutes(parts: ApiParts, site: SiteView): readonly Route[] {
  return [...auditRoutes(parts), ...tokenRoutes(parts), ...enrolmentRoutes(parts), ...agentRoutes(parts, site)]
}

function auditRoutes({ store }: ApiParts): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/audit',
      access: 'operator',
      tag: 'access',
      summary: 'What was refused, and what somebody did: the newest, and by `before` those before.',
      query: AUDIT_QUERY,
      answer: AuditView,
      handle: async ({ query: { limit = 100, before } }) => {
        // One more than was asked for tells whether there are more.
        const found = await store.audit.last(limit + 1, before)
        const records = found.slice(-limit)
        return value({ records, ...(found.length > limit ? { next: records[0].number } : {}) })
      },
    }),
  ]
}

/** Tokens live by the clock of people, and what is on record of them by the site's. */
function tokenRoutes(parts: ApiParts): readonly Route[] {
  const { store, clock, peopleClock = clock } = parts
  const base = { access: 'admin', tag: 'access' } as const
  return [
    route({
      ...base,
      method: 'GET',
      path: '/v1/tokens',
      summary: 'API tokens, by the time of their making. Never their secrets.',
      answer: TokensView,
      handle: async () => {
        const now = peopleClock.now()
        return value({ tokens: (await store.apiTokens.list()).map((token) => viewToken(token, now)) })
      },
    }),
    route({
      ...base,
      method: 'POST',
      path: '/v1/tokens',
      summary: 'Makes an API token. The answer is the only place where it is told.',
      description:
        'Makes an API token. The answer is the only place where it is told. By session it needs the token shown again: POST /v1/session/confirmation.',
      body: TokenBody,
      status: 201,
      answer: NewTokenView,
      handle: async ({ body, caller }) => {
        const unconfirmed = whyUnconfirmed(parts, caller)
        if (unconfirmed !== undefined) return unconfirmed
        const at = peopleClock.now()
        const { name, role, expiresAt } = body
        if (expiresAt !== undefined && expiresAt <= at)
          return invalid(`expiresAt (${expiresAt}) lies in the past.`, 'Expected milliseconds since 1970.')
        const { text, token } = makeApiToken({ name, role, at, ...(expiresAt === undefined ? {} : { expiresAt }) })
        await store.apiTokens.add(token)
        const reason = `token ${token.id} for ${name}, role ${role}`
        await store.audit.add({ at: clock.now(), what: 'token created', from: caller.name, reason })
        return value({ ...viewToken(token, at), token: text }, { status: 201 })
      },
    }),
    route({
      ...base,
      method: 'DELETE',
      path: '/v1/tokens/:id',
      summary: 'Revokes an API token, at once.',
      handle: async ({ id, caller }) => {
        const at = peopleClock.now()
        if (!(await store.apiTokens.revoke(id, at))) return UNKNOWN
        await store.audit.add({ at: clock.now(), what: 'token revoked', from: caller.name, reason: `token ${id}` })
        return DONE
      },
    }),
  ]
}

function enrolmentRoutes({ store, clock, pin }: ApiParts): readonly Route[] {
  const base = { access: 'operator', tag: 'access' } as const
  return [
    route({
      ...base,
      method: 'GET',
      path: '/v1/enrolments',
      summary: 'Join tokens that are there, by the time of their end. Never their secrets.',
      answer: EnrolmentsView,
      handle: async () => value({ enrolments: (await store.joinTokens.list()).map(viewEnrolment) }),
    }),
    route({
      ...base,
      method: 'POST',
      path: '/v1/enrolments',
      summary: 'Makes a one-time join token for a VM, or for a host that reports.',
      body: EnrolmentBody,
      status: 201,
      answer: EnrolmentView,
      handle: async ({ body, caller }) => {
        const { vm, host, minutes = 10 } = body
        if ((vm === undefined) === (host === undefined))
          return invalid('Either `vm` or `host` is needed, and not both.', 'A token lets in one VM, or one host.')
        const at = clock.now()
        const bearer = vm === undefined ? { host: parseHostId(host, 'host') } : { vm: parseVmId(vm, 'vm') }
        const identity = 'vm' in bearer ? await store.identities.find(bearer.vm) : undefined
        if (identity?.isBanned === true)
          return conflict('The VM is banned.', 'Release it first: POST /v1/agents/{vm}/release.')
        const forMs = minutes * MINUTE_MS
        const token = await createToken(store, { for: bearer, at, forMs, pin: pin() })
        const id = token.split('.')[1] ?? ''
        const reason = `join token ${id}, good for ${minutes} min`
        await store.audit.add({ at, what: 'join token created', about: vm ?? host ?? '', from: caller.name, reason })
        return value({ id, ...bearer, expiresAt: at + forMs, token }, { status: 201 })
      },
    }),
    route({
      ...base,
      method: 'DELETE',
      path: '/v1/enrolments/:id',
      summary: 'Revokes a join token that nobody used.',
      handle: async ({ id, caller }) => {
        if (!(await store.joinTokens.revoke(id))) return UNKNOWN
        const reason = `join token ${id}`
        await store.audit.add({ at: clock.now(), what: 'join token revoked', from: caller.name, reason })
        return DONE
      },
    }),
  ]
}

function agentRoutes({ store, clock }: ApiParts, site: SiteView): readonly Route[] {
  const act = (verb: 'ban' | 'release') => async (ask: Ask) => {
    const { vm, caller } = ask
    const at = clock.now()
    if (verb === 'ban') await store.identities.ban(vm, at)
    else if ((await store.identities.find(vm)) === undefined) return UNKNOWN
    else await store.identities.release(vm)
    const what = verb === 'ban' ? 'banned' : 'released'
    await store.audit.add({ at, what, about: vm, from: caller.name, reason: 'asked over the API' })
    site.forget()
    return DONE
  }
  const base = { access: 'operator', tag: 'access' } as const
  return [
    route({
      ...base,
      method: 'GET',
      path: '/v1/agents',
      summary: 'Identities that report, by name: how each fares, and what was counted of it.',
      query: PAGE_QUERY,
      answer: AgentsPage,
      handle: async ({ query }) => {
        const { items, next } = pageOf(await store.identities.list(), ({ vm }) => vm, { limit: 1000, ...query })
        return value({ agents: items.map(viewAgent), ...(next === undefined ? {} : { next }) })
      },
    }),
    route({
      ...base,
      method: 'POST',
      path: '/v1/agents/:vm/ban',
      summary: 'Shuts a VM out, whether it has joined or not.',
      handle: act('ban'),
    }),
    route({
      ...base,
      method: 'POST',
      path: '/v1/agents/:vm/release',
      summary: 'Ends quarantine and ban. Who is heard first is then the current sender.',
      handle: act('release'),
    }),
  ]
}

function viewToken(token: ApiToken, now: number): TokenView {
  const { secretDigest: _, ...rest } = token
  const state = token.revokedAt !== undefined ? 'revoked' : isGood(token, now) ? 'good' : 'ended'
  return { ...rest, state }
}

function viewEnrolment({ id, for: bearer, expiresAt, usedAt }: JoinToken) {
  return { id, ...bearer, expiresAt, ...(usedAt === undefined ? {} : { usedAt }) }
}
