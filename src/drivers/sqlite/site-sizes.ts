import { existsSync, statSync } from 'node:fs'
import { Database } from './database.ts'

/** Bytes on disk. */
export interface FileSizes {
  readonly fileBytes: number
  readonly walBytes: number
  readonly sharedBytes: number
}

export function fileSizes(path: string): FileSizes {
  const [fileBytes, walBytes, sharedBytes] = [path, `${path}-wal`, `${path}-shm`].map((name) =>
    existsSync(name) ? statSync(name).size : 0,
  )
  return { fileBytes, walBytes, sharedBytes }
}

/** What one table takes, its indices included. */
export interface TableSize {
  readonly table: string
  readonly rows: number
  readonly bytes: number
}

/** The tables by size, the largest first. Reads the whole file. Throws a `StoreError`. */
export function tableSizes(path: string): readonly TableSize[] {
  const database = new Database(path, '', 'read')
  try {
    const sql =
      'SELECT coalesce(tbl_name, s.name) AS "table", sum(pgsize) AS bytes FROM dbstat AS s LEFT JOIN sqlite_schema AS t ON t.name = s.name ' +
      'WHERE aggregate = TRUE GROUP BY 1 ORDER BY bytes DESC, 1'
    return database.all(sql).map((row) => {
      const table = String(row['table'])
      const rows = Number(database.first(`SELECT count(*) AS number FROM "${table}"`)?.['number'])
      return { table, rows, bytes: Number(row['bytes']) }
    })
  } finally {
    database.close()
  }
}
