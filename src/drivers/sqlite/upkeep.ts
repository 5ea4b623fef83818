import type { Upkeep } from '../../world/site-store.ts'
import { backupSqliteSite } from './backup.ts'
import type { ChangeQueue } from './change-queue.ts'
import { checkSqliteSite } from './check.ts'
import { schemaOf } from './migrations.ts'
import { fileSizes } from './site-sizes.ts'
import type { Tables } from './tables.ts'
import { Tending } from './tending.ts'

/** Packing, looking and copying. */
export function siteUpkeep(tables: Tables, queue: ChangeQueue): Upkeep {
  const { database } = tables
  const tending = new Tending(tables)
  return {
    tend: (at, retention) => queue.soon(() => tending.step(at, retention)),
    check: (onProgress) => checkSqliteSite(database.path, onProgress),
    backup: (path, onProgress) => backupSqliteSite(database.path, path, onProgress),
    schemaVersion: async () => schemaOf(database),
    sizeBytes: async () => {
      const { fileBytes, walBytes, sharedBytes } = fileSizes(database.path)
      return fileBytes + walBytes + sharedBytes
    },
  }
}
