import { parseHostId, type VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { Identity, Way } from '../../world/site-store.ts'
import type { Database, Row } from './database.ts'
import { addCount } from './intake.ts'
import type { Standings } from './standings.ts'
import type { VmNames } from './vm-names.ts'

const HOST_WAY = 'host:'
const COUNTED = { accepted: 'accepted', duplicates: 'duplicates' } as const

/** Who may speak. Changes are made within a transaction. */
export class IdentityTable {
  private readonly database: Database
  private readonly names: VmNames
  private readonly standings: Standings

  constructor(database: Database, names: VmNames, standings: Standings) {
    this.database = database
    this.names = names
    this.standings = standings
  }

  find(vm: VmId): Identity | undefined {
    const id = this.names.find(vm)
    if (id === undefined) return undefined
    const row = this.database.first('SELECT * FROM identities WHERE vm = ?', id)
    if (row === undefined) return undefined
    const counts = this.database.all('SELECT what, number FROM wordCounts WHERE vm = ? ORDER BY what', id)
    return identityOf(vm, row, counts)
  }

  list(): readonly Identity[] {
    const counts = new Map<unknown, Row[]>()
    for (const row of this.database.all('SELECT vm, what, number FROM wordCounts ORDER BY vm, what')) {
      const of = counts.get(row['vm'])
      if (of === undefined) counts.set(row['vm'], [row])
      else of.push(row)
    }
    const sql = 'SELECT name, identities.* FROM identities JOIN vms ON vms.id = identities.vm ORDER BY name'
    return this.database.all(sql).map((row) => identityOf(row['name'] as VmId, row, counts.get(row['vm']) ?? []))
  }

  certify(vm: VmId, at: EpochMs, certificateEndsAt: EpochMs): void {
    const sql =
      'INSERT INTO identities (vm, joinedAt, certificateEndsAt, via) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET ' +
      'certificateEndsAt = excluded.certificateEndsAt, via = excluded.via'
    this.database.run(sql, this.names.give(vm), at, certificateEndsAt, 'https')
    this.standings.changed()
  }

  /** As a join token lets in: joined now, whether it was known or not. */
  join(vm: VmId, at: EpochMs, certificateEndsAt: EpochMs): void {
    this.certify(vm, at, certificateEndsAt)
    this.database.run('UPDATE identities SET joinedAt = ? WHERE vm = ?', at, this.names.give(vm))
  }

  admit(vm: VmId, at: EpochMs, via: Way): void {
    const sql =
      'INSERT INTO identities (vm, joinedAt, via) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET via = excluded.via ' +
      'WHERE via <> excluded.via AND coalesce(certificateEndsAt, ?2) <= ?2'
    if (this.database.run(sql, this.names.give(vm), at, wayText(via)) > 0) this.standings.changed()
  }

  ban(vm: VmId, at: EpochMs): void {
    const sql =
      'INSERT INTO identities (vm, joinedAt, via, isBanned) VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET isBanned = 1'
    this.database.run(sql, this.names.give(vm), at, 'https')
    this.database.run('DELETE FROM joinTokens WHERE vm = ? AND usedAt IS NULL', vm)
    this.standings.changed()
  }

  release(vm: VmId): void {
    const id = this.names.find(vm)
    if (id === undefined) return
    const sql =
      'UPDATE identities SET isReleased = CASE WHEN quarantine IS NULL THEN isReleased ELSE 1 END, ' +
      'quarantine = NULL, quarantinedAt = NULL, isBanned = 0 WHERE vm = ?'
    this.database.run(sql, id)
    this.standings.changed()
  }

  /** Of a VM that nobody let in, nothing is counted. */
  count(vm: VmId, what: string, number: number): void {
    const id = this.names.find(vm)
    if (id === undefined || this.database.first('SELECT 1 FROM identities WHERE vm = ?', id) === undefined) return
    const column = COUNTED[what as keyof typeof COUNTED]
    if (column === undefined) addCount(this.database, id, what, number)
    else this.database.run(`UPDATE identities SET ${column} = ${column} + ? WHERE vm = ?`, number, id)
  }
}

function identityOf(vm: VmId, row: Row, counts: readonly Row[]): Identity {
  const { quarantine, quarantinedAt, heardAt, certificateEndsAt, accepted, duplicates } = row
  const all: Record<string, number> = {}
  if (accepted !== 0) all['accepted'] = Number(accepted)
  if (duplicates !== 0) all['duplicates'] = Number(duplicates)
  for (const { what, number } of counts) all[String(what)] = Number(number)
  return {
    vm,
    joinedAt: Number(row['joinedAt']),
    ...(heardAt === null ? {} : { heardAt: Number(heardAt) }),
    ...(certificateEndsAt === null ? {} : { certificateEndsAt: Number(certificateEndsAt) }),
    via: wayOf(String(row['via'])),
    isBanned: row['isBanned'] === 1,
    ...(typeof quarantine === 'string' ? { quarantine: { at: Number(quarantinedAt), reason: quarantine } } : {}),
    isReleased: row['isReleased'] === 1,
    isClockOff: row['isClockOff'] === 1,
    vectorsKept: Number(row['kept']),
    vectorsKeptApart: Number(row['keptApart']),
    counts: all,
  }
}

/** A way as it is kept. */
export function wayText(via: Way): string {
  return typeof via === 'string' ? via : `${HOST_WAY}${via.host}`
}

function wayOf(text: string): Way {
  if (text.startsWith(HOST_WAY)) return { host: parseHostId(text.slice(HOST_WAY.length)) }
  return text === 'channel' ? 'channel' : 'https'
}
