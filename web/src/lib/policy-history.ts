/** Policies that stood before, each with what it changed. */
import type { PolicyView } from '../../../src/apps/server/views/site.ts'
import { type Policy, PRODUCTION_POLICY } from '../../../src/terms/policy.ts'
import { type Change, changesBetween, readPolicy } from './policy-draft.ts'

export interface PolicyHistoryView {
  /** Newest first. */
  readonly versions: readonly PolicyView[]
}

export interface HistoryStep {
  readonly view: PolicyView
  /** Against the version before; of the first: against the defaults. */
  readonly changes: readonly Change[]
  /** Why it can't be read, or not be compared. */
  readonly problem?: string
}

export function stepsOfHistory(versions: readonly PolicyView[]): readonly HistoryStep[] {
  const policies = versions.map(readOr)
  return versions.map((view, i) => {
    const policy = policies[i]
    if (policy === undefined)
      return { view, changes: [], problem: 'A later server set it, and it can’t be understood here.' }
    const before = i + 1 < versions.length ? policies[i + 1] : view.version === 1 ? PRODUCTION_POLICY : undefined
    return { view, changes: before === undefined ? [] : changesBetween(before, policy) }
  })
}

function readOr(view: PolicyView): Policy | undefined {
  try {
    return readPolicy(view.policy)
  } catch {
    return undefined
  }
}
