import type { EpochMs } from '../../terms/units.ts'
import type { Finding, OnProgress, Retention, Tended, Upkeep } from '../../world/site-store.ts'
import type { Address } from './address.ts'
import type { Database } from './database.ts'
import { dump } from './dump.ts'
import { versionOf } from './migrate.ts'

const SIZE = `
  SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS bytes FROM pg_class c
  WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r'`

export class PostgresUpkeep implements Upkeep {
  private readonly database: Database
  private readonly address: Address

  constructor(database: Database, address: Address) {
    this.database = database
    this.address = address
  }

  async tend(_at: EpochMs, _retention: Retention): Promise<Tended> {
    return { packed: 0, deleted: 0, isDone: true }
  }

  async check(_onProgress?: OnProgress): Promise<readonly Finding[]> {
    return []
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
