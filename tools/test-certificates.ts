/** Certificates for tests, made by openssl: an authority, and what it signs. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { skipWithout } from './real-servers.ts'

const OPENSSL = '/usr/bin/openssl'
/** Why tests that need certificates are skipped; false where they are not. */
export const withoutCertificates = skipWithout(OPENSSL)

/** An authority in a folder of its own. Its certificate is cacert.pem. */
export class TestAuthority {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
    this.make('ca', ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'], 'cacert')
  }

  /** Signs a certificate for both ends of TLS: NAMEcert.pem and NAMEkey.pem. @param names like `IP:127.0.0.1,DNS:localhost` */
  sign(name: string, names?: string): void {
    const authority = ['-CA', join(this.folder, 'cacert.pem'), '-CAkey', join(this.folder, 'cakey.pem')]
    const words = [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature,keyEncipherment',
      'extendedKeyUsage=serverAuth,clientAuth',
    ]
    const alternative = names === undefined ? [] : [`subjectAltName=${names}`]
    this.make(name, [...authority, ...[...words, ...alternative].flatMap((word) => ['-addext', word])], `${name}cert`)
  }

  private make(name: string, words: readonly string[], certificate: string): void {
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      join(this.folder, `${name}key.pem`),
    ]
    const out = ['-days', '2', '-subj', `/CN=${name}`, '-out', join(this.folder, `${certificate}.pem`)]
    const { status, stderr } = spawnSync(OPENSSL, ['req', '-x509', ...key, ...out, ...words], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`openssl: ${stderr}`)
  }
}
