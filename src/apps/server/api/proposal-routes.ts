/** What people say to proposals: no, or not yet; and that they take it back. Asked twice it is one word, and who was first stands. */
import type { Static } from 'typebox'
import { type ObjectionKind, POSTPONED_MS_MAX } from '../objections.ts'
import { DoneView } from '../views/moves.ts'
import { ObjectionDoneView, PostponementBody, RejectionBody } from '../views/proposals.ts'
import type { Caller } from './doorman.ts'
import { orderIdOf, told } from './move-reply.ts'
import type { ApiParts } from './parts.ts'
import { invalid, type Reply, UNKNOWN } from './reply.ts'
import { type Route, route } from './route.ts'

const TAG = 'moves'

export function proposalRoutes(parts: ApiParts): readonly Route[] {
  const base = { access: 'operator', tag: TAG } as const
  const rejection = { ...base, path: '/v1/proposals/:id/rejection' } as const
  const postponement = { ...base, path: '/v1/proposals/:id/postponement' } as const
  return [
    route({
      ...rejection,
      method: 'POST',
      summary: 'Says no to a proposal: the policy leaves its VM where it is for a day, at every level.',
      description: 'Said twice by the same person it is said once. 409 with what stands where somebody else was first.',
      body: RejectionBody,
      answer: ObjectionDoneView,
      handle: ({ id, body, caller }) => object(parts, { id, kind: 'rejected', caller, because: body.reason }),
    }),
    route({
      ...rejection,
      method: 'DELETE',
      summary: 'Takes a no back: the proposal stands again while it is good, and the policy may move the VM.',
      answer: DoneView,
      handle: ({ id, caller }) => lift(parts, { id, kind: 'rejected', caller }),
    }),
    route({
      ...postponement,
      method: 'POST',
      summary:
        'Says not yet: the policy leaves the VM where it is until then, and the move is proposed again if it is still right.',
      description: 'Said twice by the same person it is said once. 409 with what stands where somebody else was first.',
      body: PostponementBody,
      answer: ObjectionDoneView,
      handle: ({ id, body, caller }) => postpone(parts, { id, body, caller }),
    }),
    route({
      ...postponement,
      method: 'DELETE',
      summary: 'Takes it back: the proposal stands again while it is good.',
      answer: DoneView,
      handle: ({ id, caller }) => lift(parts, { id, kind: 'postponed', caller }),
    }),
  ]
}

interface Said {
  readonly id: string
  readonly kind: ObjectionKind
  readonly caller: Caller
}

async function postpone(
  parts: ApiParts,
  about: { readonly id: string; readonly body: Static<typeof PostponementBody>; readonly caller: Caller },
): Promise<Reply> {
  const { id, body, caller } = about
  const { until, reason: because } = body
  const now = parts.clock.now()
  if (until <= now) return invalid(`until is ${until}, and it is ${now} already.`, 'Name an instant that is ahead.')
  if (until > now + POSTPONED_MS_MAX)
    return invalid(`until is ${until}: further than seven days ahead.`, 'Reject it, or opt the VM out.')
  return object(parts, { id, kind: 'postponed', caller, until, ...(because === undefined ? {} : { because }) })
}

async function object(
  parts: ApiParts,
  { id, kind, caller, ...rest }: Said & { readonly until?: number; readonly because?: string },
): Promise<Reply> {
  const orderId = orderIdOf(id)
  if (orderId === undefined) return UNKNOWN
  const result = await parts.answers.moves.object({ kind, orderId, who: caller.person, ...rest })
  return told(parts, result, { what: `move ${kind}`, about: id, caller, standsAs: 'objection' })
}

async function lift(parts: ApiParts, { id, kind, caller }: Said): Promise<Reply> {
  const orderId = orderIdOf(id)
  if (orderId === undefined) return UNKNOWN
  const result = await parts.answers.moves.lift({ kind, orderId, who: caller.person })
  return told(parts, result, { what: 'objection taken back', about: id, caller })
}
