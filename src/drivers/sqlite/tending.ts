import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import type { Retention, Tended } from '../../world/site-store.ts'
import { SLOTS_OF_DAY } from '../site-store/usage-day.ts'
import { FLAG_APART, FLAG_HOURLY } from '../site-store/vector-flags.ts'
import { type FullRow, hourOf } from './full-vectors.ts'
import { numberOf } from '../../terms/personality-bytes.ts'
import type { Tables } from './tables.ts'
import { DAYS_MAX } from './usage-days.ts'

/** Bounds of one step, each a few milliseconds to a few tens: readers and writers wait meanwhile. */
const VECTORS_MAX = 500
const HOURLY_DAYS_MAX = 100
const EXPIRED_VMS_MAX = 500
const JOURNAL_LINES_MAX = 1000
/** A day of hourly vectors may grow until the agents' spools, two days, are told; then it is packed. */
const GROWS_MS = 3 * DAY_MS
const NOTHING: Tended = { packed: 0, deleted: 0, isDone: true }

interface OldRow extends FullRow {
  readonly vm: number
}

/** What time makes of what is kept: thinned out, packed, deleted. One call does one step, within the caller's transaction. */
export class Tending {
  private readonly tables: Tables
  /** How far the deletion of old days has come: days before this one are gone from VMs up to a number. */
  private expired = { day: 0, vm: 0 }

  constructor(tables: Tables) {
    this.tables = tables
  }

  step(at: EpochMs, retention: Retention): Tended {
    const steps = [
      () => this.thin(at, at - retention.vectorsMs),
      () => this.packUsage(at - retention.vectorsMs),
      () => this.packHourly(at - retention.vectorsMs - GROWS_MS),
      () => this.expire(at, retention),
      () => this.prune(at, retention),
    ]
    for (const step of steps) {
      const tended = step()
      if (!tended.isDone) return tended
      if (tended.deleted + tended.packed > 0) return { ...tended, isDone: step === steps.at(-1) }
    }
    return NOTHING
  }

  /** Of vectors that are old, the hours' first go to their days, and of VMs that are silent the newest stays; the others go. */
  private thin(at: EpochMs, before: EpochMs): Tended {
    const { database, standings, vectors } = this.tables
    const sql = 'SELECT id, vm, before, arrivedAt, flags, data FROM fullVectors ORDER BY id LIMIT ?'
    const oldest = database.all(sql, VECTORS_MAX) as unknown as readonly OldRow[]
    const young = oldest.findIndex(
      (row) => (row.arrivedAt > at ? this.cameBefore(row.id, at) : row.arrivedAt) >= before,
    )
    const due = young < 0 ? oldest : oldest.slice(0, young)
    if (due.length === 0) return NOTHING
    const byVm = new Map<number, OldRow[]>()
    for (const row of due) {
      const rows = byVm.get(row.vm)
      if (rows === undefined) byVm.set(row.vm, [row])
      else rows.push(row)
    }
    let packed = 0
    for (const [vm, rows] of byVm) packed += this.thinOne(vm, rows)
    standings.forget()
    vectors.remove(due.at(-1)?.id ?? 0)
    return { packed, deleted: due.length - packed, isDone: young >= 0 }
  }

  /** When one arrived after this one and not ahead of the clock: this one, whose instant is still to come, arrived before a clock was put right,
   *  and is no younger. Infinity where the newest is ahead too: then it is the clock that is behind, and nobody knows. */
  private cameBefore(id: number, at: EpochMs): EpochMs {
    const { database } = this.tables
    const newest = database.first('SELECT id, arrivedAt FROM fullVectors ORDER BY id DESC LIMIT 1')
    if (newest === undefined || Number(newest['arrivedAt']) > at) return Infinity
    const sql = 'SELECT id, arrivedAt FROM fullVectors WHERE id >= ? ORDER BY id LIMIT 1'
    let [ahead, right, came] = [id, Number(newest['id']), Number(newest['arrivedAt'])]
    while (right - ahead > 1) {
      const middle = Math.floor((ahead + right) / 2)
      const row = database.first(sql, middle)
      if (Number(row?.['arrivedAt']) > at) ahead = Number(row?.['id'])
      else [right, came] = [middle, Number(row?.['arrivedAt'])]
    }
    return came
  }

