import type { EpochMs } from './units.ts'

/** What a holder of an API token may do; each role may do all that those before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** An API token as it is kept: never its secret. */
export interface ApiToken {
  /** Sixteen hexadecimal digits, part of the token itself. */
  readonly id: string
  /** SHA-256 of the secret, in hexadecimal. */
  readonly secretDigest: string
  readonly role: Role
  /** Who or what it is for, as its maker called it: at most 64 printable characters. */
  readonly name: string
  readonly createdAt: EpochMs
  /** Absent: it does not end by itself. */
  readonly expiresAt?: EpochMs
  readonly revokedAt?: EpochMs
  readonly usedAt?: EpochMs
}

export function mayAct(role: Role, wanted: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(wanted)
}
