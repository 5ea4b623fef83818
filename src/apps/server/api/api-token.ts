/** API tokens, `ethos_<id>_<secret>`: shown once, kept as a digest. The id finds the row; the secret is 256 bits of luck, so that one hash is
 *  enough and nobody guesses it. */
import { randomBytes } from 'node:crypto'
import type { ApiToken, Role } from '../../../terms/access.ts'
import type { EpochMs } from '../../../terms/units.ts'
import type { ApiTokens } from '../../../world/site-store.ts'
import { digestOf, isSame } from '../digest.ts'

const ID_BYTES = 8
const SECRET_BYTES = 32
const PATTERN = /^ethos_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/
/** Compared with where there is no such token, so that time tells nothing. */
const NO_DIGEST = '0'.repeat(64)

export interface NewToken {
  readonly role: Role
  readonly name: string
  readonly at: EpochMs
  readonly expiresAt?: EpochMs
}

/** Makes a token. `text` is the only copy of the secret. */
export function makeApiToken({ role, name, at, expiresAt }: NewToken): {
  readonly text: string
  readonly token: ApiToken
} {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const ends = expiresAt === undefined ? {} : { expiresAt }
  const token = { id, secretDigest: digestOf(secret), role, name, createdAt: at, ...ends }
  return { text: `ethos_${id}_${secret}`, token }
}

/** The admin's token of a store that has none yet; undefined where there is one. Whoever starts the server prints it to standard output, once. */
export async function makeFirstToken(tokens: ApiTokens, at: EpochMs): Promise<string | undefined> {
  const { text, token } = makeApiToken({ role: 'admin', name: 'first start', at })
  return (await tokens.addFirst(token)) ? text : undefined
}

export type TokenJudgement =
  | { readonly kind: 'good'; readonly token: ApiToken }
  | { readonly kind: 'refused'; readonly reason: string }

/** Judges what a caller shows. No reason holds a secret. Rejects with a `StoreError`. */
export async function judgeApiToken(tokens: ApiTokens, shown: string, now: EpochMs): Promise<TokenJudgement> {
  const [, id = '', secret = ''] = PATTERN.exec(shown) ?? []
  if (id === '') return { kind: 'refused', reason: 'what was shown is no token' }
  const token = await tokens.find(id)
  const isRight = isSame(digestOf(secret), token?.secretDigest ?? NO_DIGEST)
  if (token === undefined) return { kind: 'refused', reason: `there is no token ${id}` }
  if (!isRight) return { kind: 'refused', reason: `the secret of token ${id} is another` }
  if (token.revokedAt !== undefined) return { kind: 'refused', reason: `token ${id} was revoked` }
  if (hasEnded(token, now)) return { kind: 'refused', reason: `token ${id} has ended` }
  return { kind: 'good', token }
}

/** Whether a token is worth something now. */
export function isGood(token: ApiToken, now: EpochMs): boolean {
  return token.revokedAt === undefined && !hasEnded(token, now)
}

function hasEnded(token: ApiToken, now: EpochMs): boolean {
  return token.expiresAt !== undefined && now >= token.expiresAt
}
