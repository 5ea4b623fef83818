import { existsSync, statSync } from 'node:fs'
import { backup } from 'node:sqlite'
import type { EpochMs } from '../../terms/units.ts'
import type { Retention, Tended, Upkeep } from '../../world/site-store.ts'
import type { ChangeQueue } from './change-queue.ts'
import { schemaOf } from './migrations.ts'
import type { Tables } from './tables.ts'

/** Packing, looking and copying. */
export function siteUpkeep(tables: Tables, queue: ChangeQueue): Upkeep {
  const { database } = tables
  return {
    tend: (at, retention) => queue.soon(() => tend(tables, at, retention)),
    check: async () => [],
    backup: async (path) => void (await backup(database.connection, path)),
    schemaVersion: async () => schemaOf(database),
    sizeBytes: async () => fileBytes(database.path),
  }
}

function tend({ audit, joinTokens }: Tables, at: EpochMs, retention: Retention): Tended {
  return { packed: 0, deleted: audit.prune(retention.auditMost) + joinTokens.prune(at), isDone: true }
}

/** Bytes of the file and what belongs to it. */
export function fileBytes(path: string): number {
  return [path, `${path}-wal`, `${path}-shm`].reduce(
    (sum, name) => sum + (existsSync(name) ? statSync(name).size : 0),
    0,
  )
}
