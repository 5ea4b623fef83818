import { Type } from 'typebox'

/** How every refusal of the API looks. */
export const Failure = Type.Object(
  {
    error: Type.Object({
      code: Type.String({
        description:
          'invalid, unauthorised, forbidden, unconfirmed, unknown, conflict, too-large, too-many, unavailable, not-kept, corrupt or internal',
      }),
      message: Type.String({ description: 'what happened' }),
      remedy: Type.String({ description: 'what most likely helps' }),
    }),
    current: Type.Optional(Type.Unknown({ description: 'what stands there now, where something else was expected' })),
  },
  { description: 'Refused.' },
)
