import { existsSync, statSync } from 'node:fs'
import { backup } from 'node:sqlite'
import type { Upkeep } from '../../world/site-store.ts'
import type { ChangeQueue } from './change-queue.ts'
import { schemaOf } from './migrations.ts'
import type { Tables } from './tables.ts'
import { Tending } from './tending.ts'

/** Packing, looking and copying. */
export function siteUpkeep(tables: Tables, queue: ChangeQueue): Upkeep {
  const { database } = tables
  const tending = new Tending(tables)
  return {
    tend: (at, retention) => queue.soon(() => tending.step(at, retention)),
    check: async () => [],
    backup: async (path) => void (await backup(database.connection, path)),
    schemaVersion: async () => schemaOf(database),
    sizeBytes: async () => fileBytes(database.path),
  }
}

/** Bytes of the file and what belongs to it. */
export function fileBytes(path: string): number {
  return [path, `${path}-wal`, `${path}-shm`].reduce(
    (sum, name) => sum + (existsSync(name) ? statSync(name).size : 0),
    0,
  )
}
