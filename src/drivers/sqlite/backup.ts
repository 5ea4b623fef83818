import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup } from 'node:sqlite'
import { StoreError } from '../../world/errors.ts'
import type { OnProgress } from '../../world/site-store.ts'
import { Database, storeErrorOf } from './database.ts'

const SECRET_MODE = 0o600
/** Pages in one go: 16 MiB, between which others get a turn. */
const PAGES = 4096

/** Copies a store while others write: what was there when it began, and nothing of what came since. The copy is its owner's alone and on disk when
 *  the promise resolves; where it rejects, there is none. @param to a file that does not exist */
export async function backupSqliteSite(
  path: string,
  to: string,
  onProgress: OnProgress = () => undefined,
): Promise<void> {
  // A connection of its own that goes on reading: a copy over one that looks anew would begin again whenever somebody writes.
  const source = new Database(path, '', 'read')
  try {
    source.execute('BEGIN')
    source.first('SELECT count(*) FROM sqlite_schema')
    closeSync(create(to))
    try {
      await backup(source.connection, to, {
        rate: PAGES,
        progress: ({ totalPages, remainingPages }) =>
          onProgress(totalPages === 0 ? 1 : 1 - remainingPages / totalPages),
      })
      for (const name of [to, dirname(to)]) sync(name)
      onProgress(1)
    } catch (error) {
      rmSync(to, { force: true })
      throw storeErrorOf(to, error)
    }
  } finally {
    source.close()
  }
}

function create(path: string): number {
  try {
    return openSync(path, 'wx', SECRET_MODE)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    const remedy =
      code === 'EEXIST'
        ? 'There is such a file already: name another.'
        : `It can not be made (${code}). May this user write there?`
    throw new StoreError('invalid', `${path}: ${remedy}`, { cause })
  }
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
