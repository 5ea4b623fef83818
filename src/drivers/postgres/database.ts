/** A bounded pool of connections to one PostgreSQL server: reads, and transactions that are durable when they return. */
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool, type PoolClient, type QueryResult, types } from 'pg'
import { StoreError } from '../../world/errors.ts'
import type { Address } from './address.ts'
import { asStoreError, isCollision, isLost, isSilent } from './failures.ts'

/** A value that goes to the server. Lists go as text of an array: see `arrays.ts`. */
export type Value = string | number | boolean | null | Uint8Array
export type Row = Readonly<Record<string, unknown>>

export interface DatabaseLimits {
  readonly connectionsMax: number
  readonly connectMs: number
  /** Longest that one statement may run. */
  readonly statementMs: number
  /** How long a connection that nobody uses is kept. */
  readonly idleMs: number
}

export const DATABASE_LIMITS: DatabaseLimits = {
  connectionsMax: 8,
  connectMs: 5000,
  statementMs: 30_000,
  idleMs: 60_000,
}

/** How much longer than the server's own limit we wait for it to say so: after that the line is dead. */
const GRACE_MS = 5000
/** A line that nothing passes over for so long is asked whether it is still there. */
const KEEP_ALIVE_MS = 10_000
/** A transaction that collides with others is done again so often. */
const ATTEMPTS = 5
/** How long it is asked what became of a transaction whose commit was not answered, and with which pauses. */
const SETTLE_MS = 15_000
const SETTLE_PAUSE_MS = 250
/** Longest that a change of the schema may take: it may copy what is there. */
const ALTER_MS = 3_600_000
/** A server that was told not to wait for its disk waits for ours. */
const DURABLE =
  "CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN set_config('synchronous_commit', 'on', true) END"

/** What may be asked on one connection. */
export interface Queries {
  all(sql: string, ...values: readonly Value[]): Promise<readonly Row[]>
  first(sql: string, ...values: readonly Value[]): Promise<Row | undefined>
  /** Returns how many rows were changed. */
  run(sql: string, ...values: readonly Value[]): Promise<number>
}

export interface DatabaseOptions {
  readonly address: Address
  /** Schema within the database that holds the tables. */
  readonly schema: string
  /** Version of the schema that is written. */
  readonly version: number
  readonly limits: DatabaseLimits
}

/** Reads alone: outside of `write` nothing is changed. */
export class Database implements Pick<Queries, 'all' | 'first'> {
  readonly name: string
  readonly schema: string
  /** Version of the schema that is written. */
  readonly version: number
  private readonly pool: Pool
  private readonly limits: DatabaseLimits
  private isClosed = false
  private ended: Promise<void> | undefined

  /** Connects when something is asked, not before. */
  constructor({ address, schema, version, limits }: DatabaseOptions) {
    this.name = `PostgreSQL ${address.name}`
    this.schema = schema
    this.version = version
    this.limits = limits
    this.pool = new Pool({
      host: address.host,
      port: address.port,
      user: address.user,
      database: address.database,
      password: address.password,
      ssl: address.tls,
      application_name: 'ethos',
      options: `-c search_path=${schema} -c client_min_messages=warning -c bytea_output=hex`,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      max: limits.connectionsMax,
      connectionTimeoutMillis: limits.connectMs,
      idleTimeoutMillis: limits.idleMs,
      statement_timeout: limits.statementMs,
      query_timeout: limits.statementMs + GRACE_MS,
      // Whoever freezes within a transaction holds locks that others wait for.
      idle_in_transaction_session_timeout: limits.statementMs,
      types: { getTypeParser },
    })
    // A connection that nobody uses was lost. The next one who asks gets another.
    this.pool.on('error', () => undefined)
  }

  async all(sql: string, ...values: readonly Value[]): Promise<readonly Row[]> {
    return this.connected((queries) => queries.all(sql, ...values))
  }

