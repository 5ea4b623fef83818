import type { EpochMs } from '../../terms/units.ts'
import type { Setting } from '../../world/site-store.ts'
import type { Database, Row } from './database.ts'

/** Small documents; what they were before stays. */
export class SettingTable {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  get(name: string): Setting | undefined {
    return this.history(name, 1)[0]
  }

  set(
    name: string,
    text: string,
    { who, at, expected }: { readonly who: string; readonly at: EpochMs; readonly expected?: number },
  ): boolean {
    const version = this.get(name)?.version ?? 0
    if (expected !== undefined && expected !== version) return false
    this.database.run('INSERT INTO settings VALUES (?, ?, ?, ?, ?)', name, version + 1, text, who, at)
    return true
  }

  /** The newest first. */
  history(name: string, most: number): readonly Setting[] {
    const sql = 'SELECT version, text, who, at FROM settings WHERE name = ? ORDER BY version DESC LIMIT ?'
    return this.database.all(sql, name, most).map(settingOf)
  }
}

function settingOf(row: Row): Setting {
  return {
    version: Number(row['version']),
    text: String(row['text']),
    who: String(row['who']),
    at: Number(row['at']),
  }
}
