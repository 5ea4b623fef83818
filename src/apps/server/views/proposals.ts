/** Requests and answers about what people say to proposals: no, or not yet. */
import { type Static, Type } from 'typebox'
import { MOVE_CLASSES } from '../../../terms/move.ts'
import { OBJECTIONS } from '../objections.ts'
import { Instant, INSTANT_MAX } from './common.ts'

const Reason = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\p{Cc}]*$', description: 'for people' })

export const RejectionBody = Type.Object({ reason: Reason }, { additionalProperties: false })
export const PostponementBody = Type.Object(
  {
    until: Type.Integer({
      minimum: 0,
      maximum: INSTANT_MAX,
      description: 'milliseconds since 1970: from now on, and within seven days',
    }),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
)

/** A person's no, or not yet, to a proposal: until it ends the policy leaves the VM where it is. */
export const ObjectionView = Type.Object({
  id: Type.String({ description: 'of the proposal' }),
  vm: Type.String(),
  from: Type.String(),
  to: Type.String(),
  class: Type.Enum(MOVE_CLASSES),
  reason: Type.String({ description: 'why the move was proposed' }),
  what: Type.Enum(OBJECTIONS),
  who: Type.String(),
  at: Instant,
  until: Type.Number({ description: 'when it ends by itself, in milliseconds since 1970' }),
  because: Type.Optional(Type.String({ description: 'the reason that the person gave' })),
})
export type ObjectionView = Static<typeof ObjectionView>

export const ObjectionDoneView = Type.Object({ text: Type.String(), objection: Type.Optional(ObjectionView) })
export type ObjectionDoneView = Static<typeof ObjectionDoneView>
