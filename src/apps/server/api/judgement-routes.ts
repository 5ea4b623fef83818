/** What the judgement says of the site as a whole. Its answers go out as they come. */
import { AlertsView, ContentionsView, ForecastsView, PlacementsView } from '../views/judgement.ts'
import { PlanView } from '../views/plan.ts'
import { PlacementBody } from '../views/site.ts'
import { OutlookView } from '../views/outlook.ts'
import type { ApiParts } from './parts.ts'
import { replyOf } from './reply.ts'
import { type Route, route } from './route.ts'

export function judgementRoutes({ answers }: ApiParts): readonly Route[] {
  const base = { method: 'GET', access: 'viewer', tag: 'judgement' } as const
  return [
    route({
      method: 'POST',
      path: '/v1/placements',
      access: 'viewer',
      tag: 'judgement',
      summary: 'Where VMs to come would go: given sizes, or like one that is there, or a group at once.',
      body: PlacementBody,
      answer: PlacementsView,
      handle: async ({ body }) => replyOf(await answers.place(body)),
    }),
    route({
      ...base,
      path: '/v1/forecasts',
      summary: 'Demand of hosts ahead, as quantiles.',
      answer: ForecastsView,
      handle: async () => replyOf(await answers.forecasts()),
    }),
    route({
      ...base,
      path: '/v1/contention',
      summary: 'Where contention is coming, and when.',
      answer: ContentionsView,
      handle: async () => replyOf(await answers.contention()),
    }),
    route({
      ...base,
      path: '/v1/outlook',
      summary:
        'Every host now and next: what it uses and what is promised there, its demand ahead with its band, and contention.',
      answer: OutlookView,
      handle: async () => replyOf(await answers.outlook()),
    }),
    route({
      ...base,
      path: '/v1/plans/latest',
      summary: 'The last turn: moves, and why not.',
      answer: PlanView,
      handle: async () => replyOf(await answers.plan()),
    }),
    route({
      ...base,
      path: '/v1/alerts',
      summary: 'What needs somebody: no suitable host, with what would help.',
      answer: AlertsView,
      handle: async () => replyOf(await answers.alerts()),
    }),
  ]
}
