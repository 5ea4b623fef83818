import type { ApiToken, Role } from '../../terms/access.ts'
import type { HostId, VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { ApiTokens, JoinToken, JoinTokens } from '../../world/site-store.ts'
import { texts } from './arrays.ts'
import type { Database, Queries, Row } from './database.ts'

/** One-time join tokens. */
export class PostgresJoinTokens implements JoinTokens {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  async add({ id, secretDigest, for: whose, expiresAt }: Omit<JoinToken, 'usedAt'>): Promise<void> {
    const sql = 'INSERT INTO join_tokens (id, secret_digest, vm, host, expires_at) VALUES ($1, $2, $3, $4, $5)'
    const [vm, host] = 'vm' in whose ? [whose.vm, null] : [null, whose.host]
    await this.database.write((queries) => queries.run(sql, id, secretDigest, vm, host, expiresAt))
  }

  async find(id: string): Promise<JoinToken | undefined> {
    const row = await this.database.first('SELECT * FROM join_tokens WHERE id = $1', id)
    return row === undefined ? undefined : joinTokenOf(row)
  }

  async list(): Promise<readonly JoinToken[]> {
    return (await this.database.all('SELECT * FROM join_tokens ORDER BY expires_at, id')).map(joinTokenOf)
  }

  async revoke(id: string): Promise<boolean> {
    const sql = 'DELETE FROM join_tokens WHERE id = $1 AND used_at IS NULL'
    return (await this.database.write((queries) => queries.run(sql, id))) === 1
  }
}

/** Tokens of people and programs. */
export class PostgresApiTokens implements ApiTokens {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  /** Two processes that start at once wait for each other here, so that one token is printed. */
  addFirst(token: ApiToken): Promise<boolean> {
    return this.database.write(async (queries) => {
      await queries.run('LOCK TABLE api_tokens IN SHARE ROW EXCLUSIVE MODE')
      if ((await queries.first('SELECT 1 FROM api_tokens LIMIT 1')) !== undefined) return false
      await addApiToken(queries, token)
      return true
    })
  }

  add(token: ApiToken): Promise<void> {
    return this.database.write((queries) => addApiToken(queries, token))
  }

  async find(id: string): Promise<ApiToken | undefined> {
    const row = await this.database.first('SELECT * FROM api_tokens WHERE id = $1', id)
    return row === undefined ? undefined : apiTokenOf(row)
  }

  async list(): Promise<readonly ApiToken[]> {
    return (await this.database.all('SELECT * FROM api_tokens ORDER BY created_at, id')).map(apiTokenOf)
  }

  async revoke(id: string, at: EpochMs): Promise<boolean> {
    const sql = 'UPDATE api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL'
    return (await this.database.write((queries) => queries.run(sql, id, at))) === 1
  }

  async used(ids: readonly string[], at: EpochMs): Promise<void> {
    const sql = `UPDATE api_tokens SET used_at = $2
      WHERE id IN (SELECT id FROM api_tokens WHERE id = ANY ($1::text[]) AND coalesce(used_at < $2, true) ORDER BY id FOR UPDATE)`
    await this.database.write((queries) => queries.run(sql, texts(ids), at))
  }
}

async function addApiToken(queries: Queries, token: ApiToken): Promise<void> {
  await queries.run(
    'INSERT INTO api_tokens VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
    token.id,
    token.secretDigest,
    token.role,
    token.name,
    token.createdAt,
    token.expiresAt ?? null,
    token.revokedAt ?? null,
    token.usedAt ?? null,
  )
}

function joinTokenOf(row: Row): JoinToken {
  return {
    id: String(row['id']),
    secretDigest: String(row['secret_digest']),
    for: row['vm'] === null ? { host: row['host'] as HostId } : { vm: row['vm'] as VmId },
    expiresAt: Number(row['expires_at']),
    ...(row['used_at'] === null ? {} : { usedAt: Number(row['used_at']) }),
  }
}

function apiTokenOf(row: Row): ApiToken {
  return {
    id: String(row['id']),
    secretDigest: String(row['secret_digest']),
    role: row['role'] as Role,
    name: String(row['name']),
    createdAt: Number(row['created_at']),
    ...(row['expires_at'] === null ? {} : { expiresAt: Number(row['expires_at']) }),
    ...(row['revoked_at'] === null ? {} : { revokedAt: Number(row['revoked_at']) }),
    ...(row['used_at'] === null ? {} : { usedAt: Number(row['used_at']) }),
  }
}
