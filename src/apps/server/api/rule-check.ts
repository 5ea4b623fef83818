/** A rule that people set is held against those that there are, before it counts (reliability test 45). */
import { ReportedHypervisor } from '../../../drivers/reported/reported-hypervisor.ts'
import type { Inventory } from '../../../terms/cluster.ts'
import { findConflicts, newConflicts } from '../../../engine/rule-conflicts.ts'
import type { Policy } from '../../../terms/policy.ts'
import { HypervisorError } from '../../../world/errors.ts'
import { readSettings } from '../site-settings.ts'
import type { ConflictView } from '../views/preview.ts'
import { asWished, type Wishes } from '../wished-hypervisor.ts'
import type { ApiParts } from './parts.ts'
import { conflict, type Refusal } from './reply.ts'

/** Conflicts told in one refusal. */
const TOLD_MAX = 3

/** Why these wishes can't all be kept on what hosts report now, where those of before could; undefined: nothing speaks against them. Wishes that are left
 *  out stay as they are. */
export async function contradiction(
  { store, clock }: Pick<ApiParts, 'store' | 'clock'>,
  wished: Partial<Wishes>,
): Promise<Refusal | undefined> {
  const settings = await readSettings(store)
  const seen = await inventoryOf(store, clock)
  if (seen instanceof HypervisorError) return unchecked(seen)
  const conflictsOf = (wishes: Wishes): ReturnType<typeof findConflicts> =>
    findConflicts(asWished(seen, wishes), settings.policy)
  const { optOuts, maintenances } = settings
  const found = newConflicts(
    conflictsOf({ optOuts, maintenances }),
    conflictsOf({ optOuts: wished.optOuts ?? optOuts, maintenances: wished.maintenances ?? maintenances }),
  )
  if (found.length === 0) return undefined
  const told = found.slice(0, TOLD_MAX).map(({ text }) => text)
  const more = found.length > TOLD_MAX ? ` And ${found.length - TOLD_MAX} more like these.` : ''
  const message = `That contradicts what is set already. ${told.join(' ')}${more}`
  return conflict(message, `${found[0].remedy} Where it is meant all the same, ask with \`isForced\`.`)
}

/** Conflicts there would be under a policy, with those that stand already; a sentence where they can't be looked for. */
export async function conflictsUnder(
  { store, clock }: Pick<ApiParts, 'store' | 'clock'>,
  policy: Policy,
): Promise<readonly ConflictView[] | string> {
  const { optOuts, maintenances, policy: standing } = await readSettings(store)
  const seen = await inventoryOf(store, clock)
  if (seen instanceof HypervisorError) return seen.message
  const site = asWished(seen, { optOuts, maintenances })
  const after = findConflicts(site, policy)
  const fresh = new Set(newConflicts(findConflicts(site, standing), after).map(({ key }) => key))
  return after.map(({ key, text, remedy }) => ({ text, remedy, isNew: fresh.has(key) }))
}

async function inventoryOf(store: ApiParts['store'], clock: ApiParts['clock']): Promise<Inventory | HypervisorError> {
  try {
    return await new ReportedHypervisor(store, clock).inventory()
  } catch (error) {
    if (error instanceof HypervisorError) return error
    throw error
  }
}

function unchecked({ message }: HypervisorError): Refusal {
  return {
    kind: 'refused',
    status: 503,
    code: 'unavailable',
    message: `Whether that can be kept beside the rules there are can't be told: ${message}`,
    remedy: 'Ask again soon. Does GET /healthz say what is wrong? Where it can not wait, ask with `isForced`.',
  }
}
