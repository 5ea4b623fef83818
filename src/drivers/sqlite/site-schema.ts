import { dirname, join } from 'node:path'
import { StoreError } from '../../world/errors.ts'
import type { OnProgress } from '../../world/site-store.ts'
import { Database } from './database.ts'
import { lockFile } from './folder-lock.ts'
import { isOld, migrate, schemaOf, SCHEMA_VERSION } from './migrations.ts'

/** The lock of a data folder: one server at a time runs with it. */
export const SERVER_LOCK = 'server.lock'

/** Brings a store that nobody uses to a schema, forward or back. Returns the one that it had. Throws a `StoreError`: `locked` where a server runs with it. */
export function migrateSqliteSite(
  path: string,
  { to = SCHEMA_VERSION, onProgress }: { readonly to?: number; readonly onProgress?: OnProgress },
): number {
  const database = new Database(path)
  try {
    const before = schemaOf(database)
    bring(database, false, to, onProgress)
    return before
  } finally {
    database.close()
  }
}

/** Another schema than this version's is no server's to use: who changes it takes the lock, for the time of it. */
export function bring(database: Database, hasLock: boolean, to?: number, onProgress?: OnProgress): void {
  const mustChange = to === undefined ? isOld(database) : schemaOf(database) !== to
  const lock = mustChange && !hasLock ? takeLock(join(dirname(database.path), SERVER_LOCK), database.path) : undefined
  try {
    migrate(database, onProgress, to)
  } finally {
    lock?.close()
  }
}

/** Throws a `StoreError` `locked` where another process has it. */
export function takeLock(lockPath: string, path: string): { close(): void } {
  const lock = lockFile(lockPath)
  if (lock === undefined)
    throw new StoreError('locked', `${path}: another server runs with it. Is one started already?`)
  return lock
}
