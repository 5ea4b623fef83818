/** Requests and answers of a browser that signs in: see docs/api.md, "From a browser". */
import { type Static, Type } from 'typebox'
import { ROLES } from '../../../terms/access.ts'
import { Instant } from './common.ts'

/** Longest token that is read: an API token has 66 characters, a one-time token 65. */
const TOKEN_LENGTH_MAX = 200

/** Body of `POST /v1/session` and of `POST /v1/session/confirmation`. */
export const SessionBody = Type.Object(
  {
    token: Type.String({
      maxLength: TOKEN_LENGTH_MAX,
      description: 'an API token, or a one-time token as it stands in a printed address behind `#token=`',
    }),
  },
  { additionalProperties: false },
)
export type SessionBody = Static<typeof SessionBody>

/** A browser that is signed in. */
export const SessionView = Type.Object({
  name: Type.String({ description: 'who you are, for people: `token ops (0123456789abcdef) by session`' }),
  role: Type.Enum(ROLES),
  csrf: Type.String({
    description:
      'to be sent as the header `x-ethos-csrf` with every request that is neither GET nor HEAD; kept in memory only',
  }),
  at: Type.Number({
    description: 'when this was answered, by the clock that sessions end by: milliseconds since 1970',
  }),
  beganAt: Instant,
  endsAt: Type.Number({ description: 'when it ends whatever happens: milliseconds since 1970' }),
  idleMs: Type.Number({ description: 'how long it lasts while nothing is asked, in milliseconds' }),
  idleEndsAt: Type.Number({ description: 'when it ends if nothing more is asked: milliseconds since 1970' }),
  confirmedUntil: Type.Optional(
    Type.Number({
      description:
        'until when automation may be raised and API tokens be made, in milliseconds since 1970; absent: the token was not shown again lately',
    }),
  ),
})
export type SessionView = Static<typeof SessionView>

/** Answer of `GET`, `POST /v1/session` and of `POST /v1/session/confirmation`. */
export const SessionAnswer = Type.Object({
  session: Type.Optional(SessionView),
})
export type SessionAnswer = Static<typeof SessionAnswer>
