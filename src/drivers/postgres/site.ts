/** What several processes remember together, in PostgreSQL. */
import type { AdmissionRule, SiteStore } from '../../world/site-store.ts'
import { StoreError } from '../../world/errors.ts'
import { type Address, parseAddress } from './address.ts'
import { Database, DATABASE_LIMITS, type DatabaseLimits } from './database.ts'
import { PostgresHosts } from './hosts.ts'
import { PostgresIdentities } from './identities.ts'
import { PostgresJournal } from './journal.ts'
import { migrate } from './migrate.ts'
import { PostgresLeases } from './leases.ts'
import { PostgresAudit, PostgresPhases, PostgresSettings } from './records.ts'
import { MIGRATIONS, type Migration } from './schema.ts'
import { PostgresApiTokens, PostgresJoinTokens } from './tokens.ts'
import { PostgresUpkeep } from './upkeep.ts'
import { PostgresUsage } from './usage.ts'
import { PostgresVectors } from './vectors.ts'

export interface PostgresSiteOptions {
  /** Judges each arrival. */
  readonly admit: AdmissionRule
  /** Schema within the database; by default `ethos`. */
  readonly schema?: string
  readonly limits?: Partial<DatabaseLimits>
  /** The schema stays as it is: for looking and copying. What is written is refused unless it is the newest. */
  readonly isSchemaLeft?: boolean
  /** Told what an operator should know: that the line is not encrypted. */
  readonly onWarning?: (warning: string) => void
}

const SCHEMA = 'ethos'
const SCHEMA_PATTERN = /^[a-z_][a-z0-9_]{0,40}$/

/** Connects, and brings the schema forward. Rejects with a `StoreError`: `unreachable`, `invalid` for a URL, password or right that is not what it
 *  should be, `newer` for a schema of a later version. @param url as in docs/store-postgres.md */
export async function openPostgresSite(url: string, options: PostgresSiteOptions): Promise<SiteStore> {
  const { address, database } = connect(url, options, MIGRATIONS)
  for (const warning of address.warnings) options.onWarning?.(warning)
  try {
    if (options.isSchemaLeft !== true) await migrate(database, MIGRATIONS)
  } catch (error) {
    await database.close()
    throw error
  }
  return {
    name: database.name,
    identities: new PostgresIdentities(database),
    joinTokens: new PostgresJoinTokens(database),
    apiTokens: new PostgresApiTokens(database),
    vectors: new PostgresVectors(database, options.admit),
    usage: new PostgresUsage(database),
    hosts: new PostgresHosts(database),
    journal: new PostgresJournal(database),
    audit: new PostgresAudit(database),
    phases: new PostgresPhases(database),
    settings: new PostgresSettings(database),
    leases: new PostgresLeases(database),
    upkeep: new PostgresUpkeep(database, address),
    close: () => database.close(),
  }
}

/** Takes the schema to a version, forwards or back; to none, which is 0, everything goes. Returns the version that was there. */
export async function migratePostgresSite(
  url: string,
  to: number,
  options: Omit<PostgresSiteOptions, 'admit'> & { readonly migrations?: readonly Migration[] } = {},
): Promise<number> {
  const migrations = options.migrations ?? MIGRATIONS
  const { database } = connect(url, options, migrations)
  try {
    return await migrate(database, migrations, to)
  } finally {
    await database.close()
  }
}

function connect(
  url: string,
  { schema = SCHEMA, limits = {} }: Omit<PostgresSiteOptions, 'admit'>,
  migrations: readonly Migration[],
): { readonly address: Address; readonly database: Database } {
  if (!SCHEMA_PATTERN.test(schema)) {
    throw new StoreError('invalid', `The schema "${schema}" is no name of lower-case letters, digits and underscores.`)
  }
  const address = parseAddress(url)
  const database = new Database({
    address,
    schema,
    version: migrations.length,
    limits: { ...DATABASE_LIMITS, ...limits },
  })
  return { address, database }
}
