/** Browsers that are signed in. In the memory of this process alone, and as digests: a restart ends them all (decision 0016). */
import { createHmac, randomBytes } from 'node:crypto'
import type { Role } from '../../../terms/access.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../../terms/units.ts'
import { digestOf, isSame } from '../digest.ts'

/** Bounds on sessions. */
export interface SessionLimits {
  /** How long a session lasts while nothing is asked. */
  readonly idleMs: number
  /** How long it lasts at most. */
  readonly endMs: number
  /** Of one token: one more ends the one that was silent longest. */
  readonly perToken: number
  /** One more is refused. */
  readonly inAll: number
}

export const SESSION_LIMITS: SessionLimits = {
  idleMs: 30 * MINUTE_MS,
  endMs: 12 * HOUR_MS,
  perToken: 16,
  inAll: 1000,
}

/** How long automation may be raised, and API tokens be made, after the token was shown again. */
export const CONFIRMED_MS = 5 * MINUTE_MS
const SECRET_BYTES = 32
const SECRET = /^[A-Za-z0-9_-]{43}$/

/** By what somebody signed in. */
export interface SignedIn {
  /** What it is called beside others of its kind: `token 0123456789abcdef`. */
  readonly key: string
  readonly role: Role
  /** For people: `token ops (0123456789abcdef)`. */
  readonly name: string
  /** Of an API token, which may be revoked, or end. Absent: a one-time token, which is worth nothing any more. */
  readonly tokenId?: string
  /** SHA-256 of the token as it was shown: to be shown again. */
  readonly tokenDigest: string
}

export interface Session extends SignedIn {
  /** SHA-256 of the secret, in hexadecimal. Its beginning is its name in the audit. */
  readonly digest: string
  readonly beganAt: EpochMs
  readonly endsAt: EpochMs
  readonly seenAt: EpochMs
  /** When the token was shown again. Absent: never. */
  readonly confirmedAt?: EpochMs
}

export class Sessions {
  private readonly now: () => EpochMs
  private readonly limits: SessionLimits
  /** By digest. The one that was silent longest stands first. */
  private readonly sessions = new Map<string, Session>()

  constructor(now: () => EpochMs, limits: SessionLimits) {
    this.now = now
    this.limits = limits
  }

  get count(): number {
    return this.sessions.size
  }

  get idleMs(): number {
    return this.limits.idleMs
  }

  /** Begins one. `secret` is its only copy. Undefined: there are too many.
   *  @param before the one that ends for it, once it stands in the audit: it is not counted */
  begin(by: SignedIn, before?: string): { readonly secret: string; readonly session: Session } | undefined {
    this.forgetEnded()
    const others = [...this.sessions.values()].filter(({ digest }) => digest !== before)
    const own = others.filter(({ key }) => key === by.key)
    const isOneEnded = own.length >= this.limits.perToken
    if (others.length - (isOneEnded ? 1 : 0) >= this.limits.inAll) return undefined
    if (isOneEnded) this.end(own[0].digest)
    const secret = randomBytes(SECRET_BYTES).toString('base64url')
    const now = this.now()
    const session = { ...by, digest: digestOf(secret), beganAt: now, endsAt: now + this.limits.endMs, seenAt: now }
    this.sessions.set(session.digest, session)
    return { secret, session }
  }

  /** The session of a secret, if it lasts; it is heard of by that, unless nobody sat before it. */
  find(secret: string, { isUnattended = false }: { readonly isUnattended?: boolean } = {}): Session | undefined {
    if (!SECRET.test(secret)) return undefined
    const found = this.look(digestOf(secret))
    if (found === undefined || isUnattended) return found
    const seen = { ...found, seenAt: this.now() }
    this.sessions.delete(found.digest)
    this.sessions.set(found.digest, seen)
    return seen
  }

  /** A session that lasts, by its digest. */
  look(digest: string): Session | undefined {
    const found = this.sessions.get(digest)
    if (found === undefined || !this.isOver(found)) return found
    this.sessions.delete(digest)
    return undefined
  }

  /** Notes that its token was shown again. False where it is another token. */
  confirm(digest: string, shown: string): boolean {
    const found = this.look(digest)
    if (found === undefined || !isSame(digestOf(shown), found.tokenDigest)) return false
    this.sessions.set(digest, { ...found, confirmedAt: this.now() })
    return true
  }

  end(digest: string): void {
    this.sessions.delete(digest)
  }

  /** A clock that is set back by more than a session may last ends it. */
  private isOver({ seenAt, beganAt }: Session): boolean {
    const now = this.now()
    return Math.abs(now - seenAt) >= this.limits.idleMs || Math.abs(now - beganAt) >= this.limits.endMs
  }

  private forgetEnded(): void {
    for (const { digest } of this.sessions.values()) this.look(digest)
  }
}

/** Whether the token was shown again lately. */
export function isConfirmed({ confirmedAt }: Pick<Session, 'confirmedAt'>, now: EpochMs): boolean {
  return confirmedAt !== undefined && Math.abs(now - confirmedAt) < CONFIRMED_MS
}

/** What a page sends with whatever changes something: only who holds the cookie can reckon it, and no page can read the cookie. */
export function csrfOf(secret: string): string {
  return createHmac('sha256', secret).update('ethos csrf').digest('base64url')
}
