import type { AuditRecord } from '../../world/site-store.ts'
import type { Database } from './database.ts'

/** Refusals and what people did, in order. Never a token, a key or a vector. */
export class AuditLog {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  add({ at, what, about, from, reason }: AuditRecord): void {
    const sql = 'INSERT INTO audit (at, what, vm, whence, reason) VALUES (?, ?, ?, ?, ?)'
    this.database.run(sql, at, what, about ?? null, from, reason)
  }

  last(most: number): readonly AuditRecord[] {
    const rows = this.database.all('SELECT at, what, vm, whence, reason FROM audit ORDER BY id DESC LIMIT ?', most)
    return rows.toReversed().map((row) => ({
      at: Number(row['at']),
      what: String(row['what']),
      ...(typeof row['vm'] === 'string' ? { about: row['vm'] } : {}),
      from: String(row['whence']),
      reason: String(row['reason']),
    }))
  }

  /** Deletes the oldest beyond a number. Returns how many. */
  prune(most: number): number {
    return this.database.run('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?', most)
  }
}
