/** Why a server is not spoken to, and what would help. Node and Bun name the same troubles by the same codes. */
import type { MachineError } from './machine.ts'

export interface Trouble {
  readonly text: string
  /** Whether a wrong clock, here or there, may be the cause. */
  readonly isTime: boolean
}

/** Said of certificates by OpenSSL, and passed on by the engine as a code. */
const UNKNOWN_AUTHORITY = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]
const NO_TLS_1_3 = ['PROTOCOL_VERSION', 'UNSUPPORTED_PROTOCOL', 'WRONG_SSL_VERSION', 'NO_PROTOCOLS_AVAILABLE']
const NO_TLS = ['WRONG_VERSION_NUMBER', 'PACKET_LENGTH_TOO_LONG', 'HTTP_REQUEST', 'RECORD_LAYER_FAILURE']

/** What a failed connection says of the server; undefined where it says only that nobody answered. */
export function explainTrouble(server: string, error: MachineError): Trouble | undefined {
  // OpenSSL says "wrong version number", and some engines make a code of it.
  const text = `${error.code} ${error.message}`.toUpperCase().replaceAll(' ', '_')
  const says = (words: readonly string[]): boolean => words.some((word) => text.includes(word))
  const trouble = (why: string, isTime = false): Trouble => ({ text: `${server} ${why} (${error.code})`, isTime })
  if (error.code === 'CERT_HAS_EXPIRED')
    return trouble(
      "shows a certificate that has expired by this guest's clock. Is the clock right, here and there?",
      true,
    )
  if (error.code === 'CERT_NOT_YET_VALID')
    return trouble("shows a certificate that is not valid yet by this guest's clock. Is the clock right?", true)
  if (error.code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return trouble(
      'shows a certificate for another name. Is `server` in the settings a name that it was started with (--name)?',
    )
  if (error.code === 'INVALID_PURPOSE') return trouble('shows a certificate that is not for a server. Who is it?')
  if (says(UNKNOWN_AUTHORITY))
    return trouble(
      'shows a certificate of another authority than the one we joined. Was the server set up anew? Then join again with a new token',
    )
  if (says(NO_TLS_1_3)) return trouble('does not speak TLS 1.3. Is there an old proxy in between?')
  if (says(NO_TLS)) return trouble('does not speak TLS: nothing is sent in plaintext. Is it the right port?')
  return undefined
}
