/** The server's small certificate authority: one root, a certificate for itself, and one a day for each agent. */
// oxlint-disable-next-line no-unassigned-import -- the library of certificates wants it to be there
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createHash, webcrypto } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../terms/units.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const ROOT_MS = 3650 * DAY_MS
/** A server's own certificate; made anew at each start. */
const SERVER_MS = 90 * DAY_MS
/** An agent's: a stolen one is worth little for long. */
export const AGENT_CERTIFICATE_MS = DAY_MS
/** A guest's clock may be behind ours. */
const BACKDATED_MS = HOUR_MS
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
/** URIs by which a certificate says who it is for. */
export const AGENT_URI = 'ethos://agent/'

x509.cryptoProvider.set(webcrypto)

export interface KeyedCertificate {
  readonly certificate: string
  readonly privateKey: string
}

export class Authority {
  private readonly root: x509.X509Certificate
  private readonly key: webcrypto.CryptoKey

  private constructor(root: x509.X509Certificate, key: webcrypto.CryptoKey) {
    this.root = root
    this.key = key
  }

  /** Reads the root of a data folder, or makes it. The key is readable by its owner alone. */
  static async open(folder: string, now: EpochMs): Promise<Authority> {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const paths = { certificate: join(folder, 'ca.pem'), key: join(folder, 'ca.key') }
    if (existsSync(paths.certificate)) {
      const key = await importKey(readFileSync(paths.key, 'utf8'))
      return new Authority(new x509.X509Certificate(readFileSync(paths.certificate, 'utf8')), key)
    }
    const keys = await newKeys()
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Ethos authority',
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + ROOT_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    writeFileSync(paths.key, await exportKey(keys.privateKey), { mode: 0o600 })
    writeFileSync(paths.certificate, root.toString('pem'), { mode: 0o644 })
    return new Authority(root, keys.privateKey)
  }

  get pem(): string {
    return `${this.root.toString('pem')}\n`
  }

  /** What a join token pins: SHA-256 of the root's public key, base64url. */
  get pin(): string {
    return createHash('sha256').update(new Uint8Array(this.root.publicKey.rawData)).digest('base64url')
  }

  /** A certificate and key for the server under these names. */
  async forServer(names: readonly string[], now: EpochMs): Promise<KeyedCertificate> {
    const keys = await newKeys()
    const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))
    const certificate = await this.issue(keys.publicKey, {
      name: 'CN=Ethos server',
      usage: SERVER_AUTH,
      alternatives,
      fromMs: now,
      forMs: SERVER_MS,
    })
    return { certificate, privateKey: await exportKey(keys.privateKey) }
  }

  /** A certificate for an agent's key. @param publicKey SPKI, DER */
  async forAgent(vm: string, publicKey: Uint8Array, now: EpochMs): Promise<string> {
    const key = await webcrypto.subtle.importKey('spki', publicKey as Uint8Array<ArrayBuffer>, ALGORITHM, true, [
      'verify',
    ])
    const alternatives = [{ type: 'url' as const, value: `${AGENT_URI}${encodeURIComponent(vm)}` }]
    return this.issue(key, {
      name: 'CN=Ethos agent',
      usage: CLIENT_AUTH,
      alternatives,
      fromMs: now,
      forMs: AGENT_CERTIFICATE_MS,
    })
  }

  private async issue(publicKey: webcrypto.CryptoKey, wanted: Wanted): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      subject: wanted.name,
      issuer: this.root.subject,
      notBefore: new Date(wanted.fromMs - BACKDATED_MS),
      notAfter: new Date(wanted.fromMs + wanted.forMs),
      publicKey,
      signingKey: this.key,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([wanted.usage], true),
        new x509.SubjectAlternativeNameExtension(wanted.alternatives),
        await x509.AuthorityKeyIdentifierExtension.create(this.root.publicKey),
      ],
    })
    return certificate.toString('pem')
  }
}

interface Wanted {
  readonly name: string
  readonly usage: string
  readonly alternatives: { type: 'dns' | 'ip' | 'url'; value: string }[]
  readonly fromMs: EpochMs
  readonly forMs: number
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem)
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign'])
}
