/** An authority that a server shows is believed by its key alone: join tokens carry the key's digest, and `ethos serve` prints it. */
import { createHash, X509Certificate } from 'node:crypto'

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificate whose key has a digest; undefined where there is none.
 *  @param text certificates in PEM, one after the other; @param pin SHA-256 of the public key, base64url */
export function pinnedAuthority(text: string, pin: string): string | undefined {
  return text.match(PEM)?.find((pem) => digestOfKey(pem) === pin)
}

/** Undefined for what is no certificate. */
function digestOfKey(pem: string): string | undefined {
  try {
    const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
    return createHash('sha256').update(spki).digest('base64url')
  } catch {
    return undefined
  }
}
