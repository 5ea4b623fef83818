/** What a role may, as it is told to who may not. The server decides. */
import type { Role } from '../../../src/terms/access.ts'

const RANKS: readonly Role[] = ['viewer', 'operator', 'admin']

/** Whether a role may what another may. @param role undefined: nobody is signed in */
export function isAtLeast(role: Role | undefined, least: Role): boolean {
  return role !== undefined && RANKS.indexOf(role) >= RANKS.indexOf(least)
}

export function needsRole(least: Role): string {
  return `Needs the role ${least}.`
}