  private thinOne(vm: number, rows: readonly OldRow[]): number {
    const { database, hourly } = this.tables
    let packed = 0
    for (const row of rows) {
      if ((row.flags & FLAG_HOURLY) === 0 || (row.flags & FLAG_APART) !== 0) continue
      hourly.add(vm, this.hour(row), row)
      packed++
    }
    const newest = Number(database.first('SELECT newest FROM identities WHERE vm = ?', vm)?.['newest'] ?? 0)
    const silent = rows.find(({ id }) => id === newest)
    if (silent !== undefined) {
      const sql = 'INSERT OR REPLACE INTO staleVectors (vm, arrivedAt, flags, data) VALUES (?, ?, ?, ?)'
      database.run(sql, vm, silent.arrivedAt, silent.flags, silent.data)
    }
    const apart = rows.filter(({ flags }) => (flags & FLAG_APART) !== 0).length
    const sql = 'UPDATE identities SET kept = kept - ?, keptApart = keptApart - ?, newest = ? WHERE vm = ?'
    database.run(sql, rows.length, apart, silent === undefined ? newest : 0, vm)
    return packed
  }

  private hour({ data, arrivedAt, flags }: OldRow): number {
    return hourOf(numberOf(data).windowEnd, arrivedAt, flags)
  }

  private packUsage(before: EpochMs): Tended {
    const { usage } = this.tables
    const day = Math.floor(before / DAY_MS)
    for (const { group, slot } of usage.slabs.groupsBefore(day * SLOTS_OF_DAY)) {
      const packed = usage.days.pack(usage.slabs, group, Math.floor(slot / SLOTS_OF_DAY))
      return { packed, deleted: 0, isDone: false }
    }
    return NOTHING
  }

  private packHourly(before: EpochMs): Tended {
    const packed = this.tables.hourly.pack(Math.floor(before / DAY_MS), HOURLY_DAYS_MAX)
    return { packed, deleted: 0, isDone: packed < HOURLY_DAYS_MAX }
  }

  /** Days that are too old, of some VMs at a time: keys begin with the VM, for that is how they are read. */
  private expire(at: EpochMs, { usageMs, hourlyVectorsMs }: Retention): Tended {
    const { database } = this.tables
    const day = Math.floor(at / DAY_MS)
    if (day > this.expired.day) this.expired = { day, vm: 0 }
    const vms = database.all('SELECT id FROM vms WHERE id > ? ORDER BY id LIMIT ?', this.expired.vm, EXPIRED_VMS_MAX)
    let deleted = 0
    for (const { id } of vms) {
      const first = Number(id) * DAYS_MAX
      const of = (table: string, keptMs: number) =>
        database.run(`DELETE FROM ${table} WHERE key >= ? AND key < ?`, first, first + dayOf(at - keptMs))
      deleted += of('usageDays', usageMs) + of('hourlyVectors', hourlyVectorsMs)
      this.expired.vm = Number(id)
    }
    if (vms.length < EXPIRED_VMS_MAX) {
      deleted += database.run('DELETE FROM staleVectors WHERE arrivedAt < ?', at - hourlyVectorsMs)
      return { packed: 0, deleted, isDone: true }
    }
    return { packed: 0, deleted, isDone: false }
  }

  private prune(at: EpochMs, { auditMost, journalMs }: Retention): Tended {
    const { audit, joinTokens, journal } = this.tables
    const lines = journal.prune(at - journalMs, JOURNAL_LINES_MAX)
    const deleted = lines + audit.prune(auditMost) + joinTokens.prune(at)
    return { packed: 0, deleted, isDone: lines < JOURNAL_LINES_MAX }
  }
}

function dayOf(at: EpochMs): number {
  return Math.min(Math.max(Math.floor(at / DAY_MS), 0), DAYS_MAX)
}
