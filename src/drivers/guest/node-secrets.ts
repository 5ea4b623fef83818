/** Keys and digests, as Node and Bun make them. Part of the machine, kept apart for length. */
import {
  createHash,
  createHmac,
  generateKeyPairSync,
  pbkdf2Sync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import type { Secrets } from './machine.ts'

/** `node:crypto`, as far as the agent needs it. */
export function nodeSecrets(): Secrets {
  return {
    randomBytes: (length) => randomBytes(length),
    digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
    hmacSha256: (key, bytes) => createHmac('sha256', key).update(bytes).digest(),
    pbkdf2Sha256: (password, salt, iterations, length) => pbkdf2Sync(password, salt, iterations, length, 'sha256'),
    newKey: () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', {
        namedCurve: 'P-256',
        publicKeyEncoding: { type: 'spki', format: 'der' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      })
      return { privatePem: privateKey, publicDer: publicKey }
    },
    sign: (privatePem, bytes) => sign('sha256', bytes, privatePem),
    readCertificate: (pem) => {
      const certificate = new X509Certificate(pem)
      const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
      return {
        spkiSha256: createHash('sha256').update(spki).digest(),
        notBefore: Date.parse(certificate.validFrom),
        notAfter: Date.parse(certificate.validTo),
      }
    },
  }
}
