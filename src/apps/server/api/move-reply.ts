/** What routes about moves have in common: ids of orders, and what a controller answers. */
import { parseOrderId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import type { AskResult } from '../controller-messages.ts'
import type { Caller } from './doorman.ts'
import type { ApiParts } from './parts.ts'
import { conflict, type Reply, replyOf, UNKNOWN, value } from './reply.ts'

/** Undefined: it can't be one. */
export function orderIdOf(text: string) {
  try {
    return parseOrderId(text)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

/** A controller's answer, and the audit of what was done. */
export async function told(
  { store, clock }: ApiParts,
  result: AskResult | undefined,
  {
    what,
    about,
    caller,
    standsAs,
  }: {
    readonly what: string
    readonly about: string
    readonly caller: Caller
    /** What stands now is told under this name. */
    readonly standsAs?: string
  },
): Promise<Reply> {
  if (result === undefined)
    return replyOf({
      kind: 'unavailable',
      reason: 'The controller did not answer, so it is not known whether it was done.',
      remedy: 'GET /v1/migrations tells what is under way. To ask again does nothing twice.',
    })
  if (result.kind === 'unknown') return UNKNOWN
  if (result.kind === 'refused')
    return conflict(
      result.reason,
      'It was not done. GET /v1/migrations, or `ethos moves`, has what stands now.',
      result.stands,
    )
  await store.audit.add({ at: clock.now(), what, about, from: caller.name, reason: result.text })
  const stands = standsAs === undefined || result.stands === undefined ? {} : { [standsAs]: result.stands }
  return value({ text: result.text, ...stands })
}
