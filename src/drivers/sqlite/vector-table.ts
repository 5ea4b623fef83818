import type { EpochMs } from '../../terms/units.ts'
import type { Database } from './database.ts'

/** A vector as it arrived. */
export interface KeptVector {
  readonly vm: string
  readonly arrivedAt: EpochMs
  /** As the guest told it. */
  readonly windowEnd: EpochMs
  readonly isSkewed: boolean
  readonly line: string
}

export interface NewVector extends KeptVector {
  readonly sender: string
  readonly sequence: number
}

/** Accepted vectors: `agents.newest` points to the newest of each VM that is not kept apart. */
export class VectorTable {
  static readonly SCHEMA = `
    CREATE TABLE IF NOT EXISTS vectors (
      id INTEGER PRIMARY KEY, vm TEXT NOT NULL, sender TEXT NOT NULL, sequence INTEGER NOT NULL, arrivedAt REAL NOT NULL, windowEnd REAL NOT NULL,
      isSkewed INTEGER NOT NULL, isApart INTEGER NOT NULL DEFAULT 0, line TEXT NOT NULL, UNIQUE (vm, sender, sequence)) STRICT;
    CREATE INDEX IF NOT EXISTS vectorsOfVm ON vectors (vm, id);
  `
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  /** The line that is kept under a number. */
  lineOf(vm: string, sender: string, sequence: number): string | undefined {
    const sql = 'SELECT line FROM vectors WHERE vm = ? AND sender = ? AND sequence = ?'
    return this.database.first(sql, vm, sender, sequence)?.['line'] as string | undefined
  }

  /** Keeps a vector as the newest of its VM. Returns its row. */
  add({ vm, sender, sequence, arrivedAt, windowEnd, isSkewed, line }: NewVector): number {
    const row = this.database.first(
      'INSERT INTO vectors (vm, sender, sequence, arrivedAt, windowEnd, isSkewed, line) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id',
      vm,
      sender,
      sequence,
      arrivedAt,
      windowEnd,
      isSkewed ? 1 : 0,
      line,
    )
    const id = Number(row?.['id'])
    this.database.run('UPDATE agents SET newest = ?, kept = kept + 1 WHERE vm = ?', id, vm)
    return id
  }

  /** Keeps a VM's vectors from a row on out of all decisions. */
  keepApart(vm: string, fromRow: number): void {
    this.database.run('UPDATE vectors SET isApart = 1 WHERE vm = ? AND id >= ?', vm, fromRow)
    const newest = 'SELECT max(id) FROM vectors WHERE vm = ?1 AND isApart = 0'
    this.database.run(`UPDATE agents SET newest = (${newest}) WHERE vm = ?1`, vm)
  }

  /** The newest good vector of each VM that is neither banned nor in quarantine, by name. How old it is tells how far to trust it. */
  latest(): readonly KeptVector[] {
    const sql =
      'SELECT vectors.vm, arrivedAt, windowEnd, vectors.isSkewed, line FROM agents ' +
      'JOIN vectors ON vectors.id = newest WHERE banned = 0 AND quarantine IS NULL ORDER BY vectors.vm'
    return this.database.all(sql).map((row) => ({
      vm: String(row['vm']),
      arrivedAt: Number(row['arrivedAt']),
      windowEnd: Number(row['windowEnd']),
      isSkewed: row['isSkewed'] === 1,
      line: String(row['line']),
    }))
  }

  linesOf(vm: string): readonly string[] {
    return this.database.all('SELECT line FROM vectors WHERE vm = ? ORDER BY id', vm).map((row) => String(row['line']))
  }

  /** How many are kept apart. */
  countApart(vm: string): number {
    return Number(
      this.database.first('SELECT count(*) AS number FROM vectors WHERE vm = ? AND isApart = 1', vm)?.['number'],
    )
  }

  /** Deletes what arrived before an instant, and of each VM what is beyond its number: the oldest first, so many rows at most. Returns how
   *  many went. */
  prune({ before, perVm, most }: { before: EpochMs; perVm: number; most: number }): number {
    return this.database.whole(() => {
      const oldest = this.database.all('SELECT id, vm, arrivedAt FROM vectors ORDER BY id LIMIT ?', most)
      const old = oldest.filter((row) => Number(row['arrivedAt']) < before)
      for (const row of old) this.delete(Number(row['id']), String(row['vm']))
      let deleted = old.length
      for (const { vm, kept } of this.database.all('SELECT vm, kept FROM agents WHERE kept > ?', perVm)) {
        const excess = Math.min(most - deleted, Number(kept) - perVm)
        if (excess <= 0) continue
        const rows = this.database.all('SELECT id FROM vectors WHERE vm = ? ORDER BY id LIMIT ?', String(vm), excess)
        for (const row of rows) this.delete(Number(row['id']), String(vm))
        deleted += rows.length
      }
      return deleted
    })
  }

  private delete(id: number, vm: string): void {
    this.database.run('DELETE FROM vectors WHERE id = ?', id)
    this.database.run('UPDATE agents SET kept = kept - 1 WHERE vm = ?', vm)
  }
}
