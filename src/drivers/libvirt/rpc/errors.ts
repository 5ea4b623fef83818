/** Everything that this client rejects with: what went wrong, and what is known of the call's fate. The daemon's own "no" is a class of its own. */

/** `address`: the URI is no address for this client. `argument`: the caller asked for what the protocol can not carry, or for what this client never
 *  sends. `unreachable`: no connection could be made. `unauthorised`: the other side wants an identity that we do not have, or we do not trust its own.
 *  `protocol`: bytes that are not the protocol. `timeout`: no answer in time. `lost`: the connection ended. `closed`: it was closed by its user.
 *  `busy`: too many calls wait already. `refused`: the daemon answered with an error. */
export type LibvirtErrorCode =
  | 'address'
  | 'argument'
  | 'unreachable'
  | 'unauthorised'
  | 'protocol'
  | 'timeout'
  | 'lost'
  | 'closed'
  | 'busy'
  | 'refused'

/** What is known of a call that did not succeed. `never-sent`: not a byte of it left this process. `refused`: the daemon answered that it failed.
 *  `unknown`: it was sent and not answered: it may have been done, may be under way, or may never have arrived. */
export type CallFate = 'never-sent' | 'refused' | 'unknown'

export interface LibvirtErrorOptions extends ErrorOptions {
  /** By default nothing was sent. */
  readonly fate?: CallFate
}

/** The daemon could not be asked, or did not answer, or answered nonsense. */
export class LibvirtError extends Error {
  override readonly name: string = 'LibvirtError'
  readonly code: LibvirtErrorCode
  readonly fate: CallFate

  constructor(code: LibvirtErrorCode, message: string, { fate = 'never-sent', ...options }: LibvirtErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.fate = fate
  }
}

/** What the daemon says of a call that failed: libvirt's virError. Numbers are those of virterror.h. */
export interface RemoteErrorDetails {
  /** virErrorNumber; `LIBVIRT_ERROR` names those that callers tell apart. */
  readonly number: number
  /** virErrorDomain: the part of libvirt that failed. */
  readonly domain: number
  /** virErrorLevel: 1 is a warning, 2 an error. */
  readonly level: number
  readonly text: string
  readonly details: readonly string[]
}

/** The daemon answered that the call failed. Match `number`, never the text: it differs by version, and by what was lost first. */
export class LibvirtRemoteError extends LibvirtError {
  override readonly name: string = 'LibvirtRemoteError'
  readonly number: number
  readonly domain: number
  readonly level: number
  readonly text: string
  readonly details: readonly string[]

  /** @param call the procedure that was refused, and by whom */
  constructor(call: string, { number, domain, level, text, details }: RemoteErrorDetails) {
    super('refused', `${call} failed: ${text} (libvirt error ${number} of part ${domain})`, { fate: 'refused' })
    this.number = number
    this.domain = domain
    this.level = level
    this.text = text
    this.details = details
  }
}

/** Numbers of virErrorNumber that a caller may want to tell apart. */
export const LIBVIRT_ERROR = {
  internal: 1,
  notSupported: 3,
  invalidArgument: 8,
  operationFailed: 9,
  operationDenied: 29,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  authenticationFailed: 45,
  operationInvalid: 55,
  configurationUnsupported: 67,
  operationTimedOut: 68,
  argumentUnsupported: 74,
  operationAborted: 78,
  authenticationCancelled: 79,
  noDomainMetadata: 80,
  migrationUnsafe: 81,
  operationUnsupported: 84,
  resourceBusy: 87,
  accessDenied: 88,
  cpuIncompatible: 91,
  /** The destination has the VM running, and only the clean-up failed. */
  migrationFinished: 93,
  authenticationUnavailable: 94,
} as const

/** Bytes of the other side that are not the protocol: where, what was found, and what was expected. */
export function protocolError(message: string, options: LibvirtErrorOptions = {}): LibvirtError {
  return new LibvirtError('protocol', message, { fate: 'unknown', ...options })
}

/** Whether an error says that the domain does not exist on the host that was asked. */
export function isNoDomain(error: unknown): boolean {
  return error instanceof LibvirtRemoteError && error.number === LIBVIRT_ERROR.noDomain
}
