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
/** The extension was dropped or altered since we asked for it (undefined_table, undefined_column), or a right was taken. */
const UNREADABLE_CODES: ReadonlySet<string> = new Set([NOT_LOADED, '42501', '42P01', '42703'])
/** Where something is lacking it is asked again whether it still is. */
const FEATURES_EVERY_MS = 600_000

/** What this server has to offer, asked once per connection, and again where something is lacking. */
interface Features {
  /** The view as SQL names it; missing where the extension is not in this database. */
  readonly statements?: string
  readonly statementColumns: readonly string[]
  readonly hasActiveTime: boolean
  readonly mayReadAll: boolean
  /** The view that tells of forgotten statements. */
  readonly info?: string
}

/** One connection's features, and what was learnt since. */
interface Signed {
  features: Features
  readMs: number
  /** Why statements are not counted though the view is there: asking at each turn would fill the server's log. */
  without: { readonly because: string; readonly remedy: string } | undefined
  /** How often statements had been forgotten when we asked last. */
  forgotten: number
}

/** PostgreSQL 12 and newer: `pg_stat_database`, `pg_stat_activity`, and `pg_stat_statements` where it is. Texts of queries stay where they are:
 *  what kind they are is worked out by the server, and only sums come back. */
export class PostgresCollector implements Collector {
  readonly title: string
  readonly place: string
  private readonly user: string
  private readonly session: Session<Signed>
  private readonly machine: Machine
  private asked = 0
  private missing: { readonly because: string; readonly remedy?: string } | undefined

  constructor(machine: Machine, settings: ServerSettings & { readonly user: string }, address: Address) {
    this.title = `PostgreSQL ${settings.name}`.trim()
    this.place = showAddress(address)
    this.user = settings.user
    this.machine = machine
    const { user, database = 'postgres', passwordFile } = settings
    const password = async (): Promise<Uint8Array | undefined> =>
      passwordFile === undefined ? undefined : readPassword(machine, passwordFile)
    this.session = new Session(machine, { address, bytesMax: ANSWER_BYTES_MAX }, async (wire) => {
      await explained(user, signIn(wire, machine.secrets, { user, database, address, password }))
      return this.signed(wire)
    })
  }

  async collect(): Promise<Counts> {
    const counts = await this.session.use((wire, signed) => this.ask(wire, signed))
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

  private async signed(wire: Wire): Promise<Signed> {
    const features = readFeatures(await query(wire, FEATURES))
    return { features, readMs: this.machine.monotonicMs(), without: undefined, forgotten: Number.NaN }
  }

  private async ask(wire: Wire, signed: Signed): Promise<Counts> {
    if (this.missing !== undefined && this.machine.monotonicMs() - signed.readMs >= FEATURES_EVERY_MS)
      Object.assign(signed, await this.signed(wire))
    const { features } = signed
    const common = databases(features.hasActiveTime) + SESSIONS
    this.missing = signed.without ?? lacking(features, this.user)
    const statements = this.missing === undefined ? classifiedStatements(features) : undefined
    const asked = { mayReadAll: features.mayReadAll, asked: this.asked }
    if (statements === undefined) return toCounts(await query(wire, common), asked)
    try {
      const rows = await query(wire, common + statements)
      const forgotten = toNumber(rows[2]?.[3] ?? null)
      // A sum that lost a part is no sum.
      if (forgotten > signed.forgotten) signed.without = FORGOTTEN
      signed.forgotten = forgotten
      return toCounts(rows, asked)
    } catch (error) {
      if (!(error instanceof PostgresError) || !UNREADABLE_CODES.has(error.code)) throw error
      signed.without = UNREADABLE
      this.missing = UNREADABLE
      return toCounts(await query(wire, common), asked)
    }
  }
}

const PRELOAD = "shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, and a restart"
const UNREADABLE = { because: 'pg_stat_statements can not be read: transactions are counted instead', remedy: PRELOAD }
const FORGOTTEN = {
  because: 'pg_stat_statements has no room and forgets statements: transactions are counted instead',
  remedy: 'a higher pg_stat_statements.max in postgresql.conf, and a restart',
}

/** What can't be told for want of a right or of the extension. */
function lacking(
  { statements, mayReadAll }: Features,
  user: string,
): { readonly because: string; readonly remedy: string } | undefined {
  if (!mayReadAll) {
    const because = 'statements and sessions of others are hidden: only transactions and cache hits are seen'
    return { because, remedy: `GRANT pg_read_all_stats TO ${quoted(user)};` }
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
    const remedy = `CREATE ROLE ${quoted(user)} LOGIN; GRANT pg_read_all_stats TO ${quoted(user)};`
    throw new CollectError(`PostgreSQL does not let ${user} in`, { cause: error, isRefusal: true, remedy })
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

type Rows = readonly (readonly (string | null)[])[]

function isName(name: string | null | undefined): name is string {
  return typeof name === 'string' && name.length < 256
}

function readFeatures(rows: Rows): Features {
  const [statements, columns, active, mayReadAll, info] = rows[0] ?? []
  if (mayReadAll === undefined) throw notPostgres()
  return {
    ...(isName(statements) ? { statements } : {}),
    ...(isName(info) ? { info } : {}),
    statementColumns: (columns ?? '').split(','),
    hasActiveTime: active === 't',
    mayReadAll: mayReadAll === 't',
  }
}

/** Three rows in this order: databases, sessions, and statements if they were asked for. */
function toCounts(rows: Rows, features: { readonly mayReadAll: boolean; readonly asked: number }): Counts {
  if (rows.length < 2 || rows.length > 3) throw notPostgres()
  const [databases, sessions, statements] = rows.map((row) => row.map(toNumber))
  const [transactions, hits, reads, fetched, written, deadlocks, activeMs, uptimeSec] = databases
  const [connections, active, waiting] = sessions
  const timed = { requests: transactions - features.asked, timedRequests: transactions, timedMs: activeMs }
  const told = statements === undefined ? timed : statementCounts(statements)
  const [forgotten, resetSec] = statements?.slice(3) ?? []
  return {
    ...known('uptimeSec', uptimeSec),
    countedAs: statements === undefined ? 'transactions' : `statements since ${resetSec}, ${forgotten} forgotten`,
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
