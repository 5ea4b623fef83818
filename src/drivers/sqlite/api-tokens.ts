import { type ApiToken, ROLES } from '../../terms/access.ts'
import { parseWord } from '../../terms/parse.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Database, Row } from './database.ts'

/** Tokens of people and programs that ask, as digests. */
export class ApiTokenTable {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  addFirst(token: ApiToken): boolean {
    if (this.database.first('SELECT 1 FROM apiTokens LIMIT 1') !== undefined) return false
    this.add(token)
    return true
  }

  add({ id, secretDigest, role, name, createdAt, expiresAt, revokedAt, usedAt }: ApiToken): void {
    const ends = [expiresAt ?? null, revokedAt ?? null, usedAt ?? null]
    const sql = 'INSERT INTO apiTokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
    this.database.run(sql, id, secretDigest, role, name, createdAt, ...ends)
  }

  find(id: string): ApiToken | undefined {
    const row = this.database.first('SELECT * FROM apiTokens WHERE id = ?', id)
    return row === undefined ? undefined : tokenOf(row)
  }

  list(): readonly ApiToken[] {
    return this.database.all('SELECT * FROM apiTokens ORDER BY createdAt, id').map(tokenOf)
  }

  revoke(id: string, at: EpochMs): boolean {
    return this.database.run('UPDATE apiTokens SET revokedAt = ? WHERE id = ? AND revokedAt IS NULL', at, id) === 1
  }

  used(ids: readonly string[], at: EpochMs): void {
    const sql = 'UPDATE apiTokens SET usedAt = ?1 WHERE id = ?2 AND coalesce(usedAt, ?1 - 1) < ?1'
    for (const id of ids) this.database.run(sql, at, id)
  }
}

function tokenOf(row: Row): ApiToken {
  const { expiresAt, revokedAt, usedAt } = row
  return {
    id: String(row['id']),
    secretDigest: String(row['secretDigest']),
    role: parseWord(row['role'], 'role of an API token', ROLES),
    name: String(row['name']),
    createdAt: Number(row['createdAt']),
    ...(expiresAt === null ? {} : { expiresAt: Number(expiresAt) }),
    ...(revokedAt === null ? {} : { revokedAt: Number(revokedAt) }),
    ...(usedAt === null ? {} : { usedAt: Number(usedAt) }),
  }
}
