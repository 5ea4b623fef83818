import type { Address, Machine } from '../machine.ts'
import { CollectError, type Collector, type Counts, known } from './application.ts'
import { readPassword } from './password.ts'
import { signIn } from './postgres-sign-in.ts'
import { classifiedStatements, databases, FEATURES, SESSIONS } from './postgres-sql.ts'
import { notPostgres, PostgresError, query } from './postgres-wire.ts'
import { Session, showAddress } from './session.ts'
import type { ServerSettings } from './settings.ts'
import type { Wire } from './wire.ts'

const ANSWER_BYTES_MAX = 128 * 1024
/** object_not_in_prerequisite_state: the extension was made, but its library is not loaded. */
const NOT_LOADED = '55000'
const NO_RIGHT = '42501'

/** What this server has to offer, asked once per connection. */
interface Features {
  /** The view as SQL names it; missing where the extension is not in this database. */
  readonly statements?: string
  readonly statementColumns: readonly string[]
  readonly hasActiveTime: boolean
  readonly mayReadAll: boolean
  /** Set once the view could not be read: asking again would fill the server's log. Another connection tries again. */
  isUnreadable: boolean
}

/** PostgreSQL 12 and newer: `pg_stat_database`, `pg_stat_activity`, and `pg_stat_statements` where it is. Texts of queries stay where they are:
 *  what kind they are is worked out by the server, and only sums come back. */
export class PostgresCollector implements Collector {
  readonly title: string
  readonly place: string
  private readonly user: string
  private readonly session: Session<Features>
  private asked = 0
  private missing: { readonly because: string; readonly remedy?: string } | undefined

  constructor(machine: Machine, settings: ServerSettings & { readonly user: string }, address: Address) {
    this.title = `PostgreSQL ${settings.name}`.trim()
    this.place = showAddress(address)
    this.user = settings.user
    const { user, database = 'postgres', passwordFile } = settings
    const password = async (): Promise<Uint8Array | undefined> =>
      passwordFile === undefined ? undefined : readPassword(machine, passwordFile)
    this.session = new Session(machine, { address, bytesMax: ANSWER_BYTES_MAX }, async (wire) => {
      await explained(user, signIn(wire, machine.secrets, { user, database, address, password }))
      return readFeatures(await query(wire, FEATURES))
    })
  }

  async collect(): Promise<Counts> {
    const counts = await this.session.use((wire, features) => this.ask(wire, features))
    // What is asked is one transaction each time. It is counted by the server as it is by us.
    this.asked++
    return counts
  }

  lacks(): { readonly because: string; readonly remedy?: string } | undefined {
    return this.missing
  }

  close(): void {
    this.session.close()
  }

  private async ask(wire: Wire, features: Features): Promise<Counts> {
    this.missing = features.isUnreadable ? UNREADABLE : lacking(features, this.user)
    const statements = this.missing === undefined ? classifiedStatements(features) : undefined
    const common = databases(features.hasActiveTime) + SESSIONS
    try {
      const rows = await query(wire, statements === undefined ? common : common + statements)
      return toCounts(rows, { ...features, asked: this.asked })
    } catch (error) {
      if (!(error instanceof PostgresError) || (error.code !== NOT_LOADED && error.code !== NO_RIGHT)) throw error
      if (statements === undefined) throw error
      features.isUnreadable = true
      this.missing = UNREADABLE
      return toCounts(await query(wire, common), { ...features, asked: this.asked })
    }
  }
}

const PRELOAD = "shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, and a restart"
const UNREADABLE = { because: 'pg_stat_statements can not be read: transactions are counted instead', remedy: PRELOAD }

/** What can't be told for want of a right or of the extension. */
function lacking(
  { statements, mayReadAll }: Features,
  user: string,
): { readonly because: string; readonly remedy: string } | undefined {
  if (!mayReadAll) {
    const because = 'statements and sessions of others are hidden: only transactions and cache hits are seen'
    return { because, remedy: `GRANT pg_monitor TO ${quoted(user)};` }
  }
  if (statements !== undefined) return undefined
  const because =
    'pg_stat_statements is not in the database that is asked: transactions are counted instead of statements'
  return { because, remedy: `${PRELOAD}; then CREATE EXTENSION pg_stat_statements;` }
}

async function explained(user: string, signingIn: Promise<void>): Promise<void> {
  try {
    await signingIn
  } catch (error) {
    if (!(error instanceof PostgresError) || !error.code.startsWith('28')) throw error
    const remedy = `CREATE ROLE ${quoted(user)} LOGIN; GRANT pg_monitor TO ${quoted(user)};`
    throw new CollectError(`PostgreSQL does not let ${user} in`, { cause: error, isRefusal: true, remedy })
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

type Rows = readonly (readonly (string | null)[])[]

function readFeatures(rows: Rows): Features {
  const [statements, columns, active, mayReadAll] = rows[0] ?? []
  if (mayReadAll === undefined) throw notPostgres()
  const isName = typeof statements === 'string' && statements.length < 256
  return {
    ...(isName ? { statements } : {}),
    statementColumns: (columns ?? '').split(','),
    hasActiveTime: active === 't',
    mayReadAll: mayReadAll === 't',
    isUnreadable: false,
  }
}

/** Three rows in this order: databases, sessions, and statements if they were asked for. */
function toCounts(rows: Rows, features: Features & { readonly asked: number }): Counts {
  if (rows.length < 2 || rows.length > 3) throw notPostgres()
  const [databases, sessions, statements] = rows.map((row) => row.map(toNumber))
  const [transactions, hits, reads, fetched, written, deadlocks, activeMs] = databases
  const [connections, active, waiting] = sessions
  const timed = { requests: transactions - features.asked, timedRequests: transactions, timedMs: activeMs }
  const told = statements === undefined ? timed : statementCounts(statements)
  return {
    ...known('requests', told.requests),
    ...known('timedRequests', told.timedRequests),
    ...known('timedMs', told.timedMs),
    ...(statements === undefined ? {} : { ...known('reads', statements[2]), ...known('classified', statements[0]) }),
    ...known('cacheHits', hits),
    ...known('cacheLookups', hits + reads),
    // Nobody at work: nobody waits.
    levels: features.mayReadAll ? known('lockWaitShare', active === 0 ? 0 : waiting / active) : {},
    totals: {
      ...known('transactions', transactions),
      ...known('rows read', fetched),
      ...known('rows written', written),
      ...known('deadlocks', deadlocks),
    },
    details: [
      { name: 'connections', unit: 'connections', value: connections },
      ...(features.mayReadAll ? [{ name: 'connections at work', unit: 'connections', value: active }] : []),
    ],
  }
}

function statementCounts([calls, totalMs]: readonly number[]): Pick<Counts, 'requests' | 'timedRequests' | 'timedMs'> {
  return { requests: calls, timedRequests: calls, timedMs: totalMs }
}

function toNumber(text: string | null): number {
  return text === null || text.length > 40 || text === '' ? Number.NaN : Number(text)
}
