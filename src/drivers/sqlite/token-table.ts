import type { EpochMs } from '../../terms/units.ts'
import type { Database } from './database.ts'

export interface TokenRow {
  readonly id: string
  /** SHA-256 of the secret, in hexadecimal: the secret itself is not kept. */
  readonly secretDigest: string
  readonly vm: string
  readonly expiresAt: EpochMs
  readonly usedAt: EpochMs | null
}

/** How long a token that is past is still listed. */
const LISTED_MS = 7 * 86_400_000

/** One-time join tokens. */
export class TokenTable {
  static readonly SCHEMA = `
    CREATE TABLE IF NOT EXISTS tokens (
      id TEXT PRIMARY KEY, secretDigest TEXT NOT NULL, vm TEXT NOT NULL, expiresAt REAL NOT NULL, usedAt REAL) STRICT, WITHOUT ROWID;
  `
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  add({ id, secretDigest, vm, expiresAt }: Omit<TokenRow, 'usedAt'>): void {
    this.database.run('INSERT INTO tokens VALUES (?, ?, ?, ?, NULL)', id, secretDigest, vm, expiresAt)
  }

  find(id: string): TokenRow | undefined {
    return this.database.first('SELECT * FROM tokens WHERE id = ?', id) as unknown as TokenRow | undefined
  }

  list(): readonly TokenRow[] {
    return this.database.all('SELECT * FROM tokens ORDER BY expiresAt, id') as unknown as readonly TokenRow[]
  }

  /** Marks a token as used; false if somebody was faster. */
  use(id: string, at: EpochMs): boolean {
    return this.database.run('UPDATE tokens SET usedAt = ? WHERE id = ? AND usedAt IS NULL', at, id) === 1
  }

  /** Deletes a token that was not used; false if there is none. */
  revoke(id: string): boolean {
    return this.database.run('DELETE FROM tokens WHERE id = ? AND usedAt IS NULL', id) === 1
  }

  revokeOf(vm: string): void {
    this.database.run('DELETE FROM tokens WHERE vm = ? AND usedAt IS NULL', vm)
  }

  /** Forgets tokens that are long past. */
  prune(now: EpochMs): void {
    this.database.run('DELETE FROM tokens WHERE expiresAt < ?', now - LISTED_MS)
  }
}
