/** What grows or changes seldom: refusals and acts, phase models, settings. */
import type { EpochMs } from '../../terms/units.ts'
import type {
  Audit,
  AuditRecord,
  KeptAuditRecord,
  PhaseModels,
  PhaseRow,
  Setting,
  Settings,
} from '../../world/site-store.ts'
import { textIn } from './columns.ts'
import type { Database, Row } from './database.ts'

export class PostgresAudit implements Audit {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  async add({ at, what, about, from, reason }: AuditRecord): Promise<void> {
    const sql = 'INSERT INTO audit (at, what, about, whence, reason) VALUES ($1, $2, $3, $4, $5)'
    await this.database.write((queries) => queries.run(sql, at, what, about ?? null, from, reason))
  }

  async last(most: number, before = Number.MAX_SAFE_INTEGER): Promise<readonly KeptAuditRecord[]> {
    const rows = await this.database.all('SELECT * FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2', before, most)
    return rows.toReversed().map(recordOf)
  }
}

function recordOf(row: Row): KeptAuditRecord {
  const about = textIn(row, 'about')
  return {
    number: Number(row['id']),
    at: Number(row['at']),
    what: String(row['what']),
    ...(about === undefined ? {} : { about }),
    from: String(row['whence']),
    reason: String(row['reason']),
  }
}

export class PostgresPhases implements PhaseModels {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  add({ version, model, digest, installedAt }: Omit<PhaseRow, 'isCurrent'>): Promise<void> {
    return this.database.write(async (queries) => {
      await queries.run('UPDATE phases SET is_current = false WHERE is_current')
      await queries.run('INSERT INTO phases VALUES ($1, $2, $3, $4, true)', version, model, digest, installedAt)
    })
  }

  async list(): Promise<readonly PhaseRow[]> {
    return (await this.database.all('SELECT * FROM phases ORDER BY version')).map(phaseOf)
  }

  async current(): Promise<PhaseRow | undefined> {
    const row = await this.database.first('SELECT * FROM phases WHERE is_current ORDER BY version DESC LIMIT 1')
    return row === undefined ? undefined : phaseOf(row)
  }

  async use(version: number): Promise<void> {
    await this.database.write(async (queries) => {
      await queries.run('LOCK TABLE phases IN SHARE ROW EXCLUSIVE MODE')
      await queries.run('UPDATE phases SET is_current = (version = $1)', version)
    })
  }
}

function phaseOf(row: Row): PhaseRow {
  return {
    version: Number(row['version']),
    model: String(row['model']),
    digest: String(row['digest']),
    installedAt: Number(row['installed_at']),
    isCurrent: row['is_current'] === true,
  }
}

export class PostgresSettings implements Settings {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  async get(name: string): Promise<Setting | undefined> {
    return (await this.history(name, 1))[0]
  }

  /** Who changes one setting is alone with it until the change is durable. */
  set(
    name: string,
    text: string,
    { who, at, expected }: { readonly who: string; readonly at: EpochMs; readonly expected?: number },
  ): Promise<boolean> {
    return this.database.write(async (queries) => {
      await queries.all("SELECT pg_advisory_xact_lock(hashtextextended('ethos setting ' || $1, 0))", name)
      const row = await queries.first('SELECT max(version) AS version FROM settings WHERE name = $1', name)
      const version = Number(row?.['version'] ?? 0)
      if (expected !== undefined && expected !== version) return false
      await queries.run('INSERT INTO settings VALUES ($1, $2, $3, $4, $5)', name, version + 1, text, who, at)
      return true
    })
  }

  async history(name: string, most: number): Promise<readonly Setting[]> {
    const sql = 'SELECT * FROM settings WHERE name = $1 ORDER BY version DESC LIMIT $2'
    return (await this.database.all(sql, name, most)).map((row) => ({
      version: Number(row['version']),
      text: String(row['text']),
      who: String(row['who']),
      at: Number(row['at']),
    }))
  }
}
