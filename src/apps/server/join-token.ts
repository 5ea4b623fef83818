/** One-time join tokens (decision 0009): shown once, kept as a digest. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AgentStore } from '../../drivers/sqlite/agent-store.ts'
import type { VmId } from '../../terms/ids.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'

/** A token that nobody used for so long is worth nothing. */
export const TOKEN_MS = 10 * MINUTE_MS
const ID_BYTES = 8
const SECRET_BYTES = 32
/** Longest text that is looked at: id, dot and secret are 60 characters. */
const TOKEN_LENGTH_MAX = 80
const NOBODY = { id: '', vm: '', secretDigest: '0'.repeat(64), expiresAt: -Infinity, usedAt: null }

/** Makes a token for one VM. What is returned is the only copy. @param pin SHA-256 of the authority's public key, base64url */
export function createToken(
  store: AgentStore,
  { vm, pin, at, forMs = TOKEN_MS }: { vm: VmId; pin: string; at: EpochMs; forMs?: number },
): string {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  store.tokens.add({ id, secretDigest: digestOf(secret), vm, expiresAt: at + forMs })
  return `ethos1.${id}.${secret}.${pin}`
}

export type TokenVerdict =
  | { readonly kind: 'good'; readonly id: string }
  | { readonly kind: 'refused'; readonly reason: string }

/** Judges `<id>.<secret>` for a VM. The same work is done for ids that nobody knows, so that time tells nothing. No reason holds a secret. */
export function judgeToken(
  store: AgentStore,
  { token, vm, at }: { readonly token: string; readonly vm: string; readonly at: EpochMs },
): TokenVerdict {
  const [id = '', secret = ''] = token.slice(0, TOKEN_LENGTH_MAX).split('.')
  const row = store.tokens.find(id) ?? NOBODY
  const isRight = timingSafeEqual(Buffer.from(digestOf(secret), 'hex'), Buffer.from(row.secretDigest, 'hex'))
  if (row === NOBODY) return { kind: 'refused', reason: 'there is no such token' }
  if (!isRight) return { kind: 'refused', reason: `the secret of token ${id} is another` }
  if (row.usedAt !== null) return { kind: 'refused', reason: `token ${id} was used already` }
  if (at >= row.expiresAt) return { kind: 'refused', reason: `token ${id} has expired` }
  if (row.vm !== vm) return { kind: 'refused', reason: `token ${id} is for another VM` }
  return { kind: 'good', id }
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
