/** One-time tokens, `once_<id>_<secret>`: for an address that is printed where the server is started. Good until somebody was signed in by it or for ten
 *  minutes, and known to this process alone. */
import { randomBytes } from 'node:crypto'
import type { Role } from '../../../terms/access.ts'
import { type EpochMs, MINUTE_MS } from '../../../terms/units.ts'
import { digestOf, isSame } from '../digest.ts'

const ID_BYTES = 8
const SECRET_BYTES = 32
const PATTERN = /^once_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/
/** How long one waits for its use. */
const GOOD_MS = 10 * MINUTE_MS
/** Tokens that wait at once; a new one makes the oldest worth nothing. */
const WAITING_MAX = 16

export interface OneTimeToken {
  readonly id: string
  readonly role: Role
  /** SHA-256 of the whole token, in hexadecimal. */
  readonly digest: string
  readonly madeAt: EpochMs
}

export type OneTimeJudgement =
  | { readonly kind: 'good'; readonly token: OneTimeToken }
  | { readonly kind: 'refused'; readonly reason: string }

export class OneTimeTokens {
  private readonly now: () => EpochMs
  /** Those that nobody has used, by id, oldest first. */
  private readonly waiting = new Map<string, OneTimeToken>()

  constructor(now: () => EpochMs) {
    this.now = now
  }

  /** Makes one. The text is the only copy of the secret. */
  make(role: Role): string {
    const id = randomBytes(ID_BYTES).toString('hex')
    const text = `once_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`
    this.keep({ id, role, digest: digestOf(text), madeAt: this.now() })
    return text
  }

  /** Nobody was signed in by it: it may be used as if it had not been, and no longer than before. */
  giveBack(token: OneTimeToken): void {
    this.keep(token)
  }

  /** Takes a token; from then on it is worth nothing, unless it is given back. No reason holds a secret. */
  use(shown: string): OneTimeJudgement {
    const [, id = ''] = PATTERN.exec(shown) ?? []
    if (id === '') return { kind: 'refused', reason: 'what was shown is no token' }
    const found = this.waiting.get(id)
    if (found === undefined) return { kind: 'refused', reason: `one-time token ${id} was used, or there was none` }
    if (!isSame(digestOf(shown), found.digest))
      return { kind: 'refused', reason: `the secret of one-time token ${id} is another` }
    this.waiting.delete(id)
    // A clock that was set back does not make it good again.
    if (Math.abs(this.now() - found.madeAt) >= GOOD_MS)
      return { kind: 'refused', reason: `one-time token ${id} was not used in time` }
    return { kind: 'good', token: found }
  }

  private keep(token: OneTimeToken): void {
    this.waiting.set(token.id, token)
    const [oldest] = this.waiting.keys()
    if (this.waiting.size > WAITING_MAX && oldest !== undefined) this.waiting.delete(oldest)
  }
}

/** Whether a text looks like one, good or not. */
export function isOneTime(shown: string): boolean {
  return PATTERN.test(shown)
}
