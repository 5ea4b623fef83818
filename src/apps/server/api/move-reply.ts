/** What routes about moves have in common: ids of orders, and what a controller answers. */
import { parseOrderId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import type { SiteStore } from '../../../world/site-store.ts'
import type { AskResult } from '../controller-messages.ts'
import type { Caller } from './doorman.ts'
import type { ApiParts } from './parts.ts'
import { conflict, type Reply, replyOf, UNKNOWN, value } from './reply.ts'

/** So far back in the audit what was said before is looked for. */
const AUDITED_MOST = 1000

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
  const { text, stands, isRepeated = false } = result
  if (!isRepeated || !(await isAudited(store, { what, about, since: stands })))
    await store.audit.add({ at: clock.now(), what, about, from: caller.name, reason: text })
  return value({ text, ...(standsAs === undefined || stands === undefined ? {} : { [standsAs]: stands }) })
}

/** What is said again is not audited again; but where the first answer was lost, or the audit failed, nobody has written it down yet. */
async function isAudited(
  { audit }: Pick<SiteStore, 'audit'>,
  { what, about, since }: { readonly what: string; readonly about: string; readonly since: object | undefined },
): Promise<boolean> {
  const from = since !== undefined && 'at' in since && typeof since.at === 'number' ? since.at : -Infinity
  const last = await audit.last(AUDITED_MOST)
  return last.some((record) => record.what === what && record.about === about && record.at >= from)
}
