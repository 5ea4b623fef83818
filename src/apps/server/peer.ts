/** Who is at the other end of a connection, by its certificate. TLS proves that it holds the key; all else is judged here, by our own clock and
 *  against the authorities that are valid now: an identity may end, or its authority, while a connection lasts. */
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { EpochMs } from '../../terms/units.ts'
import { type Authority, GRACE_MS } from './authority.ts'
import { type Bearer, bearerOf, CLIENT_AUTH } from './certificates.ts'

/** A certificate as it was shown, and what it claims. */
interface Shown extends Bearer {
  readonly certificate: X509Certificate
  readonly notBefore: EpochMs
  readonly notAfter: EpochMs
}

export type Peer =
  | { readonly kind: 'known'; readonly bearer: Bearer }
  | { readonly kind: 'expired'; readonly bearer: Bearer; readonly isWithinGrace: boolean }
  | { readonly kind: 'unknown'; readonly reason: string }

/** What Node says of a chain whose times are wrong by the machine's clock: time is judged here. */
const ERRORS_OF_TIME: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

const shownBy = new WeakMap<Socket, Shown | string>()
/** The root of each certificate, so that a signature is verified once. */
const rootOf = new WeakMap<X509Certificate, X509Certificate>()

/** Judges the certificate of a connection. */
export function judgePeer(socket: Socket, authority: Authority, now: EpochMs): Peer {
  let shown = shownBy.get(socket)
  if (shown === undefined) {
    shown = readShown(socket)
    shownBy.set(socket, shown)
  }
  if (typeof shown === 'string') return { kind: 'unknown', reason: shown }
  if (!isSigned(shown.certificate, authority))
    return { kind: 'unknown', reason: 'its certificate is not of this server' }
  if (now < shown.notBefore) return { kind: 'unknown', reason: 'its certificate is not valid yet' }
  const bearer = { role: shown.role, name: shown.name }
  if (now < shown.notAfter) return { kind: 'known', bearer }
  return { kind: 'expired', bearer, isWithinGrace: now < shown.notAfter + GRACE_MS }
}

/** What the certificate says, or why it says nothing. One purpose, one name, no authority of its own. */
function readShown(socket: Socket): Shown | string {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  if (certificate === undefined || !(socket instanceof TLSSocket)) return 'it showed no certificate'
  const error: unknown = socket.authorizationError
  if (!socket.authorized && !ERRORS_OF_TIME.has(codeOf(error))) return `its certificate is not good: ${codeOf(error)}`
  if (certificate.ca) return 'its certificate is an authority'
  const purposes = certificate.keyUsage
  if (purposes?.length !== 1 || purposes[0] !== CLIENT_AUTH) return 'its certificate is for another purpose'
  const bearer = bearerOf(/^URI:([^,"]+)$/.exec(certificate.subjectAltName ?? '')?.[1] ?? '')
  if (bearer === undefined) return 'its certificate names nobody'
  const notBefore = certificate.validFromDate.getTime()
  return { ...bearer, certificate, notBefore, notAfter: certificate.validToDate.getTime() }
}

function isSigned(certificate: X509Certificate, authority: Authority): boolean {
  const roots = authority.valid.map(({ x509 }) => x509)
  const known = rootOf.get(certificate)
  if (known !== undefined) return roots.some((root) => root.fingerprint256 === known.fingerprint256)
  const root = roots.find((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey))
  if (root === undefined) return false
  rootOf.set(certificate, root)
  return true
}

function codeOf(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message
  return String(error)
}
