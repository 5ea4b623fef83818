/** Parts of the policy page, in the order in which they are wanted: what stops everything first. */

export const POLICY_PARTS = [
  { name: 'automation', title: 'Automation' },
  { name: 'eager', title: 'How ready to move' },
  { name: 'budgets', title: 'Budgets and limits' },
  { name: 'times', title: 'Windows, blackouts' },
  { name: 'rules', title: 'Rules' },
  { name: 'maintenance', title: 'Maintenance' },
  { name: 'warnings', title: 'Accepted warnings' },
  { name: 'history', title: 'History' },
] as const
export type PolicyPart = (typeof POLICY_PARTS)[number]['name']

/** What an address asks for; the first where it asks for none that there is. */
export function partOf(name: string | null): PolicyPart {
  return POLICY_PARTS.find((part) => part.name === name)?.name ?? 'automation'
}
