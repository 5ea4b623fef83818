import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import type { JoinToken } from '../../world/site-store.ts'
import type { Database, Row } from './database.ts'

/** How long a token that is past is still listed. */
const LISTED_MS = 7 * DAY_MS

/** One-time tokens with which VMs and hosts are let in. */
export class JoinTokenTable {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  add({ id, secretDigest, for: whose, expiresAt }: Omit<JoinToken, 'usedAt'>): void {
    const vm = 'vm' in whose ? whose.vm : null
    const host = 'host' in whose ? whose.host : null
    const sql = 'INSERT INTO joinTokens (id, secretDigest, vm, host, expiresAt) VALUES (?, ?, ?, ?, ?)'
    this.database.run(sql, id, secretDigest, vm, host, expiresAt)
  }

  find(id: string): JoinToken | undefined {
    const row = this.database.first('SELECT * FROM joinTokens WHERE id = ?', id)
    return row === undefined ? undefined : tokenOf(row)
  }

  list(): readonly JoinToken[] {
    return this.database.all('SELECT * FROM joinTokens ORDER BY expiresAt, id').map(tokenOf)
  }

  /** Marks a token as used; false if somebody was faster. */
  use(id: string, at: EpochMs): boolean {
    return this.database.run('UPDATE joinTokens SET usedAt = ? WHERE id = ? AND usedAt IS NULL', at, id) === 1
  }

  revoke(id: string): boolean {
    return this.database.run('DELETE FROM joinTokens WHERE id = ? AND usedAt IS NULL', id) === 1
  }

  /** Forgets tokens that are long past. Returns how many. */
  prune(at: EpochMs): number {
    return this.database.run('DELETE FROM joinTokens WHERE expiresAt < ?', at - LISTED_MS)
  }
}

function tokenOf(row: Row): JoinToken {
  const { vm, host, usedAt } = row
  return {
    id: String(row['id']),
    secretDigest: String(row['secretDigest']),
    for: vm === null ? { host: parseHostId(host) } : { vm: parseVmId(vm) },
    expiresAt: Number(row['expiresAt']),
    ...(usedAt === null ? {} : { usedAt: Number(usedAt) }),
  }
}
