/** Where a PostgreSQL server is and how it is spoken to, from one URL. What is said about it to people never holds a password. */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { StoreError } from '../../world/errors.ts'

/** `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE`, taken apart. */
export interface Address {
  /** For people: `ethos@db.example:5432/ethos`. */
  readonly name: string
  /** A name, an address, or the folder of a socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** Absent: the environment's PGPASSWORD, or ~/.pgpass, or none is needed. */
  readonly password?: string
  readonly tls: ConnectionOptions | false
  /** What libpq's programs, such as pg_dump, are told to do likewise: sslmode, sslrootcert, ... */
  readonly tlsWords: Readonly<Record<string, string>>
  /** What an operator should know: the line is not safe. */
  readonly warnings: readonly string[]
}

const PORT = 5432
/** Stands for the host of a URL that has a user and no host, which `URL` refuses. */
const NO_HOST = 'no-host.invalid'
/** libpq's `prefer` and `allow` fall back to plain text where somebody on the way wishes it: they are no choice. */
const MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const
type Mode = (typeof MODES)[number]
const FILES = ['sslrootcert', 'sslcert', 'sslkey'] as const
const KNOWN = new Set<string>(['host', 'sslmode', ...FILES])

/** Throws a `StoreError` `invalid` that says what is wrong with it; the URL itself is not repeated. */
export function parseAddress(text: string): Address {
  const url = parseUrl(text)
  const words = new Map(url.searchParams)
  const unknown = [...words.keys()].find((word) => !KNOWN.has(word))
  if (unknown !== undefined) throw invalid(`it says "${unknown}". Known are: ${[...KNOWN].join(', ')}.`)
  const host = words.get('host') ?? (url.hostname === NO_HOST ? '' : bare(decode(url.hostname)))
  if (host === '') throw invalid('it names no host. For a socket say ?host=/run/postgresql.')
  const user = decode(url.username)
  const database = decode(url.pathname.slice(1))
  if (user === '' || database === '') throw invalid('it needs a user and a database: postgres://USER@HOST/DATABASE.')
  const port = url.port === '' ? PORT : Number(url.port)
  const { tls, tlsWords, warnings } = tlsOf(host, words)
  const password = decode(url.password)
  return {
    name: `${user}@${host}:${port}/${database}`,
    host,
    port,
    user,
    database,
    ...(password === '' ? {} : { password }),
    tls,
    tlsWords,
    warnings,
  }
}

function parseUrl(text: string): URL {
  // An error of `new URL` holds its input, and that may hold a password.
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'postgres:' || url?.protocol === 'postgresql:') return url
  // A URL with a socket alone has no host: postgres://user@/database?host=/run/postgresql.
  const filled = text.replace(/^(postgres(?:ql)?:\/\/[^/@]*@)\//, `$1${NO_HOST}/`)
  if (filled !== text && URL.canParse(filled)) return new URL(filled)
  throw invalid('it is no URL of the form postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full.')
}

function tlsOf(host: string, words: ReadonlyMap<string, string>): Pick<Address, 'tls' | 'tlsWords' | 'warnings'> {
  const isLocal = isLocalHost(host)
  const mode = words.get('sslmode') ?? (isLocal ? 'disable' : 'verify-full')
  if (!isMode(mode)) throw invalid(`sslmode is "${mode}". Use one of: ${MODES.join(', ')}.`)
  const files = Object.fromEntries(FILES.flatMap((file) => entry(file, words.get(file))))
  const tlsWords = { sslmode: mode, ...files }
  if (mode === 'disable') {
    const warning = `The connection to ${host} is not encrypted (sslmode=disable): anyone on the way can read and change it. Use sslmode=verify-full.`
    return { tls: false, tlsWords, warnings: isLocal ? [] : [warning] }
  }
  const root = files['sslrootcert']
  if (mode === 'verify-ca' && (root === undefined || root === 'system'))
    throw invalid('sslmode=verify-ca needs sslrootcert=FILE with the CA that signed the certificate of the server.')
  // As libpq does: `require` with a root certificate is `verify-ca`.
  const verifies = mode !== 'require' || root !== undefined
  const tls: ConnectionOptions = {
    rejectUnauthorized: verifies,
    ...(root === undefined || root === 'system' ? {} : { ca: readWord('sslrootcert', root) }),
    ...(files['sslcert'] === undefined ? {} : { cert: readWord('sslcert', files['sslcert']) }),
    ...(files['sslkey'] === undefined ? {} : { key: readWord('sslkey', files['sslkey']) }),
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  }
  const warning = `Nobody checks that ${host} is who it claims to be (sslmode=${mode}). Use sslmode=verify-full.`
  return { tls, tlsWords, warnings: mode === 'verify-full' || isLocal ? [] : [warning] }
}

function entry(word: string, value: string | undefined): readonly (readonly [string, string])[] {
  return value === undefined ? [] : [[word, value]]
}

function isMode(word: string): word is Mode {
  return (MODES as readonly string[]).includes(word)
}

function isLocalHost(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function readWord(word: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError('invalid', `The file that ${word} names can't be read: ${why}`, { cause })
  }
}

/** IPv6 addresses stand in brackets. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('it holds a % that begins no two hexadecimal digits. Write %25 for a percent sign.')
  }
}

function invalid(why: string): StoreError {
  return new StoreError('invalid', `The URL of the PostgreSQL server can't be used: ${why}`)
}
