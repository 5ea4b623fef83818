/** What the page knows of one field of the policy. */

/** How a field is written: shares in percent, spans with their unit, all others as numbers. */
export type FieldKind = 'share' | 'span' | 'count' | 'money' | 'ratio' | 'flag' | 'text'

export const POLICY_GROUPS = ['act', 'pass', 'rest', 'ahead', 'energy', 'prices', 'limits', 'budgets', 'trust'] as const
export type PolicyGroup = (typeof POLICY_GROUPS)[number]

export interface PolicyField {
  /** Section and name, as in `contention.highFraction`. */
  readonly path: string
  readonly group: PolicyGroup
  readonly title: string
  readonly kind: FieldKind
  /** What it is counted in, where the kind does not say. */
  readonly unit?: string
  readonly help: string
  /** Which way more is moved, or sooner. Absent: it can't be said. */
  readonly eager?: 'higher' | 'lower'
  /** May be left empty: then nothing is limited, or it is never done. */
  readonly empty?: string
}

export const GROUP_TITLES: Readonly<Record<PolicyGroup, string>> = {
  act: 'When it acts',
  pass: 'What a move has to pass',
  rest: 'How long a VM rests',
  ahead: 'How far it looks',
  energy: 'Emptying hosts to save energy',
  prices: 'What things are worth',
  limits: 'Limits of a host',
  budgets: 'Budgets of moves',
  trust: 'When it only advises',
}

/** Groups that make how ready it is to move. */
export const EAGER_GROUPS: readonly PolicyGroup[] = ['act', 'pass', 'rest', 'ahead', 'energy', 'prices']
/** Groups that bound what is moved, however ready it is. */
export const BUDGET_GROUPS: readonly PolicyGroup[] = ['budgets', 'limits', 'trust']
