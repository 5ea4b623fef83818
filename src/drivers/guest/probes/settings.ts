import { MINUTE_MS, SECOND_MS } from '../../../terms/units.ts'

/** Kinds of library calls, each a dimension of the personality. */
export const LIBRARY_KINDS = ['tls', 'allocator', 'dns'] as const
export type LibraryKind = (typeof LIBRARY_KINDS)[number]

/** How calls are counted: by a program of eBPF, by tracefs alone, or by whichever is better for the purpose and there. */
export const PROBE_WAYS = ['auto', 'bpftrace', 'tracefs'] as const
export type ProbeWay = (typeof PROBE_WAYS)[number]

/** A function in a library, to be watched at its first instruction. */
export interface ProbedFunction {
  /** Beginning of the library's file name: `libssl.so` is any version of it. */
  readonly library: string
  readonly name: string
}

/** How long to stay attached. A count ends early once it is good enough: what a probe costs is paid per call. */
export interface Attachment {
  readonly attachedMs: number
  /** Calls after which the probes are taken off again; the relative error is then about its inverse root. */
  readonly callsMax: number
}

/** What the probes are to do. Nothing is attached between two rounds. */
export interface ProbeSettings {
  readonly way: ProbeWay
  readonly everyMs: number
  /** Time attached in each round; absent: system calls are not counted. */
  readonly systemCallsMs?: number
  /** Functions by kind; a kind without functions is not counted. */
  readonly functions: Readonly<Record<LibraryKind, readonly ProbedFunction[]>>
  readonly attachments: Readonly<Record<LibraryKind, Attachment>>
  /** Where the results are left for the agent. */
  readonly resultFile: string
}

/** Where the unit's runtime folder is. */
export const RESULT_FILE = '/run/ethos/probes.json'

/** In glibc `gethostbyname` is a wrapper of `gethostbyname_r`, so the latter alone is watched; `SSL_read` and `SSL_read_ex` do not call each
 *  other. So each call is counted once. */
const FUNCTIONS: ProbeSettings['functions'] = {
  tls: [
    ...among('libssl.so', ['SSL_read', 'SSL_write', 'SSL_read_ex', 'SSL_write_ex']),
    ...among('libgnutls.so', ['gnutls_record_recv', 'gnutls_record_send']),
  ],
  allocator: among('libc.so', ['malloc', 'free', 'calloc', 'realloc']),
  dns: among('libc.so', ['getaddrinfo', 'gethostbyname_r', 'gethostbyname2_r']),
}

/** 5 s of 300 s is 1.7 %: a program whose system calls became infinitely slow would lose no more. A probe in a library costs a trap or two, 1 to
 *  10 us in a virtual machine: 2000 calls of each function of the allocator are at most 80 ms, 5000 of the others 50 ms. Measured by
 *  `npm run bench:probes`. */
export const PROBE_DEFAULTS: ProbeSettings = {
  way: 'auto',
  everyMs: 5 * MINUTE_MS,
  systemCallsMs: 5 * SECOND_MS,
  functions: FUNCTIONS,
  attachments: {
    tls: { attachedMs: 5 * SECOND_MS, callsMax: 5000 },
    dns: { attachedMs: 5 * SECOND_MS, callsMax: 5000 },
    allocator: { attachedMs: 200, callsMax: 2000 },
  },
  resultFile: RESULT_FILE,
}

function among(library: string, names: readonly string[]): readonly ProbedFunction[] {
  return names.map((name) => ({ library, name }))
}
