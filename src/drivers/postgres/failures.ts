/** Errors of PostgreSQL, of its client and of the network as ours. */
import { StoreError, type StoreErrorCode } from '../../world/errors.ts'

/** What one class of error means for us, and what helps. Codes: PostgreSQL 15 manual, appendix A. */
interface Meaning {
  readonly code: StoreErrorCode
  readonly remedy: string
}

const UNREACHABLE: Meaning = { code: 'unreachable', remedy: 'Is PostgreSQL running and reachable from here?' }
const DAMAGED: Meaning = {
  code: 'corrupt',
  remedy: 'Look into the log of PostgreSQL, and bring the data back from a copy.',
}
const REFUSED: Meaning = {
  code: 'invalid',
  remedy: 'Are user, password, database and pg_hba.conf what they should be?',
}
const GRANT: Meaning = { code: 'invalid', remedy: 'Does the role own the database? See docs/store-postgres.md.' }
const SLOW: Meaning = {
  code: 'io',
  remedy: 'Is the server overloaded, or does somebody hold a lock? See pg_stat_activity.',
}

/** By SQLSTATE, the longest that fits first. */
const BY_STATE: Readonly<Record<string, Meaning>> = {
  '08': UNREACHABLE,
  '57P01': UNREACHABLE,
  '57P02': UNREACHABLE,
  '57P03': UNREACHABLE,
  '57P05': UNREACHABLE,
  '25P03': UNREACHABLE,
  '25006': {
    code: 'unreachable',
    remedy: 'This server only reads. Is it a standby, and is the URL that of the primary?',
  },
  '53300': {
    code: 'unreachable',
    remedy: 'All connections are taken: see max_connections, and how many each program takes.',
  },
  '53100': { code: 'full', remedy: 'The disk of PostgreSQL is full: free some space there.' },
  '53': { code: 'io', remedy: 'The server lacks memory or another resource. See its log.' },
  '57014': SLOW,
  '55P03': SLOW,
  '40': { code: 'io', remedy: 'Others changed the same things at the same time, again and again. Try again.' },
  '58': { code: 'io', remedy: "The server's disk does not do what it should. See its log." },
  XX001: DAMAGED,
  XX002: DAMAGED,
  '42P01': { code: 'corrupt', remedy: 'A table is missing. Was the schema changed by hand?' },
  '42703': { code: 'corrupt', remedy: 'A column is missing. Was the schema changed by hand?' },
  '3F000': { code: 'corrupt', remedy: 'The schema is missing. Was it dropped?' },
  '28': REFUSED,
  '3D000': REFUSED,
  '22': { code: 'invalid', remedy: 'This value can not be kept.' },
  '23': { code: 'invalid', remedy: 'Is it there already?' },
  '42501': GRANT,
}

/** The server refuses a transaction that collides with another; the whole of it may be done again. */
const COLLISIONS: ReadonlySet<string> = new Set(['40001', '40P01'])
/** Node's codes of a line that is not there, or was. */
const LINE = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE|ENOENT|EACCES|ERR_STREAM|ERR_SOCKET)/
/** The client's own errors of that kind, which have no code: pg 8, `lib/client.js`, and pg-pool 3. */
const LINE_MESSAGE = /Connection terminated|timeout expired|timeout exceeded|not queryable|Query read timeout/
const TLS = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_SSL)/

export function isCollision(error: unknown): boolean {
  return COLLISIONS.has(codeOf(error) ?? '')
}

/** The line was lost, or never was: what was sent last may have been done or not. */
export function isLost(error: unknown): boolean {
  return (error instanceof StoreError ? error.code : meaningOf(error)?.code) === 'unreachable'
}

/** The server did not answer in time. */
export function isSilent(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout'
}

/** @param name of the store, for the message */
export function asStoreError(name: string, error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const meaning = meaningOf(error)
  if (meaning === undefined) return error
  const { code, remedy } = meaning
  return new StoreError(code, `${name}: ${messageOf(error)}. ${remedy}`, { cause: error })
}

function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof Error)) return undefined
  const code = codeOf(error)
  if (code === undefined) {
    if (LINE_MESSAGE.test(error.message)) return UNREACHABLE
    if (/SSL connections/.test(error.message))
      return { code: 'invalid', remedy: 'Turn on ssl at the server, or say sslmode=disable where the line is safe.' }
    return /SASL|SCRAM|password/i.test(error.message) ? REFUSED : undefined
  }
  if (TLS.test(code))
    return {
      code: 'invalid',
      remedy: "Is the server's certificate of this name, and sslrootcert the CA that signed it?",
    }
  if (LINE.test(code)) return UNREACHABLE
  return byState(code)
}

function byState(code: string): Meaning | undefined {
  if (!/^[0-9A-Z]{5}$/.test(code)) return undefined
  return BY_STATE[code] ?? BY_STATE[code.slice(0, 2)] ?? { code: 'io', remedy: 'See the log of PostgreSQL.' }
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** An attempt on several addresses fails with several errors, and says nothing itself. */
function messageOf(error: Error): string {
  const all = error instanceof AggregateError ? error.errors : [error]
  return all.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')
}
