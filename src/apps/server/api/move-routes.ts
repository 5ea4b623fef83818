/** Moves that are carried out: what is under way and what came of it, what people approve, cancel and vouch for. */
import { DoneView, MigrationsView, MoveStoryView, VouchBody } from '../views/moves.ts'
import { orderIdOf, told } from './move-reply.ts'
import { tellMove } from './move-story.ts'
import type { ApiParts } from './parts.ts'
import { replyOf, UNKNOWN, value } from './reply.ts'
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
