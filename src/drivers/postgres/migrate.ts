/** Brings the schema from one version to another, one step a transaction, one process at a time. */
import { StoreError } from '../../world/errors.ts'
import type { Database, Queries } from './database.ts'
import type { Migration } from './schema.ts'

/** Moves to the version of all `migrations`, or to the one that is given, step by step: a kill leaves a whole version. A schema that is newer than
 *  all we know is refused with `newer`, for nobody here knows how to go back from it. Returns the version that was there before. */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
  to = migrations.length,
): Promise<number> {
  let before: number | undefined
  for (;;) {
    const version = await database.alter((queries) => step(database, queries, { migrations, to }))
    before ??= version
    if (version === to) return before
  }
}

/** Version that is there; 0: nothing. */
export async function versionOf(queries: Pick<Queries, 'first'>, schema: string): Promise<number> {
  const sql = 'SELECT to_regclass($1) IS NOT NULL AS is_there'
  if ((await queries.first(sql, `${schema}.schema_version`))?.['is_there'] !== true) return 0
  return Number((await queries.first('SELECT version FROM schema_version'))?.['version'] ?? 0)
}

/** One step towards a version. Returns the version before it. */
async function step(
  database: Database,
  queries: Queries,
  { migrations, to }: { readonly migrations: readonly Migration[]; readonly to: number },
): Promise<number> {
  const version = await versionOf(queries, database.schema)
  if (version > migrations.length) {
    const message =
      `${database.name}: its schema has version ${version}, and this program knows ${migrations.length} at most. ` +
      'Bring this program up to date, or let the newer one take the schema back.'
    throw new StoreError('newer', message)
  }
  if (version === to) return version
  if (version === 0) await found(queries, database.schema)
  const sql = version < to ? migrations[version].forwards : migrations[version - 1].back
  for (const statement of sql.split(';')) if (statement.trim() !== '') await queries.run(statement)
  await queries.run('UPDATE schema_version SET version = $1::int', version < to ? version + 1 : version - 1)
  return version
}

async function found(queries: Queries, schema: string): Promise<void> {
  await queries.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
  await queries.run('CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)')
  await queries.run('INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT FROM schema_version)')
}
