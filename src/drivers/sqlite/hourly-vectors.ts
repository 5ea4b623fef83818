import { StoreError } from '../../world/errors.ts'
import { DAY_MS, HOUR_MS } from '../../terms/units.ts'
import { type HourlyVector, packHours, unpackHours, type VectorRow } from '../site-store/hourly-packing.ts'
import type { Database } from './database.ts'
import { DAYS_MAX } from './usage-days.ts'

/** Hour of the day, flags, length of what follows, instant of arrival. */
const ENTRY_BYTES = 1 + 1 + 2 + 8
const HOURS = DAY_MS / HOUR_MS

/** One vector an hour of days that are past: a row for one VM and one day. A day is kept as it came while it may grow, then packed. */
export class HourlyVectors {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  /** Keeps a vector, unless its hour has one. @param hour since 1970 */
  add(vm: number, hour: number, row: VectorRow): void {
    const key = vm * DAYS_MAX + Math.floor(hour / HOURS)
    const known = this.read(key)
    if (known.length >= HOURS || known.some((one) => one.hour === hour % HOURS)) return
    const data = plainBytes([...known, { hour: hour % HOURS, ...row }])
    const sql =
      'INSERT INTO hourlyVectors VALUES (?, 0, ?) ON CONFLICT DO UPDATE SET isPacked = 0, data = excluded.data'
    this.database.run(sql, key, data)
  }

  /** Packs so many days that are past. Returns how many it were. */
  pack(beforeDay: number, most: number): number {
    const sql = `SELECT key FROM hourlyVectors WHERE isPacked = 0 AND key % ${DAYS_MAX} < ? LIMIT ?`
    const due = this.database.all(sql, beforeDay, most).map((row) => Number(row['key']))
    for (const key of due) this.write(key, this.read(key))
    return due.length
  }

  /** Writes one day of one VM, packed. */
  write(key: number, vectors: readonly HourlyVector[]): void {
    const sql =
      'INSERT INTO hourlyVectors VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET isPacked = 1, data = excluded.data'
    this.database.run(sql, key, packHours(vectors))
  }

  /** Of one VM, the newest day first, within a day the newest first. */
  *back(vm: number): Generator<HourlyVector> {
    const keys = this.database.all(
      'SELECT key FROM hourlyVectors WHERE key >= ? AND key < ? ORDER BY key DESC',
      vm * DAYS_MAX,
      (vm + 1) * DAYS_MAX,
    )
    for (const { key } of keys) yield* this.read(Number(key)).toSorted((a, b) => b.hour - a.hour)
  }

  /** One day of one VM, in no order. */
  read(key: number): readonly HourlyVector[] {
    const row = this.database.first('SELECT isPacked, data FROM hourlyVectors WHERE key = ?', key)
    if (row === undefined) return []
    const data = row['data'] as Uint8Array
    const vectors = row['isPacked'] === 1 ? unpackHours(data) : plainVectors(data)
    if (vectors !== undefined) return vectors
    const whose = `day ${key % DAYS_MAX} of VM ${Math.floor(key / DAYS_MAX)}`
    const remedy = 'Bring the file back from a copy, or ask `ethos store check`.'
    throw new StoreError('corrupt', `${this.database.path}: hourly vectors of ${whose} are damaged. ${remedy}`)
  }
}

function plainBytes(vectors: readonly HourlyVector[]): Uint8Array {
  const length = vectors.reduce((sum, { data }) => sum + ENTRY_BYTES + data.length, 0)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { hour, flags, arrivedAt, data } of vectors) {
    bytes[at] = hour
    bytes[at + 1] = flags
    view.setUint16(at + 2, data.length, true)
    view.setFloat64(at + 4, arrivedAt, true)
    bytes.set(data, at + ENTRY_BYTES)
    at += ENTRY_BYTES + data.length
  }
  return bytes
}

function plainVectors(bytes: Uint8Array): HourlyVector[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const vectors: HourlyVector[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + ENTRY_BYTES > bytes.length) return undefined
    const end = at + ENTRY_BYTES + view.getUint16(at + 2, true)
    if (end > bytes.length) return undefined
    const data = bytes.slice(at + ENTRY_BYTES, end)
    vectors.push({ hour: bytes[at], flags: bytes[at + 1], arrivedAt: view.getFloat64(at + 4, true), data })
    at = end
  }
  return vectors
}
