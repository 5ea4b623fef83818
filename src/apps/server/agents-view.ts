/** Who there is and how it fares, for operators: over HTTPS and on the command line alike. */
import { type Static, Type } from 'typebox'
import type { AgentRow, AgentStore } from '../../drivers/sqlite/agent-store.ts'

const Instant = Type.Number({ description: 'milliseconds since 1970' })

/** One identity, as `GET /v1/agents` and `ethos agents list --json` tell it. What is not known is left out. */
export const AgentView = Type.Object({
  vm: Type.String(),
  state: Type.Union([Type.Literal('good'), Type.Literal('quarantined'), Type.Literal('banned')]),
  joinedAt: Instant,
  heardAt: Type.Optional(Instant),
  certificateEndsAt: Type.Optional(Instant),
  via: Type.Union([Type.Literal('https'), Type.Literal('channel')]),
  isClockOff: Type.Boolean(),
  vectorsKept: Type.Integer(),
  vectorsKeptApart: Type.Integer(),
  counts: Type.Record(Type.String(), Type.Integer()),
  quarantine: Type.Optional(Type.Object({ at: Instant, reason: Type.String() })),
})
export type AgentView = Static<typeof AgentView>

export const AgentsView = Type.Object({ agents: Type.Array(AgentView) })

/** All of them, by name. */
export function viewAgents(store: AgentStore): readonly AgentView[] {
  const counts = store.counts()
  return store.agents().map((agent) => viewAgent(store, agent, counts.get(agent.vm) ?? {}))
}

function viewAgent(store: AgentStore, agent: AgentRow, counts: Readonly<Record<string, number>>): AgentView {
  const { vm, banned, quarantine, quarantinedAt, heardAt, certificateEndsAt } = agent
  return {
    vm,
    state: banned !== 0 ? 'banned' : quarantine === null ? 'good' : 'quarantined',
    joinedAt: agent.joinedAt,
    ...(heardAt === null ? {} : { heardAt }),
    ...(certificateEndsAt === null ? {} : { certificateEndsAt }),
    via: agent.viaChannel === 1 ? 'channel' : 'https',
    isClockOff: agent.isSkewed === 1,
    vectorsKept: agent.kept,
    vectorsKeptApart: quarantine === null ? 0 : store.vectors.countApart(vm),
    counts: { ...counts },
    ...(quarantine === null ? {} : { quarantine: { at: quarantinedAt ?? 0, reason: quarantine } }),
  }
}