  async first(sql: string, ...values: readonly Value[]): Promise<Row | undefined> {
    return (await this.all(sql, ...values))[0]
  }

  /** Several reads that see one state. @param statementMs longest that one of them may run */
  async look<T>(work: (queries: Queries) => Promise<T>, statementMs = this.limits.statementMs): Promise<T> {
    return this.connected(async (queries, client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      await queries.all(...timeout(statementMs))
      const result = await work(queries)
      await client.query('COMMIT')
      return result
    }, statementMs)
  }

  /** All changes within are kept, or none. Durable when it resolves. The work is done again where it collides with that of others or the line
   *  is lost before its end, so it does nothing but ask the database. */
  async write<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.connected((queries, client) => this.transaction(client, queries, work))
      } catch (error) {
        // The connection was given back before we ask: all of them may have been lost at once.
        if (error instanceof Doubt && (await this.isCommitted(error.mark))) return error.result as T
        const isWorthAnother = error instanceof Doubt || (error instanceof StoreError && isCollision(error.cause))
        if (attempt < ATTEMPTS && isWorthAnother) continue
        throw error instanceof Doubt ? asStoreError(this.name, error.cause) : error
      }
    }
  }

  /** Changes the schema: all of it, or nothing. One process at a time does. */
  async alter<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.connected(async (queries, client) => {
      await client.query('BEGIN')
      await queries.all(...timeout(ALTER_MS))
      await queries.all("SELECT pg_advisory_xact_lock(hashtextextended('ethos ' || $1, 0))", this.schema)
      const result = await work(queries)
      await client.query('COMMIT')
      return result
    }, ALTER_MS)
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.isClosed = true
    this.ended ??= this.pool.end()
    await this.ended
  }

  private async transaction<T>(
    client: PoolClient,
    queries: Queries,
    work: (queries: Queries) => Promise<T>,
  ): Promise<T> {
    const mark = randomUUID()
    await this.begin(client, mark)
    const result = await work(queries)
    try {
      await client.query('COMMIT')
    } catch (error) {
      throw isLost(error) ? new Doubt(mark, result, error) : error
    }
    return result
  }

  /** Begins a transaction that waits for the disk at its end, whatever the server does by itself, and leaves a mark by which it is known later
   *  whether it was committed. Refuses where another process has changed the schema since. */
  private async begin(client: PoolClient, mark: string): Promise<void> {
    const answers = (await client.query(
      `BEGIN; SELECT version, ${DURABLE} FROM schema_version; INSERT INTO commits (mark) VALUES ('${mark}')`,
    )) as unknown as readonly QueryResult<{ version: number }>[]
    const version = answers[1].rows[0]?.version ?? 0
    if (version === this.version) return
    const [code, remedy] =
      version > this.version
        ? (['newer', 'Bring this program up to date, and start it again.'] as const)
        : (['invalid', 'Start this program again: it brings the schema forward.'] as const)
    const what = `Its schema has version ${version} now, and this program writes version ${this.version}`
    throw new StoreError(code, `${this.name}: ${what}. ${remedy}`)
  }

  /** What became of a transaction whose commit was not answered. Leaving its mark again waits for its end, if it is still under way; if the
   *  mark is there afterwards and is not ours, it was committed. */
  private async isCommitted(mark: string): Promise<boolean> {
    const startedAt = performance.now()
    while (performance.now() - startedAt < SETTLE_MS) {
      try {
        const sql = 'INSERT INTO commits (mark) VALUES ($1) ON CONFLICT DO NOTHING RETURNING mark'
        return (await this.all(sql, mark)).length === 0
      } catch (error) {
        if (!isLost(error)) throw error
      }
      await pause(SETTLE_PAUSE_MS)
    }
    throw new StoreError(
      'unreachable',
      `${this.name}: the line was lost while a change was made durable, and the server did not come back in time to ` +
        'say whether it was. Ask again once it is there; whoever repeats a vector does no harm.',
    )
  }

  /** Does work on a connection. A line that is lost meanwhile is often one that was lost long ago: then it is done again on another, once. */
  private async connected<T>(
    work: (queries: Queries, client: PoolClient) => Promise<T>,
    statementMs = this.limits.statementMs,
  ): Promise<T> {
    for (let isAgain = false; ; isAgain = true) {
      if (this.isClosed) throw new StoreError('closed', `${this.name} was closed.`)
      const client = await this.connect()
      try {
        return await use(client, () => work(new Connection(client, statementMs + GRACE_MS), client))
      } catch (error) {
        // One that did not answer for so long will not do so the second time.
        const isFinal = isAgain || !isLost(error) || isSilent(error)
        if (isFinal || error instanceof StoreError || error instanceof Doubt) throw asStoreError(this.name, error)
      }
    }
  }

  private async connect(): Promise<PoolClient> {
    try {
      return await this.pool.connect()
    } catch (error) {
      throw asStoreError(this.name, error)
    }
  }
}

