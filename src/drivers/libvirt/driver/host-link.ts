/** The connection by which one host is watched: opened when it is needed, opened again after it broke, and left alone for a while when that fails. */
import type { HostId } from '../../../terms/ids.ts'
import { HypervisorError, type HypervisorErrorCode } from '../../../world/errors.ts'
import {
  type Libvirt,
  LIBVIRT_ERROR,
  LibvirtError,
  type LibvirtErrorCode,
  type LibvirtOptions,
  LibvirtRemoteError,
  openLibvirt,
} from '../rpc/libvirt.ts'
import type { LibvirtHost } from './sites.ts'

export interface LinkOptions {
  /** Of the wall clock, for what people read, and of a clock that never goes back, for waiting. */
  readonly now?: () => number
  readonly monotonicMs?: () => number
  /** In [0, 1). */
  readonly luck?: () => number
  /** How a connection is made. */
  readonly open?: typeof openLibvirt
  /** How long connecting may take, and each call. */
  readonly connectTimeoutMs?: number
  readonly callTimeoutMs?: number
  readonly keepalive?: NonNullable<LibvirtOptions['keepalive']>
  /** What a broken connection is waited for at first, and at most; and how many failures in a row it takes until it is asked at that pace only. */
  readonly firstWaitMs?: number
  readonly probeEveryMs?: number
  readonly failuresMax?: number
}

const DEFAULTS = {
  open: openLibvirt,
  connectTimeoutMs: 5000,
  callTimeoutMs: 10_000,
  keepalive: { intervalMs: 5000, count: 3 },
  firstWaitMs: 500,
  probeEveryMs: 30_000,
  failuresMax: 4,
} as const

/** Errors that say nothing against the host: it answered, or it was never asked. */
const HARMLESS = new Set<string>(['refused', 'argument', 'address', 'busy'])

export class HostLink {
  readonly host: LibvirtHost
  private readonly options: Required<LinkOptions>
  private current: Promise<Libvirt> | undefined
  private failures = 0
  private askAgainAt = Number.NEGATIVE_INFINITY
  private lastReason = ''
  private lastFailed: Promise<Libvirt> | undefined
  private lastAnswerAt: number | undefined
  private isClosed = false

  constructor(host: LibvirtHost, options: LinkOptions = {}) {
    this.host = host
    this.options = {
      ...DEFAULTS,
      now: Date.now,
      monotonicMs: () => performance.now(),
      luck: Math.random,
      ...options,
    }
  }

  get id(): HostId {
    return this.host.id
  }

  now(): number {
    return this.options.now()
  }

  /** Whether it is asked only now and then, having failed too often in a row. */
  get isBroken(): boolean {
    return this.failures >= this.options.failuresMax
  }

  private get libvirtOptions(): LibvirtOptions {
    const { connectTimeoutMs, callTimeoutMs, keepalive } = this.options
    return { connectTimeoutMs, callTimeoutMs, keepalive, onHandlerError: () => undefined }
  }

  /** A connection of one's own, beside the one that watches. @param uri another way to the same host */
  openNew(options: LibvirtOptions = {}, uri = this.host.uri): Promise<Libvirt> {
    return this.options.open(uri, { ...this.libvirtOptions, ...options })
  }

