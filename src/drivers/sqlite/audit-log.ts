import type { AuditRecord, KeptAuditRecord } from '../../world/site-store.ts'
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

  last(most: number, before = Number.MAX_SAFE_INTEGER): readonly KeptAuditRecord[] {
    const sql = 'SELECT id, at, what, vm, whence, reason FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?'
    const rows = this.database.all(sql, before, most)
    return rows.toReversed().map((row) => ({
      number: Number(row['id']),
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
