/** One SQLite file, opened for our way of writing: durable at each commit, several changes in one transaction, errors as `StoreError`. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { MiB } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'

/** How long another process (`ethos token create` beside the server) may hold the file before we give up. */
const BUSY_MS = 5000
/** Pages in the WAL (16 MiB) after which they go to the file: what many transactions write again goes there once. */
const CHECKPOINT_PAGES = 4000
/** A log that grew beyond this while somebody read for long is cut back once it was taken into the file. */
const LOG_BYTES_MAX = 64 * MiB
const SQLITE_BUSY = 5
const SQLITE_READONLY = 8
const SQLITE_FULL = 13
const SQLITE_CORRUPT = 11
const SQLITE_CONSTRAINT = 19
const SQLITE_NOT_A_DATABASE = 26

export type Row = Record<string, unknown>

/** A column: a number, text, bytes, or nothing. */
export type Value = string | number | null | Uint8Array

export class Database {
  readonly path: string
  /** Called where changes were undone: what was remembered of them is to be forgotten. */
  onUndone: () => void = () => undefined
  private readonly database: DatabaseSync
  private readonly statements = new Map<string, StatementSync>()
  private isWhole = false

  /** WAL with `synchronous = FULL`: what was committed survives a kill of the process and a loss of power, as far as the disk keeps its word.
   *  @param path a file, made if missing
   *  @param how `read`: it must be there, and nothing is changed */
  constructor(path: string, schema = '', how: 'write' | 'read' = 'write') {
    this.path = path
    this.database = attempt(path, () => {
      const database = new DatabaseSync(path, { readOnly: how === 'read' })
      try {
        if (how === 'read') {
          database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
          return database
        }
        database.exec(
          `PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;` +
            `PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_BYTES_MAX};`,
        )
        database.exec(schema)
      } catch (error) {
        database.close()
        throw error
      }
      return database
    })
  }

  /** Changes rows. Returns how many. */
  run(sql: string, ...values: readonly Value[]): number {
    return attempt(this.path, () => Number(this.statement(sql).run(...(values as readonly SQLInputValue[])).changes))
  }

  first(sql: string, ...values: readonly Value[]): Row | undefined {
    return attempt(this.path, () => this.statement(sql).get(...(values as readonly SQLInputValue[])))
  }

  all(sql: string, ...values: readonly Value[]): readonly Row[] {
    return attempt(this.path, () => this.statement(sql).all(...(values as readonly SQLInputValue[])))
  }

  /** Rows one by one, for what would not fit into memory. The database may not be changed meanwhile. */
  *each(sql: string, ...values: readonly Value[]): Generator<Row> {
    const rows = attempt(this.path, () => this.database.prepare(sql).iterate(...(values as readonly SQLInputValue[])))
    for (;;) {
      const next = attempt(this.path, () => rows.next())
      if (next.done === true) return
      yield next.value
    }
  }

  /** Several statements without results. */
  execute(sql: string): void {
    attempt(this.path, () => this.database.exec(sql))
  }

  /** A statement that is kept, for whoever calls it thousands of times; it is called within `attempt`. */
  statement(sql: string): StatementSync {
    if (!this.database.isOpen) throw new StoreError('closed', `${this.path} is closed.`)
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.database.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }

  /** All changes within are kept, or none. Durable when it returns. Within another one it is a part of that. */
  whole<T>(change: () => T): T {
    return this.isWhole ? this.part(change) : this.transaction(change)
  }

  /** The connection itself, for what only it can do: a backup. */
  get connection(): DatabaseSync {
    return this.database
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
      this.onUndone()
      throw error
    } finally {
      this.isWhole = false
    }
  }

  private part<T>(change: () => T): T {
    // After some errors SQLite has rolled back all: what were to follow would be kept although all of it is refused.
    if (!this.database.isTransaction)
      throw new StoreError('io', `${this.path}: a change beside this one has failed, and this one was undone with it.`)
    this.execute('SAVEPOINT part')
    try {
      const result = change()
      this.execute('RELEASE part')
      return result
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK TO part; RELEASE part')
      this.onUndone()
      throw error
    }
  }
}

/** Errors of SQLite as ours. */
export function attempt<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    throw storeErrorOf(path, cause)
  }
}

/** The error as ours; what is not SQLite's stays as it is. */
export function storeErrorOf(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('errcode' in cause)) return cause
  // The lowest byte is the class of the error.
  const kind = Number(cause.errcode) & 255
  if (kind === SQLITE_FULL)
    return new StoreError('full', `${path}: ${cause.message}. The disk is full: free some space.`, { cause })
  if (kind === SQLITE_CORRUPT || kind === SQLITE_NOT_A_DATABASE)
    return new StoreError('corrupt', `${path}: ${cause.message}. Bring the file back from a copy.`, { cause })
  if (kind === SQLITE_CONSTRAINT)
    return new StoreError('invalid', `${path}: ${cause.message}. Is it there already?`, { cause })
  return new StoreError('io', `${path}: ${cause.message}. ${remedyOf(kind)}`, { cause })
}

function remedyOf(kind: number): string {
  if (kind === SQLITE_BUSY) return `Another process has held it for ${BUSY_MS / 1000} s. Does a long command run on it?`
  if (kind === SQLITE_READONLY)
    return 'It may not be written. Is the disk mounted read-only, or the file another user’s?'
  return 'Is the disk there and writable, and does the folder belong to this user?'
}
