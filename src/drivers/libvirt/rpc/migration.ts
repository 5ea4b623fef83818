/** What may be asked of a live migration, and how it is put to libvirt: peer to peer, always live, and never with a flag that would leave the VM paused,
 *  undefined without a definition elsewhere, or moved while it is off. */
import { parseAddress } from './address.ts'
import type { Domain } from './domain.ts'
import { LibvirtError, LibvirtRemoteError } from './errors.ts'
import type { SentParameter } from './typed-parameters.ts'

/** virDomainMigrateFlags, those that this client ever sets. */
const FLAG = {
  live: 1 << 0,
  peerToPeer: 1 << 1,
  tunnelled: 1 << 2,
  persistDestination: 1 << 3,
  undefineSource: 1 << 4,
  copyDisks: 1 << 6,
  unsafe: 1 << 9,
  abortOnError: 1 << 12,
  autoConverge: 1 << 13,
  postCopy: 1 << 15,
  tls: 1 << 16,
  parallel: 1 << 17,
} as const

const ALWAYS = FLAG.live | FLAG.peerToPeer
const ALL_FLAGS = Object.values(FLAG).reduce((all, flag) => all | flag, 0)
/** Fields of virDomainMigrateToURI3 that are ever sent: none that renames a VM or changes what it is. */
const FIELDS = new Set([
  'migrate_uri',
  'bandwidth',
  'bandwidth.postcopy',
  'auto_converge.initial',
  'auto_converge.increment',
  'parallel.connections',
  'tls.destination',
  'migrate_disks',
])

export interface MigrationOptions {
  /** What becomes of the VM's definition. `transient`: it runs on the destination without one, and stays defined on the source if it was. `copy`: defined
   *  on both. `move`: defined where it went, and no longer where it came from; libvirt does that only after the VM runs on the destination. */
  readonly definition: 'transient' | 'copy' | 'move'
  /** Where QEMU is to connect to, like tcp://10.0.0.2; by default what the destination calls itself. */
  readonly dataUri?: string
  readonly bandwidthMibPerSec?: number
  /** Slows the guest down while it writes faster than memory is copied. Steps are percent of its CPU time. */
  readonly autoConverge?: { readonly initialPercent?: number; readonly incrementPercent?: number }
  /** Makes post-copy possible later on; does not begin it. */
  readonly isPostCopyPrepared?: boolean
  readonly postCopyBandwidthMibPerSec?: number
  /** Connections that copy side by side. */
  readonly parallelConnections?: number
  /** Memory travels in TLS; libvirt's migration certificates are needed on both hosts. */
  readonly isEncrypted?: boolean
  /** The name in the destination's certificate, where it differs from its address. */
  readonly tlsName?: string
  /** Memory travels within libvirt's own connection. Not together with parallel connections. */
  readonly isTunnelled?: boolean
  /** Disks that no storage shares, by target (vda), to copy in whole. */
  readonly copiedDisks?: readonly string[]
  /** Ends the migration at an error of storage, where it would else go on. */
  readonly isAbortedOnError?: boolean
  /** Moves even if libvirt holds the disks' cache mode or place for a danger to their contents. */
  readonly isUnsafeStorageAccepted?: boolean
}

/** What DOMAIN_MIGRATE_PERFORM3_PARAMS is given. */
export interface PerformRequest {
  readonly domain: Domain
  readonly destinationUri: string
  readonly parameters: readonly SentParameter[]
  readonly cookie: Uint8Array
  readonly flags: number
}

/** How the call ended, which is not yet where the VM is: look on both hosts. `failed`: the daemon said so. `unknown`: no answer came. */
export type MigrationEnd =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed'; readonly error: LibvirtRemoteError }
  | { readonly kind: 'unknown'; readonly error: LibvirtError }
  | { readonly kind: 'never-sent'; readonly error: LibvirtError }

/** A migration that was ordered. It goes on if we forget it, or die: the two daemons do it between them. */
export interface Migration {
  readonly domain: Domain
  readonly destinationUri: string
  /** Never rejected. */
  readonly ended: Promise<MigrationEnd>
  /** Stops waiting for the end: the migration goes on, and `ended` becomes `unknown`. */
  forget(): void
}

const MIB_PER_SEC_MAX = 2 ** 43

