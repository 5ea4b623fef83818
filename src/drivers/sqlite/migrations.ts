import { StoreError } from '../../world/errors.ts'
import type { OnProgress } from '../../world/site-store.ts'
import type { Database } from './database.ts'
import { backTo0, forwardTo1 } from './schema-0.ts'

/** The newest schema, which this version writes. */
export const SCHEMA_VERSION = 1

/** One step between two schemas, within a transaction of its own. */
interface Migration {
  readonly to: number
  readonly forward: (database: Database, onProgress: OnProgress) => void
  readonly back: (database: Database, onProgress: OnProgress) => void
}

/** The first leads from 0 to 1, and so on. */
const MIGRATIONS: readonly Migration[] = [{ to: 1, forward: forwardTo1, back: backTo0 }]

/** The schema of a file; 0 is what was written before schemas had numbers, or nothing at all. */
export function schemaOf(database: Database): number {
  return Number(database.first('PRAGMA user_version')?.['user_version'])
}

/** Whether a migration would find rows to carry over. */
export function isOld(database: Database): boolean {
  if (schemaOf(database) >= SCHEMA_VERSION) return false
  return database.first(`SELECT 1 FROM sqlite_schema LIMIT 1`) !== undefined
}

/** Brings a file to a schema, step by step, each wholly or not at all. Throws a `StoreError` `newer` where a later version has written it.
 *  @param to the newest, unless somebody wants to go back */
export function migrate(database: Database, onProgress: OnProgress = () => undefined, to = SCHEMA_VERSION): void {
  for (;;) {
    const version = schemaOf(database)
    refuseNewer(database, version)
    if (version === to) return
    const step = MIGRATIONS[version < to ? version : version - 1]
    database.whole(() => {
      // Another process may have been faster while this one waited for its turn.
      if (schemaOf(database) !== version) return
      if (version < to) step.forward(database, onProgress)
      else step.back(database, onProgress)
      database.execute(`PRAGMA user_version = ${version < to ? step.to : step.to - 1}`)
    })
  }
}

function refuseNewer(database: Database, version: number): void {
  if (version <= SCHEMA_VERSION) return
  const remedy = `Run the version that wrote it, or let that one take it back: ethos store migrate --to ${SCHEMA_VERSION}.`
  const message = `${database.path}: its schema is ${version}, and this version of Ethos knows ${SCHEMA_VERSION}. ${remedy}`
  throw new StoreError('newer', message)
}
