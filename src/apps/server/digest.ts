/** Secrets and texts by their digest: what is kept of them. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** SHA-256, in hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Compares digests, in a time that tells nothing. */
export function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