/** Throws an `argument` error for what libvirt would refuse, or worse, accept. @param destinationUri as the *source's daemon* reaches the destination's */
export function performRequest(domain: Domain, destinationUri: string, options: MigrationOptions): PerformRequest {
  checkDestination(destinationUri)
  if (options.isTunnelled === true && options.parallelConnections !== undefined) {
    throw new LibvirtError('argument', 'A tunnelled migration has one connection; parallelConnections can not be had.')
  }
  return {
    domain,
    destinationUri,
    parameters: parametersOf(options),
    cookie: new Uint8Array(),
    flags: flagsOf(options),
  }
}

/** What is wrong with a request, whoever made it: the last look before it is sent. */
export function complaintAbout({
  flags,
  parameters,
}: Pick<PerformRequest, 'flags' | 'parameters'>): string | undefined {
  if ((flags & ALWAYS) !== ALWAYS) return `A move is live and peer to peer, and flags ${flags} are not both.`
  if ((flags & ~ALL_FLAGS) !== 0) return `Flags ${flags} of a move hold some that this client never sends.`
  if ((flags & FLAG.undefineSource) !== 0 && (flags & FLAG.persistDestination) === 0) {
    return `Flags ${flags} would undefine the VM here and not define it there.`
  }
  const field = parameters.find((parameter) => !FIELDS.has(parameter.field))?.field
  return field === undefined ? undefined : `${field} is no wish for a move that this client ever sends.`
}

/** Says how the call ended from how it was rejected. */
export function migrationEnd(error: unknown): MigrationEnd {
  if (error instanceof LibvirtRemoteError) return { kind: 'failed', error }
  const known =
    error instanceof LibvirtError
      ? error
      : new LibvirtError('protocol', String(error), { fate: 'unknown', cause: error })
  return { kind: known.fate === 'never-sent' ? 'never-sent' : 'unknown', error: known }
}

/** libvirt's own library checks this on the client's side, so the daemon would not. */
function checkDestination(uri: string): void {
  const { target } = parseAddress(uri)
  const host = target.transport === 'unix' ? '' : target.host
  if (host === '' || /^(localhost|127\..*|::1)$/.test(host)) {
    const what = `${uri} names no other host`
    throw new LibvirtError(
      'argument',
      `${what}: the source's daemon would connect to itself. Maybe: qemu+tls://host/system`,
    )
  }
}

function flagsOf(options: MigrationOptions): number {
  const { definition } = options
  let flags = ALWAYS
  const set = (flag: number, isWanted: boolean | undefined): void => {
    if (isWanted === true) flags |= flag
  }
  set(FLAG.persistDestination, definition !== 'transient')
  set(FLAG.undefineSource, definition === 'move')
  set(FLAG.autoConverge, options.autoConverge !== undefined)
  set(FLAG.postCopy, options.isPostCopyPrepared)
  set(FLAG.parallel, options.parallelConnections !== undefined)
  set(FLAG.tls, options.isEncrypted)
  set(FLAG.tunnelled, options.isTunnelled)
  set(FLAG.copyDisks, options.copiedDisks !== undefined)
  set(FLAG.abortOnError, options.isAbortedOnError)
  set(FLAG.unsafe, options.isUnsafeStorageAccepted)
  return flags
}

function parametersOf(options: MigrationOptions): readonly SentParameter[] {
  const { initialPercent, incrementPercent } = options.autoConverge ?? {}
  return [
    ...text('migrate_uri', options.dataUri),
    ...megabytes('bandwidth', options.bandwidthMibPerSec),
    ...megabytes('bandwidth.postcopy', options.postCopyBandwidthMibPerSec),
    ...whole('auto_converge.initial', initialPercent, 99),
    ...whole('auto_converge.increment', incrementPercent, 99),
    ...whole('parallel.connections', options.parallelConnections, 255),
    ...text('tls.destination', options.tlsName),
    ...(options.copiedDisks ?? []).flatMap((disk) => text('migrate_disks', disk)),
  ]
}

function text(field: string, value: string | undefined): readonly SentParameter[] {
  return value === undefined ? [] : [{ field, type: 'string', value }]
}

function megabytes(field: string, value: number | undefined): readonly SentParameter[] {
  if (value === undefined) return []
  // 0 would mean libvirt's default, which is no limit.
  if (!Number.isInteger(value) || value < 1 || value > MIB_PER_SEC_MAX) {
    throw new LibvirtError('argument', `${field} is ${value}; whole MiB/s from 1 are wanted.`)
  }
  return [{ field, type: 'unsignedHyper', value: BigInt(value) }]
}

function whole(field: string, value: number | undefined, max: number): readonly SentParameter[] {
  if (value === undefined) return []
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new LibvirtError('argument', `${field} is ${value}; a whole number from 1 to ${max} is wanted.`)
  }
  return [{ field, type: 'int', value }]
}
