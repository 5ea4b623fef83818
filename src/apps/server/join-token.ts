/** One-time join tokens (decisions 0009, 0013): shown once, kept as a digest. */
import { randomBytes } from 'node:crypto'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { JoinToken, SiteStore } from '../../world/site-store.ts'
import { digestOf, isSame } from './digest.ts'
import type { JoinRequest } from './key-request.ts'

/** A token that nobody used for so long is worth nothing. */
const TOKEN_MS = 10 * MINUTE_MS
const ID_BYTES = 8
const SECRET_BYTES = 32
/** Longest text that is looked at: id, dot and secret are 60 characters. */
const TOKEN_LENGTH_MAX = 80
const NOBODY = '0'.repeat(64)

interface Wanted {
  readonly for: JoinToken['for']
  /** SHA-256 of the authority's public key, base64url. */
  readonly pin: string
  readonly at: EpochMs
  readonly forMs?: number
}

/** Makes a token for one VM or one host. What is returned is the only copy. */
export async function createToken(
  store: SiteStore,
  { for: bearer, pin, at, forMs = TOKEN_MS }: Wanted,
): Promise<string> {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  await store.joinTokens.add({ id, secretDigest: digestOf(secret), for: bearer, expiresAt: at + forMs })
  return `ethos1.${id}.${secret}.${pin}`
}

export type TokenVerdict =
  | { readonly kind: 'good'; readonly id: string }
  | { readonly kind: 'refused'; readonly reason: string }

/** Judges `<id>.<secret>` for a VM or a host. The same work is done for ids that nobody knows, so that time tells nothing. No reason holds a
 *  secret. */
export async function judgeToken(
  store: SiteStore,
  { token, role, name, at }: Pick<JoinRequest, 'token' | 'role' | 'name'> & { readonly at: EpochMs },
): Promise<TokenVerdict> {
  const [id = '', secret = ''] = token.slice(0, TOKEN_LENGTH_MAX).split('.')
  const known = await store.joinTokens.find(id)
  const digest = known?.secretDigest ?? NOBODY
  const isRight = isSame(digestOf(secret), digest)
  if (known === undefined) return { kind: 'refused', reason: 'there is no such token' }
  if (!isRight) return { kind: 'refused', reason: `the secret of token ${id} is another` }
  if (known.usedAt !== undefined) return { kind: 'refused', reason: `token ${id} was used already` }
  if (at >= known.expiresAt) return { kind: 'refused', reason: `token ${id} has expired` }
  if (!isFor(known, role, name))
    return { kind: 'refused', reason: `token ${id} is for another ${role === 'agent' ? 'VM' : 'host'}` }
  return { kind: 'good', id }
}

function isFor(token: JoinToken, role: JoinRequest['role'], name: string): boolean {
  return 'vm' in token.for ? role === 'agent' && token.for.vm === name : role === 'host' && token.for.host === name
}
