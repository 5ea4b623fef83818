/** The ledger: promised against realised, what was not done, and how far forecasts may be trusted. */
import { LedgerDesk } from '../ledger/ledger-desk.ts'
import { LEDGER_QUERY, LEDGER_STAYS_QUERY, LedgerMovesView, LedgerStaysView, LedgerView } from '../views/ledger.ts'
import type { ApiParts } from './parts.ts'
import { value } from './reply.ts'
import { type Route, route } from './route.ts'

export function ledgerRoutes({ store, clock, answers }: ApiParts): readonly Route[] {
  const desk = new LedgerDesk({ store, clock, moves: answers.moves })
  const base = { method: 'GET', access: 'viewer', tag: 'ledger' } as const
  return [
    route({
      ...base,
      path: '/v1/ledger',
      summary: 'Sums of a day and of a week: gain, cost, regret, what was not done, coverage of forecasts, trust.',
      answer: LedgerView,
      handle: async () => value(await desk.summary()),
    }),
    route({
      ...base,
      path: '/v1/ledger/moves',
      summary: 'Each move of the last week, newest first: promised against realised, and its regret.',
      query: LEDGER_QUERY,
      answer: LedgerMovesView,
      handle: async ({ query }) => value(await desk.movesPage(query)),
    }),
    route({
      ...base,
      path: '/v1/ledger/stays',
      summary: 'What was not done in the last week, newest first, by VM, host and reason, and whether that was right.',
      query: LEDGER_STAYS_QUERY,
      answer: LedgerStaysView,
      handle: async ({ query }) => value(await desk.staysPage(query)),
    }),
  ]
}
