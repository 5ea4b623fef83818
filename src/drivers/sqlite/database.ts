/** One SQLite file, opened for our way of writing: durable at each commit, several changes in one transaction, errors as `StoreError`. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { StoreError } from '../../world/errors.ts'

/** How long another process (`ethos token create` beside the server) may hold the file before we give up. */
const BUSY_MS = 5000
const SQLITE_FULL = 13
const SQLITE_CORRUPT = 11
const SQLITE_NOT_A_DATABASE = 26

export type Row = Record<string, unknown>

/** A column: a number, text, or nothing. */
export type Value = string | number | null

export class Database {
  readonly path: string
  private readonly database: DatabaseSync
  private readonly statements = new Map<string, StatementSync>()
  private isWhole = false

  /** WAL with `synchronous = FULL`: what was committed survives a kill of the process and a loss of power, as far as the disk keeps its word.
   *  @param path a file, made if missing */
  constructor(path: string, schema: string) {
    this.path = path
    this.database = attempt(path, () => {
      const database = new DatabaseSync(path)
      database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`)
      database.exec(schema)
      return database
    })
  }

  /** Changes rows. Returns how many. */
  run(sql: string, ...values: readonly Value[]): number {
    return attempt(this.path, () => Number(this.prepared(sql).run(...(values as readonly SQLInputValue[])).changes))
  }

  first(sql: string, ...values: readonly Value[]): Row | undefined {
    return attempt(this.path, () => this.prepared(sql).get(...(values as readonly SQLInputValue[])))
  }

  all(sql: string, ...values: readonly Value[]): readonly Row[] {
    return attempt(this.path, () => this.prepared(sql).all(...(values as readonly SQLInputValue[])))
  }

  /** All changes within are kept, or none. Durable when it returns. Within another one it is a part of that. */
  whole<T>(change: () => T): T {
    return this.isWhole ? this.part(change) : this.transaction(change)
  }

  close(): void {
    this.statements.clear()
    if (this.database.isOpen) this.database.close()
  }

  private transaction<T>(change: () => T): T {
    this.execute('BEGIN IMMEDIATE')
    this.isWhole = true
    try {
      const result = change()
      this.execute('COMMIT')
      return result
    } catch (error) {
      // SQLite itself has rolled back after some errors, such as a full disk.
      if (this.database.isTransaction) this.database.exec('ROLLBACK')
      throw error
    } finally {
      this.isWhole = false
    }
  }

  private part<T>(change: () => T): T {
    this.execute('SAVEPOINT part')
    try {
      const result = change()
      this.execute('RELEASE part')
      return result
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK TO part; RELEASE part')
      throw error
    }
  }

  private execute(sql: string): void {
    attempt(this.path, () => this.database.exec(sql))
  }

  private prepared(sql: string): StatementSync {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.database.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }
}

/** Errors of SQLite as ours. */
export function attempt<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (!(cause instanceof Error) || !('errcode' in cause)) throw cause
    // The lowest byte is the class of the error.
    const kind = Number(cause.errcode) & 255
    if (kind === SQLITE_FULL)
      throw new StoreError('full', `${path}: ${cause.message}. The disk is full: free some space.`, { cause })
    if (kind === SQLITE_CORRUPT || kind === SQLITE_NOT_A_DATABASE)
      throw new StoreError('corrupt', `${path}: ${cause.message}. Bring the file back from a copy.`, { cause })
    const remedy = 'Is the disk there and writable, and does the folder belong to this user?'
    throw new StoreError('io', `${path}: ${cause.message}. ${remedy}`, { cause })
  }
}
