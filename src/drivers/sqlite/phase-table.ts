import type { EpochMs } from '../../terms/units.ts'
import type { Database } from './database.ts'

/** A phase model that was installed. */
export interface PhaseRow {
  readonly version: number
  /** In its one form. */
  readonly model: string
  /** SHA-256 of it, in hexadecimal. */
  readonly digest: string
  readonly installedAt: EpochMs
  /** 1: it is the one that agents use; of none of them, if they use the one that comes with the program. */
  readonly isCurrent: number
}

/** Phase models by version. None is ever changed or deleted: vectors that are kept name them. */
export class PhaseTable {
  static readonly SCHEMA = `
    CREATE TABLE IF NOT EXISTS phases (
      version INTEGER PRIMARY KEY, model TEXT NOT NULL, digest TEXT NOT NULL, installedAt REAL NOT NULL,
      isCurrent INTEGER NOT NULL DEFAULT 0) STRICT;
  `
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  add({ version, model, digest, installedAt }: Omit<PhaseRow, 'isCurrent'>): void {
    const sql = 'INSERT INTO phases (version, model, digest, installedAt) VALUES (?, ?, ?, ?)'
    this.database.run(sql, version, model, digest, installedAt)
  }

  list(): readonly PhaseRow[] {
    return this.database.all('SELECT * FROM phases ORDER BY version') as unknown as readonly PhaseRow[]
  }

  current(): PhaseRow | undefined {
    return this.database.first('SELECT * FROM phases WHERE isCurrent = 1') as unknown as PhaseRow | undefined
  }

  /** Makes one the current, and no other. */
  use(version: number): void {
    this.database.run('UPDATE phases SET isCurrent = (version = ?)', version)
  }
}