  /** Does something with the connection. Rejects with a `LibvirtError`; a host that is not to be asked yet rejects at once. */
  async use<Result>(work: (libvirt: Libvirt) => Promise<Result>): Promise<Result> {
    const opening = this.current ?? this.open()
    let libvirt: Libvirt | undefined
    try {
      libvirt = await opening
      const result = await work(libvirt)
      this.answered()
      return result
    } catch (error) {
      this.failed(opening, libvirt, error)
      throw error
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    const { current } = this
    this.current = undefined
    await current?.then(
      (libvirt) => libvirt.close(),
      () => undefined,
    )
  }

  /** Why it can't be asked, for people: what happened, since when, and when it is asked again. */
  describe(error: unknown): string {
    const what = error instanceof Error ? error.message : String(error)
    if (this.lastAnswerAt === undefined) return `${this.id}: ${what} It has never answered.`
    const agoSec = Math.round((this.options.now() - this.lastAnswerAt) / 1000)
    return `${this.id}: ${what} It last answered ${agoSec} s ago.`
  }

  private open(): Promise<Libvirt> {
    if (this.isClosed) return Promise.reject(new LibvirtError('closed', 'The driver was closed.'))
    const waitMs = this.askAgainAt - this.options.monotonicMs()
    if (waitMs > 0) {
      const when = `It is asked again in ${Math.ceil(waitMs / 1000)} s.`
      return Promise.reject(new NotYetError(`${this.lastReason} ${when}`))
    }
    // Whoever asks meanwhile waits for this one: a host is dialled once at a time.
    const opening = this.openNew()
    this.current = opening
    opening.then(
      (libvirt) => libvirt.ended.then(() => this.forget(opening)),
      () => this.forget(opening),
    )
    return opening
  }

  private forget(opening: Promise<Libvirt>): void {
    if (this.current === opening) this.current = undefined
  }

  private answered(): void {
    this.failures = 0
    this.askAgainAt = Number.NEGATIVE_INFINITY
    this.lastAnswerAt = this.options.now()
  }

  private failed(opening: Promise<Libvirt>, libvirt: Libvirt | undefined, error: unknown): void {
    if (error instanceof NotYetError) return
    if (!(error instanceof LibvirtError)) return
    if (libvirt !== undefined && HARMLESS.has(error.code)) {
      if (error.code === 'refused') this.answered()
      return
    }
    // One that was waited for by many fails once.
    if (this.lastFailed === opening) return
    this.lastFailed = opening
    this.forget(opening)
    // A call that is not answered keeps its place on the connection: a new one has all of them.
    void libvirt?.close()
    this.failures++
    this.lastReason = error.message
    this.askAgainAt = this.options.monotonicMs() + this.waitMs()
  }

  /** Longer each time and never the same for two hosts; a connection that worked until now is tried again at once. */
  private waitMs(): number {
    const { firstWaitMs, probeEveryMs, luck } = this.options
    if (this.isBroken) return probeEveryMs * (1 + 0.2 * luck())
    if (this.failures === 1) return 0
    return Math.min(probeEveryMs, firstWaitMs * 2 ** (this.failures - 2)) * (0.5 + 0.5 * luck())
  }
}

/** It was not asked, for it failed a moment ago. */
class NotYetError extends LibvirtError {
  constructor(message: string) {
    super('unreachable', message)
  }
}

/** The same trouble in the words that all platforms share. */
export function hypervisorError(link: HostLink, error: unknown): HypervisorError {
  if (error instanceof HypervisorError) return error
  if (!(error instanceof LibvirtError)) {
    return new HypervisorError('protocol', `${link.id}: ${String(error)}`, { cause: error })
  }
  const code = codeOf(error)
  const message = code === 'unreachable' ? link.describe(error) : `${link.id}: ${error.message}`
  return new HypervisorError(code, message, { cause: error })
}

function codeOf(error: LibvirtError): HypervisorErrorCode {
  if (error instanceof LibvirtRemoteError) {
    if (error.number === LIBVIRT_ERROR.noDomain) return 'unknown-vm'
    const isDenied = error.number === LIBVIRT_ERROR.operationDenied || error.number === LIBVIRT_ERROR.accessDenied
    return isDenied ? 'unauthorised' : 'refused'
  }
  return CODES[error.code]
}

const CODES: Readonly<Record<LibvirtErrorCode, HypervisorErrorCode>> = {
  address: 'refused',
  argument: 'refused',
  refused: 'refused',
  unauthorised: 'unauthorised',
  protocol: 'protocol',
  busy: 'busy',
  unreachable: 'unreachable',
  timeout: 'unreachable',
  lost: 'unreachable',
  closed: 'unreachable',
}