/** A transaction whose commit was not answered: it may be kept or not. */
class Doubt extends Error {
  readonly mark: string
  readonly result: unknown

  constructor(mark: string, result: unknown, cause: unknown) {
    super('a commit was not answered', { cause })
    this.mark = mark
    this.result = result
  }
}

/** A connection that is lost, or left within a transaction, is not used again. */
async function use<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  // While it is in use the pool does not listen, and an error that nobody listens to would end the process.
  client.on('error', ignore)
  let failure: Error | undefined
  try {
    return await work()
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
    const isOver = error instanceof Doubt || isLost(error)
    if (!isOver && (await rolledBack(client))) failure = undefined
    throw error
  } finally {
    // A connection that is thrown away may still say that it is lost.
    if (failure === undefined) client.removeListener('error', ignore)
    client.release(failure)
  }
}

function ignore(): void {}

async function rolledBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK')
    return true
  } catch {
    return false
  }
}

function timeout(statementMs: number): [string, string] {
  return ["SELECT set_config('statement_timeout', $1, true)", `${statementMs}`]
}

class Connection implements Queries {
  private readonly client: PoolClient
  private readonly waitMs: number

  constructor(client: PoolClient, waitMs: number) {
    this.client = client
    this.waitMs = waitMs
  }

  async all(sql: string, ...values: readonly Value[]): Promise<readonly Row[]> {
    return (await this.ask(sql, values)).rows as readonly Row[]
  }

  async first(sql: string, ...values: readonly Value[]): Promise<Row | undefined> {
    return (await this.all(sql, ...values))[0]
  }

  async run(sql: string, ...values: readonly Value[]): Promise<number> {
    return (await this.ask(sql, values)).rowCount ?? 0
  }

  private ask(sql: string, values: readonly Value[]): Promise<QueryResult> {
    const query = { name: nameOf(sql), text: sql, values: [...values], query_timeout: this.waitMs }
    return this.client.query(query)
  }
}

const names = new Map<string, string>()

/** Statements are prepared once a connection, by a name that tells them apart. All of ours are constants. */
function nameOf(sql: string): string {
  let name = names.get(sql)
  if (name === undefined) {
    name = `ethos_${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`
    names.set(sql, name)
  }
  return name
}

type TypeId = Parameters<typeof types.getTypeParser>[0]

/** As pg reads them, but for int8, which counts vectors and lines here and never comes near 2^53, and for bytes, which are plain ones: a slice of
 *  a `Buffer` is no copy. */
const getTypeParser: typeof types.getTypeParser = (oid: TypeId, format?: 'text' | 'binary') => {
  if (oid === types.builtins.INT8) return Number
  if (oid === types.builtins.BYTEA) return bytesOf
  return types.getTypeParser(oid, format)
}

/** From `\\x0123...`, the default of `bytea_output`. */
function bytesOf(text: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = Buffer.from(text.slice(2), 'hex')
  return new Uint8Array(buffer, byteOffset, byteLength)
}
