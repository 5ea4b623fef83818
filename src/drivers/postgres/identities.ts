import type { VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Identities, Identity, Way } from '../../world/site-store.ts'
import type { Database, Queries, Row } from './database.ts'

const COLUMNS = `
  SELECT vms.vm, joined_at, heard_at, certificate_ends_at, via, via_host, is_banned, quarantined_at, quarantine, is_released, is_clock_off,
    kept, kept_apart, counts FROM identities JOIN vms ON vms.id = vm_id`
/** Asks first: a number that is drawn for a conflict is lost. */
const NAME = 'INSERT INTO vms (vm) SELECT $1 WHERE NOT EXISTS (SELECT FROM vms WHERE vm = $1) ON CONFLICT DO NOTHING'
const ID = '(SELECT id FROM vms WHERE vm = $1)'
const CERTIFY = `
  INSERT INTO identities (vm_id, joined_at, certificate_ends_at) VALUES (${ID}, $2, $3)
  ON CONFLICT (vm_id) DO UPDATE SET certificate_ends_at = excluded.certificate_ends_at, via = 'https', via_host = NULL`
const JOIN = `UPDATE identities SET joined_at = $2 WHERE vm_id = ${ID}`
const ADMIT = `
  INSERT INTO identities (vm_id, joined_at, via, via_host) VALUES (${ID}, $2, $3, $4)
  ON CONFLICT (vm_id) DO UPDATE SET via = excluded.via, via_host = excluded.via_host
  WHERE coalesce(identities.certificate_ends_at <= $2, true)
    AND (identities.via, coalesce(identities.via_host, '')) <> (excluded.via, coalesce(excluded.via_host, ''))`
const RELEASE = `
  UPDATE identities SET is_released = is_released OR quarantine IS NOT NULL, quarantine = NULL, quarantined_at = NULL, is_banned = false
  WHERE vm_id = ${ID}`

export class PostgresIdentities implements Identities {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  async find(vm: VmId): Promise<Identity | undefined> {
    const row = await this.database.first(`${COLUMNS} WHERE vms.vm = $1`, vm)
    return row === undefined ? undefined : identityOf(row)
  }

  async list(): Promise<readonly Identity[]> {
    return (await this.database.all(`${COLUMNS} ORDER BY vms.vm`)).map(identityOf)
  }

  certify(vm: VmId, at: EpochMs, certificateEndsAt: EpochMs): Promise<void> {
    return this.database.write((queries) => certify(queries, vm, { at, certificateEndsAt }))
  }

  /** Whoever uses the token first changes its row; who comes second waits for that, and finds it used. */
  join(tokenId: string, at: EpochMs, certificateEndsAt: EpochMs): Promise<boolean> {
    return this.database.write(async (queries) => {
      const sql = 'UPDATE join_tokens SET used_at = $2 WHERE id = $1 AND used_at IS NULL RETURNING vm'
      const token = await queries.first(sql, tokenId, at)
      if (token === undefined) return false
      const vm = token['vm']
      if (typeof vm !== 'string') return true
      await certify(queries, vm as VmId, { at, certificateEndsAt })
      await queries.run(JOIN, vm, at)
      return true
    })
  }

  admit(vm: VmId, at: EpochMs, via: Way): Promise<void> {
    const [way, host] = typeof via === 'string' ? [via, null] : ['host', via.host]
    return this.database.write(async (queries) => {
      await queries.run(NAME, vm)
      await queries.run(ADMIT, vm, at, way, host)
    })
  }

  ban(vm: VmId, at: EpochMs): Promise<void> {
    return this.database.write(async (queries) => {
      await queries.run(NAME, vm)
      const sql = `INSERT INTO identities (vm_id, joined_at, is_banned) VALUES (${ID}, $2, true)
        ON CONFLICT (vm_id) DO UPDATE SET is_banned = true`
      await queries.run(sql, vm, at)
      await queries.run('DELETE FROM join_tokens WHERE vm = $1 AND used_at IS NULL', vm)
    })
  }

  async release(vm: VmId): Promise<void> {
    await this.database.write((queries) => queries.run(RELEASE, vm))
  }

  async count(vm: VmId, what: string, number: number): Promise<void> {
    const sql = `UPDATE identities SET counts = ethos_added(counts, jsonb_build_object($2::text, $3::float8)) WHERE vm_id = ${ID}`
    await this.database.write((queries) => queries.run(sql, vm, what, number))
  }
}

/** Puts a VM into quarantine, with all that was heard since its newest sender was. Its row is locked by the transaction. */
export async function keepApart(
  queries: Queries,
  vmId: number,
  { at, reason }: { readonly at: EpochMs; readonly reason: string },
): Promise<void> {
  const since = 'SELECT since_id FROM senders WHERE vm_id = $1 AND place IS NOT NULL ORDER BY place DESC LIMIT 1'
  const sql = `UPDATE vectors SET is_apart = true WHERE vm_id = $1 AND id >= (${since}) AND NOT is_apart`
  const apart = await queries.run(sql, vmId)
  const newest = 'SELECT id, arrived_at FROM vectors WHERE vm_id = $1 AND NOT is_apart ORDER BY id DESC LIMIT 1'
  await queries.run(
    `UPDATE identities SET quarantine = $3, quarantined_at = $2, is_released = false, kept_apart = kept_apart + $4, newest_hour = NULL,
       (newest_id, newest_at) = (${newest}) WHERE vm_id = $1`,
    vmId,
    at,
    reason,
    apart,
  )
}

async function certify(
  queries: Queries,
  vm: VmId,
  { at, certificateEndsAt }: { readonly at: EpochMs; readonly certificateEndsAt: EpochMs },
): Promise<void> {
  await queries.run(NAME, vm)
  await queries.run(CERTIFY, vm, at, certificateEndsAt)
}

function identityOf(row: Row): Identity {
  const [heardAt, certificateEndsAt, quarantinedAt] = [
    row['heard_at'],
    row['certificate_ends_at'],
    row['quarantined_at'],
  ]
  const quarantine = { at: Number(quarantinedAt), reason: String(row['quarantine']) }
  return {
    vm: row['vm'] as VmId,
    joinedAt: Number(row['joined_at']),
    ...(heardAt === null ? {} : { heardAt: Number(heardAt) }),
    ...(certificateEndsAt === null ? {} : { certificateEndsAt: Number(certificateEndsAt) }),
    via: (row['via'] === 'host' ? { host: row['via_host'] } : row['via']) as Way,
    isBanned: row['is_banned'] === true,
    ...(row['quarantine'] === null ? {} : { quarantine }),
    isReleased: row['is_released'] === true,
    isClockOff: row['is_clock_off'] === true,
    vectorsKept: Number(row['kept']),
    vectorsKeptApart: Number(row['kept_apart']),
    counts: row['counts'] as Readonly<Record<string, number>>,
  }
}
