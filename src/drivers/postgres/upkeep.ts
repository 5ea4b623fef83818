import { randomUUID } from 'node:crypto'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import type { Finding, OnProgress, Retention, Tended, Upkeep } from '../../world/site-store.ts'
import type { Address } from './address.ts'
import { checkPostgresSite } from './check.ts'
import type { Database, Queries } from './database.ts'
import { dump } from './dump.ts'
import { PostgresLeases } from './leases.ts'
import { versionOf } from './migrate.ts'
import { NOTHING, pruneJournal, pruneSmall, type Step, thinVectors } from './tend.ts'
import { expireUsageDays, packUsage } from './usage-days.ts'
import { expireVectorDays, packVectors } from './vector-days.ts'

/** Of several processes one tends. */
const LEASE = 'upkeep'
const LEASE_MS = 60_000
/** A day of hourly vectors may grow until the agents' spools, two days, are told; then it is packed. */
const SETTLED_MS = 3 * DAY_MS
const SIZE = `
  SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS bytes FROM pg_class c
  WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r'`

export class PostgresUpkeep implements Upkeep {
  private readonly database: Database
  private readonly address: Address
  private readonly leases: PostgresLeases
  private readonly holder = `upkeep ${randomUUID()}`

  constructor(database: Database, address: Address) {
    this.database = database
    this.address = address
    this.leases = new PostgresLeases(database)
  }

  /** Each step is a transaction of its own. Does nothing while another process holds the lease. */
  async tend(at: EpochMs, retention: Retention): Promise<Tended> {
    if ((await this.leases.take(LEASE, this.holder, at, LEASE_MS)) === undefined) return NOTHING
    const { vectorsMs, hourlyVectorsMs, usageMs, journalMs } = retention
    const work: readonly ((queries: Queries) => Promise<Step>)[] = [
      (queries) => pruneSmall(queries, at, retention),
      (queries) => thinVectors(queries, at, retention),
      (queries) => packVectors(queries, at - vectorsMs - SETTLED_MS),
      (queries) => expireVectorDays(queries, at - hourlyVectorsMs),
      (queries) => packUsage(queries, at - vectorsMs),
      (queries) => expireUsageDays(queries, at - usageMs),
      (queries) => pruneJournal(queries, at - journalMs),
    ]
    const steps: Step[] = []
    for (const step of work) steps.push(await this.database.write(step))
    return {
      packed: steps.reduce((sum, { packed }) => sum + packed, 0),
      deleted: steps.reduce((sum, { deleted }) => sum + deleted, 0),
      isDone: steps.every(({ isDone }) => isDone),
    }
  }

  check(onProgress?: OnProgress): Promise<readonly Finding[]> {
    return checkPostgresSite(this.database, this.database.version, onProgress)
  }

  async backup(path: string, onProgress?: OnProgress): Promise<void> {
    const { name, schema } = this.database
    const expectedBytes = await this.sizeBytes()
    await dump({ name, address: this.address, schema, path, expectedBytes }, onProgress)
  }

  schemaVersion(): Promise<number> {
    return versionOf(this.database, this.database.schema)
  }

  /** Tables with their indexes. */
  async sizeBytes(): Promise<number> {
    return Number((await this.database.first(SIZE, this.database.schema))?.['bytes'] ?? 0)
  }
}
