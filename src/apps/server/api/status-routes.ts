/** How the server is: for load balancers, for Prometheus, and for whoever holds a token. */
import type { FastifyInstance } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EpochMs } from '../../../terms/units.ts'
import { SECOND_MS } from '../../../terms/units.ts'
import { HealthView, StatusView } from '../views/site.ts'
import type { Events } from './events.ts'
import type { ApiParts } from './parts.ts'
import { viewAutomation } from './policy-routes.ts'
import { value } from './reply.ts'
import { type Route, route } from './route.ts'
import type { SiteView } from './site-view.ts'
import { stateOf } from './vm-routes.ts'

/** A store that does not answer within this time can't be read. */
const LOOK_MS = 5 * SECOND_MS
/** Anybody may ask how the server is: the store is looked at once a second at most. */
const FRESH_MS = SECOND_MS

export function statusRoutes(parts: ApiParts, site: SiteView, events: Events): readonly Route[] {
  const { store, answers, clock, pace, version } = parts
  const upSince: EpochMs = clock.now()
  return [
    route({
      method: 'GET',
      path: '/v1/status',
      access: 'viewer',
      tag: 'status',
      summary: 'How the server is, who you are to it, and what it looks after.',
      answer: StatusView,
      handle: async ({ caller }) => {
        const { at, vms, hosts } = await site.read()
        const { controller, turns, lastTurnAt } = answers.status()
        const { level, isPaused } = await viewAutomation(store)
        const counts: Record<string, number> = {}
        for (const vm of vms) counts[stateOf(vm)] = (counts[stateOf(vm)] ?? 0) + 1
        return value({
          version,
          asOf: at,
          ...(pace === undefined ? {} : { clockSpeed: pace.speed }),
          upSince,
          you: { name: caller.name, role: caller.role },
          store: store.name,
          controller,
          automation: { level, isPaused },
          turns,
          ...(lastTurnAt === undefined ? {} : { lastTurnAt }),
          vms: counts,
          hosts: hosts.length,
          streams: events.count,
          degraded: degradedReasons(parts),
        })
      },
    }),
  ]
}

/** `/healthz` for everybody: 200 as long as the store can be read, whatever else is wrong. */
export function addHealth(app: FastifyInstance, parts: ApiParts): void {
  const look = new StoreLook(parts)
  app.get(
    '/healthz',
    {
      config: { access: 'open' },
      schema: {
        tags: ['status'],
        summary: 'Whether it is well. 503 only where the store can not be read. Open to everybody.',
        security: [],
        response: { 200: HealthView, 503: HealthView },
      },
    },
    async (_request, reply) => {
      const isRead = await look.isReadable()
      const reasons = [...(isRead ? [] : ['The store can not be read.']), ...degradedReasons(parts)]
      return reply.code(isRead ? 200 : 503).send({ status: reasons.length === 0 ? 'ok' : 'degraded', reasons })
    },
  )
}

/** What is told to Prometheus, by a token of its own or to everybody. */
export function addMetrics(app: FastifyInstance, { metrics, areMetricsOpen = false }: ApiParts): void {
  app.get(
    '/metrics',
    {
      config: { access: areMetricsOpen ? 'open' : 'viewer' },
      schema: {
        tags: ['status'],
        summary: 'Numbers for Prometheus.',
        description: `Numbers for Prometheus. Role: ${areMetricsOpen ? 'open' : 'viewer'}.`,
        produces: ['text/plain'],
      },
    },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
}

export function degradedReasons({ answers, trouble }: Pick<ApiParts, 'answers' | 'trouble'>): string[] {
  return [...new Set([...trouble.list(), ...answers.status().degraded])]
}

class StoreLook {
  private readonly parts: Pick<ApiParts, 'store' | 'clock'>
  private looking: Promise<boolean> | undefined
  private lookedAt = -Infinity

  constructor(parts: Pick<ApiParts, 'store' | 'clock'>) {
    this.parts = parts
  }

  isReadable(): Promise<boolean> {
    const now = performance.now()
    if (this.looking === undefined || now - this.lookedAt >= FRESH_MS) {
      this.lookedAt = now
      this.looking = this.look()
    }
    return this.looking
  }

  private async look(): Promise<boolean> {
    const cut = new AbortController()
    const late = sleep(LOOK_MS, false, { ref: false, signal: cut.signal }).catch(() => false)
    const read = this.parts.store.upkeep.schemaVersion().then(
      () => true,
      () => false,
    )
    return Promise.race([read, late]).finally(() => cut.abort())
  }
}
