/** Who there is and how it fares, for operators: over HTTPS and on the command line alike. */
import { type Static, Type } from 'typebox'
import type { Identity, SiteStore } from '../../world/site-store.ts'

const Instant = Type.Number({ description: 'milliseconds since 1970' })

/** One identity, as `GET /v1/agents` and `ethos agents list --json` tell it. What is not known is left out. */
export const AgentView = Type.Object({
  vm: Type.String(),
  state: Type.Union([Type.Literal('good'), Type.Literal('quarantined'), Type.Literal('banned')]),
  joinedAt: Instant,
  heardAt: Type.Optional(Instant),
  certificateEndsAt: Type.Optional(Instant),
  via: Type.Union([Type.Literal('https'), Type.Literal('channel'), Type.Literal('host')]),
  host: Type.Optional(Type.String({ description: 'the host that relays what it tells' })),
  isClockOff: Type.Boolean(),
  vectorsKept: Type.Integer(),
  vectorsKeptApart: Type.Integer(),
  counts: Type.Record(Type.String(), Type.Integer()),
  quarantine: Type.Optional(Type.Object({ at: Instant, reason: Type.String() })),
})
export type AgentView = Static<typeof AgentView>

/** A page of them, or all. */
export const AgentsView = Type.Object({ agents: Type.Array(AgentView), next: Type.Optional(Type.String()) })

/** All of them, by name. */
export async function viewAgents(store: SiteStore): Promise<readonly AgentView[]> {
  return (await store.identities.list()).map(viewAgent)
}

/** One of them. */
export function viewAgent(identity: Identity): AgentView {
  const { vm, joinedAt, heardAt, certificateEndsAt, via, isBanned, quarantine } = identity
  return {
    vm,
    state: isBanned ? 'banned' : quarantine === undefined ? 'good' : 'quarantined',
    joinedAt,
    ...(heardAt === undefined ? {} : { heardAt }),
    ...(certificateEndsAt === undefined ? {} : { certificateEndsAt }),
    ...(typeof via === 'string' ? { via } : { via: 'host' as const, host: via.host }),
    isClockOff: identity.isClockOff,
    vectorsKept: identity.vectorsKept,
    vectorsKeptApart: identity.vectorsKeptApart,
    counts: { ...identity.counts },
    ...(quarantine === undefined ? {} : { quarantine }),
  }
}
