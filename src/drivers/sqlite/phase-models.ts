import type { PhaseRow } from '../../world/site-store.ts'
import type { Database, Row } from './database.ts'

/** Phase models by version. None is ever changed or deleted: vectors that are kept name them. Changes are made within a transaction. */
export class PhaseModelTable {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  add({ version, model, digest, installedAt }: Omit<PhaseRow, 'isCurrent'>): void {
    const sql = 'INSERT INTO phases (version, model, digest, installedAt) VALUES (?, ?, ?, ?)'
    this.database.run(sql, version, model, digest, installedAt)
    this.use(version)
  }

  list(): readonly PhaseRow[] {
    return this.database.all('SELECT * FROM phases ORDER BY version').map(phaseOf)
  }

  current(): PhaseRow | undefined {
    const row = this.database.first('SELECT * FROM phases WHERE isCurrent = 1')
    return row === undefined ? undefined : phaseOf(row)
  }

  use(version: number): void {
    this.database.run('UPDATE phases SET isCurrent = (version = ?)', version)
  }
}

function phaseOf(row: Row): PhaseRow {
  return {
    version: Number(row['version']),
    model: String(row['model']),
    digest: String(row['digest']),
    installedAt: Number(row['installedAt']),
    isCurrent: row['isCurrent'] === 1,
  }
}
