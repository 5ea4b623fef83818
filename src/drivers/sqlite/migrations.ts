import { StoreError } from '../../world/errors.ts'
import type { Database } from './database.ts'
import { SCHEMA_1 } from './schema.ts'

/** The newest schema, which this version writes. */
export const SCHEMA_VERSION = 1

/** The schema of a file; 0 is what was written before schemas had numbers, or nothing at all. */
export function schemaOf(database: Database): number {
  return Number(database.first('PRAGMA user_version')?.['user_version'])
}

/** Brings a file to the newest schema, wholly or not at all. Throws a `StoreError` `newer` where a later version has written it. */
export function migrate(database: Database): void {
  const version = schemaOf(database)
  if (version > SCHEMA_VERSION) {
    const remedy = 'Start the newer version, or let it go back by `ethos store migrate`.'
    throw new StoreError(
      'newer',
      `${database.path}: its schema is ${version}, and this version knows ${SCHEMA_VERSION}. ${remedy}`,
    )
  }
  if (version === SCHEMA_VERSION) return
  database.whole(() => {
    database.execute(SCHEMA_1)
    database.execute(`PRAGMA user_version = ${SCHEMA_VERSION}`)
  })
}
