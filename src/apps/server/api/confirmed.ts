/** What a session may do only for whoever has just shown the token again: a browser that was left open, or a page that was made to do another's will, is not
 *  enough to have VMs moved, nor to make a token that would be. */
import type { Caller } from './doorman.ts'
import type { ApiParts } from './parts.ts'
import type { Refusal } from './reply.ts'
import { isConfirmed } from './sessions.ts'

/** Why a caller has to show its token first; undefined: it has, or shows it with every request anyway. */
export function whyUnconfirmed(
  { clock, peopleClock = clock }: Pick<ApiParts, 'clock' | 'peopleClock'>,
  { session }: Pick<Caller, 'session'>,
): Refusal | undefined {
  if (session === undefined || isConfirmed(session, peopleClock.now())) return undefined
  return {
    kind: 'refused',
    status: 403,
    code: 'unconfirmed',
    message: 'A session may do this only within five minutes after its token was shown again.',
    remedy: 'Show the token that you signed in with: POST /v1/session/confirmation. Then ask again.',
  }
}
