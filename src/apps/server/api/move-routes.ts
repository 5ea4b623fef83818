/** Moves that are carried out: what is under way and what came of it, what people approve, cancel and vouch for. */
import { ParseError } from '../../../terms/parse.ts'
import { parseOrderId } from '../../../terms/ids.ts'
import type { AskResult } from '../controller-messages.ts'
import { DoneView, MigrationsView, MoveStoryView, VouchBody } from '../views/moves.ts'
import type { Caller } from './doorman.ts'
import { tellMove } from './move-story.ts'
import type { ApiParts } from './parts.ts'
import { conflict, type Reply, replyOf, UNKNOWN, value } from './reply.ts'
import { type Route, route } from './route.ts'

const TAG = 'moves'

export function moveRoutes(parts: ApiParts): readonly Route[] {
  return [...lookRoutes(parts), ...askRoutes(parts)]
}

function lookRoutes(parts: ApiParts): readonly Route[] {
  const { answers } = parts
  return [
    route({
      method: 'GET',
      path: '/v1/migrations',
      access: 'viewer',
      tag: TAG,
      summary: 'Moves under way and ended, each with its promise beside what came; proposals; hosts that are emptied.',
      answer: MigrationsView,
      handle: () => replyOf(answers.moves.list()),
    }),
    route({
      method: 'GET',
      path: '/v1/migrations/:id',
      access: 'viewer',
      tag: TAG,
      summary:
        'One move as the journal tells of it: cause, what else there was, bounds, budgets, promise, each step, and what came.',
      answer: MoveStoryView,
      handle: async ({ id }) => {
        const story = orderIdOf(id) === undefined ? undefined : await tellMove(parts.store.journal, id)
        return story === undefined ? UNKNOWN : value(story)
      },
    }),
  ]
}

function askRoutes(parts: ApiParts): readonly Route[] {
  const { answers } = parts
  return [
    route({
      method: 'POST',
      path: '/v1/proposals/:id/approval',
      access: 'operator',
      tag: TAG,
      summary: 'Carries a proposal out, if it is still right: it is judged anew, and both hosts are asked.',
      description: 'Needs the level `partial` or `full`. Asked twice, it is carried out once.',
      answer: DoneView,
      handle: async ({ id, caller }) => {
        const orderId = orderIdOf(id)
        if (orderId === undefined) return UNKNOWN
        const result = await answers.moves.approve(orderId, caller.name)
        return told(parts, result, { what: 'move approved', about: id, caller })
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/vms/:vm/migration',
      access: 'operator',
      tag: TAG,
      summary: 'Asks that a migration under way end where it began. Possible at any level, paused or not.',
      answer: DoneView,
      handle: async ({ vm, caller }) => {
        const result = await answers.moves.cancel(vm, caller.name)
        return told(parts, result, { what: 'move cancelled', about: vm, caller })
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/hosts/:host/vouch',
      access: 'admin',
      tag: TAG,
      summary:
        'Says that a host which does not answer is off for good: for moves that wait for it, nothing runs there.',
      body: VouchBody,
      answer: DoneView,
      handle: async ({ host, caller }) => {
        const result = await answers.moves.vouch(host, caller.name)
        return told(parts, result, { what: 'host vouched off', about: host, caller })
      },
    }),
  ]
}

function orderIdOf(text: string) {
  try {
    return parseOrderId(text)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

async function told(
  { store, clock }: ApiParts,
  result: AskResult | undefined,
  { what, about, caller }: { readonly what: string; readonly about: string; readonly caller: Caller },
): Promise<Reply> {
  if (result === undefined)
    return replyOf({
      kind: 'unavailable',
      reason: 'The controller did not answer, so it is not known whether it was done.',
      remedy: 'GET /v1/migrations tells what is under way. To ask again does nothing twice.',
    })
  if (result.kind === 'unknown') return UNKNOWN
  if (result.kind === 'refused')
    return conflict(result.reason, 'It was not done. GET /v1/migrations, or `ethos moves`, has what stands now.')
  await store.audit.add({ at: clock.now(), what, about, from: caller.name, reason: result.text })
  return value({ text: result.text })
}
