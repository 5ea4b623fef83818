/** One process at a time for a folder: a lock of the kernel on a file in it, as SQLite takes one. It ends with the process, however that ends. */
import { DatabaseSync } from 'node:sqlite'
import { attempt } from './database.ts'

const SQLITE_BUSY = 5
/** Node closes a database that nobody refers to any more, and with it would go the lock. */
const HELD = new Set<DatabaseSync>()

/** A lock that is held until `close`. Undefined if another process, or another part of this one, holds it. Throws `StoreError`. */
export function lockFile(path: string): { close(): void } | undefined {
  const database = attempt(path, () => new DatabaseSync(path))
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    HELD.add(database)
    return { close: () => letGo(database) }
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && (Number(error.errcode) & 255) === SQLITE_BUSY) return undefined
    return attempt(path, () => {
      throw error
    })
  }
}

function letGo(database: DatabaseSync): void {
  HELD.delete(database)
  database.close()
}
