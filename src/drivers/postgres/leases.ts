import type { EpochMs } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { Leases } from '../../world/site-store.ts'
import { FarEnds } from '../site-store/lease-ends.ts'
import { numbers } from './arrays.ts'
import type { Database, Queries, Row } from './database.ts'

const TAKE = `
  INSERT INTO leases AS known (name, holder, token, ends_at) VALUES ($1, $2, nextval('lease_tokens'), $4)
  ON CONFLICT (name) DO UPDATE SET holder = $2, ends_at = $4,
    token = CASE WHEN known.holder = $2 THEN known.token ELSE nextval('lease_tokens') END
  WHERE known.holder = $2 OR known.ends_at <= $3 OR (known.token = $5::bigint AND known.ends_at = $6::float8)
  RETURNING token, ends_at`

/** Tokens rise over all leases, so that one says which lease it is of. What was given back has none. */
export class PostgresLeases implements Leases {
  private readonly database: Database
  private readonly farEnds = new FarEnds()

  constructor(database: Database) {
    this.database = database
  }

  async take(
    name: string,
    holder: string,
    at: EpochMs,
    forMs: number,
  ): Promise<{ readonly token: number; readonly endsAt: EpochMs } | undefined> {
    const far = this.farEnds.overdue(name, at, forMs)
    const seen = [far?.token ?? null, far?.endsAt ?? null]
    const row = await this.database.write((queries) => queries.first(TAKE, name, holder, at, at + forMs, ...seen))
    if (row !== undefined) {
      this.farEnds.taken(name)
      return leaseOf(row)
    }
    const others = await this.database.first('SELECT token, ends_at FROM leases WHERE name = $1', name)
    if (others !== undefined) this.farEnds.refused(name, leaseOf(others), { at, forMs })
    return undefined
  }

  async release(name: string, holder: string): Promise<void> {
    const sql = 'DELETE FROM leases WHERE name = $1 AND holder = $2'
    await this.database.write((queries) => queries.run(sql, name, holder))
  }
}

function leaseOf(row: Row): { readonly token: number; readonly endsAt: EpochMs } {
  return { token: Number(row['token']), endsAt: Number(row['ends_at']) }
}

/** Tokens of leases that nobody else has taken since; none of them can, until the transaction ends. */
export async function validTokens(queries: Queries, tokens: readonly number[]): Promise<ReadonlySet<number>> {
  if (tokens.length === 0) return new Set()
  const sql = 'SELECT token FROM leases WHERE token = ANY ($1::bigint[]) ORDER BY name FOR SHARE'
  return new Set((await queries.all(sql, numbers(tokens))).map((row) => Number(row['token'])))
}

export function fenced(name: string, token: number): StoreError {
  const told = 'another process has taken it over. This one must stop acting'
  return new StoreError('fenced', `${name}: the lease ${token} is held no longer: ${told}.`)
}
