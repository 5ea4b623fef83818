/** Rules held against each other on what hosts report now. It takes a look at every host and VM: the ranker's thread does it, and no other request waits. */
import { ReportedHypervisor } from '../../drivers/reported/reported-hypervisor.ts'
import { findConflicts, newConflicts, type RuleConflict } from '../../engine/rule-conflicts.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Clock } from '../../world/clock.ts'
import { HypervisorError } from '../../world/errors.ts'
import type { SiteStore } from '../../world/site-store.ts'
import type { RulesQuestion } from './ranker-questions.ts'
import type { Answer } from './site-answers.ts'
import type { ConflictView } from './views/preview.ts'
import { asWished, type Wishes } from './wished-hypervisor.ts'

/** All that is set which hosts and VMs can be held against. */
export interface Rules extends Wishes {
  readonly policy: Policy
}

/** Conflicts under what is wished, each told apart from those that stand already; a list of `ConflictView` as JSON. */
export async function answerConflicts(
  { store, clock }: { readonly store: SiteStore; readonly clock: Pick<Clock, 'now'> },
  { standing, wished }: RulesQuestion,
): Promise<Answer> {
  try {
    const seen = await new ReportedHypervisor(store, clock).inventory()
    const under = (rules: Rules): readonly RuleConflict[] => findConflicts(asWished(seen, rules), rules.policy)
    return { kind: 'json', text: JSON.stringify(conflictViews(under(standing), under(wished))) }
  } catch (error) {
    if (!(error instanceof HypervisorError)) throw error
    return { kind: 'unavailable', reason: error.message }
  }
}

export function conflictViews(
  before: readonly RuleConflict[],
  after: readonly RuleConflict[],
): readonly ConflictView[] {
  const fresh = new Set(newConflicts(before, after).map(({ key }) => key))
  return after.map(({ key, text, remedy }) => ({ text, remedy, isNew: fresh.has(key) }))
}
