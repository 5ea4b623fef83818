import type { EpochMs } from '../../terms/units.ts'
import { FarEnds } from '../site-store/lease-ends.ts'
import type { Database, Row } from './database.ts'

/** Who of several processes does what only one may do. Tokens are never given twice, whatever the lease is called. */
export class LeaseTable {
  private readonly database: Database
  private readonly farEnds = new FarEnds()

  constructor(database: Database) {
    this.database = database
  }

  take(
    name: string,
    holder: string,
    { at, forMs }: { readonly at: EpochMs; readonly forMs: number },
  ): { readonly token: number; readonly endsAt: EpochMs } | undefined {
    const known = this.database.first('SELECT holder, token, endsAt FROM leases WHERE name = ?', name)
    const endsAt = at + forMs
    if (known?.['holder'] === holder) {
      this.database.run('UPDATE leases SET endsAt = ? WHERE name = ?', endsAt, name)
      return { token: Number(known['token']), endsAt }
    }
    if (known !== undefined && !this.isFree(name, known, { at, forMs })) return undefined
    this.farEnds.taken(name)
    const token = this.nextToken()
    const sql =
      'INSERT INTO leases VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET ' +
      'holder = excluded.holder, token = excluded.token, endsAt = excluded.endsAt'
    this.database.run(sql, name, holder, token, endsAt)
    return { token, endsAt }
  }

  release(name: string, holder: string): void {
    this.database.run('DELETE FROM leases WHERE name = ? AND holder = ?', name, holder)
  }

  /** Whether another's lease is to be had. */
  private isFree(name: string, known: Row, about: { readonly at: EpochMs; readonly forMs: number }): boolean {
    const lease = { token: Number(known['token']), endsAt: Number(known['endsAt']) }
    if (lease.endsAt <= about.at) return true
    this.farEnds.refused(name, lease, about)
    return this.farEnds.overdue(name, about.at, about.forMs) !== undefined
  }

  private nextToken(): number {
    const sql = `INSERT INTO facts VALUES ('leaseToken', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value`
    return Number(this.database.first(sql)?.['value'])
  }
}
