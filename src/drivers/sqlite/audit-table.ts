import type { EpochMs } from '../../terms/units.ts'
import type { Database } from './database.ts'

/** One thing that was refused, or that an operator did. */
export interface AuditRecord {
  readonly at: EpochMs
  /** One of few words: `join refused`, `quarantined`, `banned`, ... */
  readonly what: string
  /** Whom it is about, as far as that is known: what an unknown caller claims to be is no fact. */
  readonly vm: string | null
  /** Where it came from: an address, a channel, or the operator's command line. */
  readonly from: string
  readonly reason: string
}

/** Records that are kept; the oldest go first. */
const RECORDS_MAX = 100_000

/** Refusals and the operator's acts, in order. Never a token, a key or a vector. */
export class AuditTable {
  static readonly SCHEMA = `
    CREATE TABLE IF NOT EXISTS audit (
      id INTEGER PRIMARY KEY, at REAL NOT NULL, what TEXT NOT NULL, vm TEXT, whence TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
  `
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  add({ at, what, vm, from, reason }: AuditRecord): void {
    const sql = 'INSERT INTO audit (at, what, vm, whence, reason) VALUES (?, ?, ?, ?, ?)'
    this.database.run(sql, at, what, vm, from, reason)
  }

  /** The newest records, the oldest of them first. */
  list(most: number): readonly AuditRecord[] {
    const sql = 'SELECT at, what, vm, whence AS "from", reason FROM audit ORDER BY id DESC LIMIT ?'
    return (this.database.all(sql, most) as unknown as readonly AuditRecord[]).toReversed()
  }

  count(): number {
    return Number(this.database.first('SELECT count(*) AS number FROM audit')?.['number'])
  }

  prune(): void {
    this.database.run('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?', RECORDS_MAX)
  }
}
