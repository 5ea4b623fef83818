/** Everything that the agent asks of the machine it runs on. One small file fills it (`node-machine.ts`), so that a smaller engine than
 *  Node can run the agent later. Nothing else of the agent may import `node:*`. */
import type { EpochMs } from '../../terms/units.ts'

export type Access = 'readable' | 'missing' | 'denied' | 'unreadable'

/** A call of the machine failed. `code` is the system's name: ENOSPC, EACCES, ECONNREFUSED, ETIMEDOUT, ... */
export class MachineError extends Error {
  override readonly name = 'MachineError'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Looks at files of the system; cheap, synchronous, and never throwing: what can't be read is undefined. */
export interface Looks {
  /** The beginning of a file as Latin-1 text, at most `maxBytes` (64 KiB by default); undefined if it can't be read. */
  readText(path: string, maxBytes?: number): string | undefined
  /** Bytes from a place on, at most so many; undefined if they can't be read. The bytes are used again by the next call. */
  readAt(path: string, offset: number, length: number): Uint8Array | undefined
  /** Names in a folder; undefined if it can't be listed. */
  list(path: string): readonly string[] | undefined
  readLink(path: string): string | undefined
  access(path: string): Access
}

/** Files of our own, for spool and identity. Throws `MachineError`. */
export interface Files {
  makeFolder(path: string, mode: number): void
  readBytes(path: string): Uint8Array
  /** Whole and durable or not at all: written beside, fsynced, renamed, folder fsynced. */
  writeWhole(path: string, bytes: Uint8Array | string, mode: number): void
  /** Opens for appending, made if missing. */
  openAppend(path: string, mode: number): AppendFile
  truncate(path: string, length: number): void
  /** A file, or an empty folder; what is not there is no error. */
  remove(path: string): void
  sizeOf(path: string): number | undefined
}

export interface AppendFile {
  /** Writes all bytes; on error part of them may have been written. */
  append(bytes: Uint8Array): void
  sync(): void
  close(): void
}

export interface RunOptions {
  readonly timeoutMs: number
  readonly outputBytesMax?: number
  readonly environment?: Readonly<Record<string, string>>
  /** Aborted: the program is killed. */
  readonly signal?: AbortSignal
}

export interface RunResult {
  /** Exit code, or -1 if it was ended by a signal or by the timeout, or could not be started. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** A stream to somebody. Rejects with `MachineError`. */
export interface Connection {
  write(bytes: Uint8Array): Promise<void>
  /** The next bytes that came; undefined at the end. */
  read(): Promise<Uint8Array | undefined>
  close(): void
}

export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

/** Trust and identity of a TLS connection, in PEM. Verification can't be switched off. */
export interface TlsIdentity {
  /** Whom to trust instead of the system's authorities. */
  readonly authorities?: string
  readonly certificate?: string
  readonly privateKey?: string
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** `http://`, `https://`, or `unix:/path/to/socket:/path` for plain HTTP over a local socket. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  readonly answerBytesMax: number
  readonly tls?: TlsIdentity
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What an HTTP listener was sent, body whole, unpacked (gzip) and within bounds. */
export interface HttpArrival {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface HttpReply {
  readonly status: number
  readonly contentType?: string
  readonly body?: Uint8Array | string
}

export interface Listener {
  readonly port: number
  close(): Promise<void>
}

/** Sockets and HTTP. Rejects with `MachineError`. */
export interface Network {
  connect(to: Address, timeoutMs: number): Promise<Connection>
  /** A request over HTTP/1.1, the connection kept alive between requests to the same origin with the same identity. No redirects. An answer in
   *  gzip is unpacked within the same bound. */
  request(request: HttpRequest): Promise<HttpAnswer>
  /** A GET over TLS whose server is *not* verified: only for what is checked by its content against a pin. Sends no body, and no identity. */
  fetchUnverified(url: string, bounds: Pick<HttpRequest, 'timeoutMs' | 'answerBytesMax'>): Promise<HttpAnswer>
  /** Closes kept connections, so that the next request uses new keys. */
  dropConnections(): void
  /** Serves HTTP on a local address. Bodies above `bodyBytesMax` are answered with 413, at most `connectionsMax` at a time. */
  listen(
    at: { readonly host: string; readonly port: number },
    limits: { readonly bodyBytesMax: number; readonly connectionsMax: number },
    answer: (arrival: HttpArrival) => HttpReply | Promise<HttpReply>,
  ): Promise<Listener>
  /** Opens a character device such as a virtio port without waiting. */
  openPort(path: string): Port
}

/** A virtio-serial port: bytes in and out; neither waits. Throws `MachineError`. */
export interface Port {
  /** Bytes taken; 0 if the other end takes none now. */
  write(bytes: Uint8Array): number
  /** Bytes that are there, at most 64 KiB; empty if none are. */
  read(): Uint8Array
  close(): void
}

export type Digest = 'md5' | 'sha1' | 'sha256'

/** Keys and digests. */
export interface Secrets {
  randomBytes(length: number): Uint8Array
  digest(algorithm: Digest, bytes: Uint8Array): Uint8Array
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array
  pbkdf2Sha256(password: Uint8Array, salt: Uint8Array, iterations: number, length: number): Uint8Array
  /** A new ECDSA key on P-256: private as PKCS#8 PEM, public as SPKI DER. */
  newKey(): { readonly privatePem: string; readonly publicDer: Uint8Array }
  /** ECDSA with SHA-256, signature in DER. */
  sign(privatePem: string, bytes: Uint8Array): Uint8Array
  /** SHA-256 of the SPKI of a certificate in PEM, and when it begins and ends. */
  readCertificate(pem: string): {
    readonly spkiSha256: Uint8Array
    readonly notBefore: EpochMs
    readonly notAfter: EpochMs
  }
}

/** The process we are. */
export interface Self {
  readonly pid: number
  readonly userId: number
  readonly processors: number
  /** Name of the engine and of its version, such as `node 24.21.0`. */
  readonly engine: string
  /** Width of the terminal that `print` goes to; undefined where it goes to none. */
  readonly columns?: number | undefined
  environment(name: string): string | undefined
  /** Where nobody reads any more (a pipe that was closed), the process is told to end, as by SIGTERM. */
  print(text: string): void
  complain(text: string): void
  /** CPU that this process used, in ms. */
  cpuMs(): number
  residentBytes(): number
  onSignal(name: 'SIGHUP' | 'SIGTERM' | 'SIGINT' | 'SIGUSR1', handler: () => void): void
}

export interface Machine extends Looks {
  readonly files: Files
  readonly network: Network
  readonly secrets: Secrets
  readonly self: Self
  now(): EpochMs
  monotonicMs(): number
  /** Ends early, without error, when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Runs a program to its end. Never rejects. */
  run(program: string, words: readonly string[], options: RunOptions): Promise<RunResult>
}
