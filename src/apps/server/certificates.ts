/** Certificates: made here, by a well-kept library, with one purpose each. */
// oxlint-disable-next-line no-unassigned-import -- the library of certificates wants it to be there
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../terms/units.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** An authority's life, unless it is replaced before. */
const ROOT_MS = 3650 * DAY_MS
/** A server's own certificate; it is made anew at each start and at two thirds of its life. */
export const SERVER_MS = 90 * DAY_MS
/** An agent's or a host's: a stolen one is worth little for long. */
export const AGENT_MS = DAY_MS
/** A guest's clock may be behind ours. */
const BACKDATED_MS = HOUR_MS
/** Object identifiers of the extended key usages (RFC 5280, 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
/** What agents and operators have, and the server has not. */
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

x509.cryptoProvider.set(webcrypto)

/** A certificate and its key, in PEM. */
export interface KeyedCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** An agent speaks for its VM, a host for itself and for VMs without a certificate of their own, an operator asks. */
export type BearerRole = 'agent' | 'host' | 'operator'

/** For whom a certificate speaks. */
export interface Bearer {
  readonly role: BearerRole
  readonly name: string
}

/** `ethos://agent/web-1`: percent-encoded, so that no character of a name means anything to whoever reads certificates. */
export function uriOf({ role, name }: Bearer): string {
  const encoded = encodeURIComponent(name).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `ethos://${role}/${encoded}`
}

/** Reads what `uriOf` wrote; undefined for anything else. */
export function bearerOf(uri: string): Bearer | undefined {
  const [, role, encoded] = /^ethos:\/\/(agent|host|operator)\/([\w.~%-]{1,200})$/.exec(uri) ?? []
  if (role !== 'agent' && role !== 'host' && role !== 'operator') return undefined
  try {
    const bearer = { role, name: decodeURIComponent(encoded) } as const
    return uriOf(bearer) === uri ? bearer : undefined
  } catch {
    return undefined
  }
}

/** An authority: who signs. */
export interface Signer {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
}

/** A new authority, self-signed, that may sign no other authority. */
export async function makeRoot(now: EpochMs): Promise<KeyedCertificate> {
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
  return { certificate: root.toString('pem'), privateKey: await exportKey(keys.privateKey) }
}

/** Reads an authority back. */
export async function readSigner({ certificate, privateKey }: KeyedCertificate): Promise<Signer> {
  const [der] = x509.PemConverter.decode(privateKey)
  const key = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign'])
  return { certificate: new x509.X509Certificate(certificate), key }
}

/** A certificate and key for the server under these names and addresses. */
export async function forServer(signer: Signer, names: readonly string[], now: EpochMs): Promise<KeyedCertificate> {
  const keys = await newKeys()
  const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))
  const certificate = await issue(signer, keys.publicKey, {
    name: 'CN=Ethos server',
    usage: SERVER_AUTH,
    alternatives,
    now,
    forMs: SERVER_MS,
  })
  return { certificate, privateKey: await exportKey(keys.privateKey) }
}

/** A certificate for somebody else's key on P-256. @param publicKey SPKI, DER */
export async function forBearer(
  signer: Signer,
  bearer: Bearer,
  { publicKey, now, forMs }: { readonly publicKey: Uint8Array; readonly now: EpochMs; readonly forMs: number },
): Promise<string> {
  const spki = publicKey as Uint8Array<ArrayBuffer>
  const key = await webcrypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify'])
  const alternatives = [{ type: 'url' as const, value: uriOf(bearer) }]
  return issue(signer, key, { name: `CN=Ethos ${bearer.role}`, usage: CLIENT_AUTH, alternatives, now, forMs })
}

/** A certificate and a new key for an operator. */
export async function forOperator(
  signer: Signer,
  name: string,
  { now, forMs }: { readonly now: EpochMs; readonly forMs: number },
): Promise<KeyedCertificate> {
  const keys = await newKeys()
  const publicKey = new Uint8Array(await webcrypto.subtle.exportKey('spki', keys.publicKey))
  const certificate = await forBearer(signer, { role: 'operator', name }, { publicKey, now, forMs })
  return { certificate, privateKey: await exportKey(keys.privateKey) }
}

interface Wanted {
  readonly name: string
  readonly usage: string
  readonly alternatives: { type: 'dns' | 'ip' | 'url'; value: string }[]
  readonly now: EpochMs
  readonly forMs: number
}

async function issue(signer: Signer, publicKey: webcrypto.CryptoKey, wanted: Wanted): Promise<string> {
  // No certificate outlives whoever signed it.
  const endsAt = Math.min(wanted.now + wanted.forMs, signer.certificate.notAfter.getTime())
  const certificate = await x509.X509CertificateGenerator.create({
    subject: wanted.name,
    issuer: signer.certificate.subject,
    notBefore: new Date(wanted.now - BACKDATED_MS),
    notAfter: new Date(endsAt),
    publicKey,
    signingKey: signer.key,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([wanted.usage], true),
      new x509.SubjectAlternativeNameExtension(wanted.alternatives),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
    ],
  })
  return certificate.toString('pem')
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}
