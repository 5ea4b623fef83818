/** One vector an hour of days that are past: a row for one VM and one day, packed. */
import type { VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { numberOf } from '../../terms/personality-bytes.ts'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../terms/units.ts'
import { type HourlyVector, packHours, unpackHours } from '../site-store/hourly-packing.ts'
import { FLAG_CLOCK_OFF } from '../site-store/vector-flags.ts'
import { numbers, pieces } from './arrays.ts'
import type { Database, Queries, Row } from './database.ts'
import { NOTHING, type Step } from './tend.ts'

const HOURS = DAY_MS / HOUR_MS
const VMS_AT_ONCE = 50
const DAYS_AT_ONCE = 2000
/** A guest tells of a window for two days at most after its end. */
const LATE_DAYS = 3

const DUE = `
  SELECT i.vm_id FROM identities i
  WHERE i.vm_id IN (SELECT vm_id FROM identities WHERE packed_to < $1 ORDER BY packed_to, vm_id LIMIT ${VMS_AT_ONCE})
  ORDER BY i.vm_id FOR UPDATE`
/** Those that were thinned out already; the newest stays where latest finds it. */
const ROWS = `
  SELECT v.vm_id, v.id, v.arrived_at, v.is_clock_off, v.body FROM vectors v JOIN identities i ON i.vm_id = v.vm_id
  WHERE v.vm_id = ANY ($1::int[]) AND v.arrived_at < $2 AND v.arrived_at < i.tended_to AND v.is_hourly AND NOT v.is_apart
    AND v.id IS DISTINCT FROM i.newest_id ORDER BY v.vm_id, v.id`
const KNOWN = `
  SELECT d.vm_id, d.day, d.body FROM unnest($1::int[], $2::int[]) AS told (vm_id, day)
  JOIN vector_days d ON d.vm_id = told.vm_id AND d.day = told.day`
const WRITE = `
  INSERT INTO vector_days (vm_id, day, body) SELECT vm_id, day, substring($5::bytea FROM place FOR length)
  FROM unnest($1::int[], $2::int[], $3::int[], $4::int[]) AS told (vm_id, day, place, length)
  ON CONFLICT (vm_id, day) DO UPDATE SET body = excluded.body`
const REMOVE = `
  DELETE FROM vectors v USING unnest($1::int[], $2::int[]) AS told (vm_id, id) WHERE v.vm_id = told.vm_id AND v.id = told.id`
const EXPIRE = `
  DELETE FROM vector_days d USING (SELECT vm_id, day FROM vector_days WHERE day < $1 ORDER BY day, vm_id LIMIT ${DAYS_AT_ONCE}) AS old
  WHERE d.vm_id = old.vm_id AND d.day = old.day`
const READ = `
  SELECT day, body FROM vector_days WHERE vm_id = (SELECT id FROM vms WHERE vm = $1) AND day >= $2 AND day <= $3 ORDER BY day DESC`

interface Day {
  readonly vmId: number
  readonly day: number
  /** By the hour of the day; the first that came is the hour's. */
  readonly hours: Map<number, HourlyVector>
}

/** Packs the days of some VMs that are past and settled. @param before end of what is packed, in whole days */
export async function packVectors(queries: Queries, before: EpochMs): Promise<Step> {
  const end = Math.floor(before / DAY_MS) * DAY_MS
  const due = (await queries.all(DUE, end)).map((row) => Number(row['vm_id']))
  if (due.length === 0) return NOTHING
  const rows = await queries.all(ROWS, numbers(due), end)
  const days = new Map<string, Day>()
  const found = rows.flatMap((row) => hourlyOf(row) ?? [])
  for (const { vmId, hour } of found) {
    const day = Math.floor(hour / HOURS)
    days.set(`${vmId} ${day}`, { vmId, day, hours: new Map() })
  }
  await readKnown(queries, days)
  for (const { vmId, hour, vector } of found) {
    const hours = days.get(`${vmId} ${Math.floor(hour / HOURS)}`)?.hours
    if (hours?.has(hour % HOURS) === false) hours.set(hour % HOURS, { hour: hour % HOURS, ...vector })
  }
  await write(queries, [...days.values()])
  await queries.run(REMOVE, numbers(found.map(({ vmId }) => vmId)), numbers(found.map(({ id }) => id)))
  await queries.run('UPDATE identities SET packed_to = $2 WHERE vm_id = ANY ($1::int[])', numbers(due), end)
  return { packed: found.length, deleted: 0, isDone: due.length < VMS_AT_ONCE }
}

/** Days that are too old go. */
export async function expireVectorDays(queries: Queries, before: EpochMs): Promise<Step> {
  const deleted = await queries.run(EXPIRE, Math.floor(before / DAY_MS))
  return { packed: 0, deleted, isDone: deleted < DAYS_AT_ONCE }
}

/** Of one VM, newest day first; a day that can't be unpacked is `undefined`. */
export async function readVectorDays(
  database: Pick<Database, 'all'>,
  vm: VmId,
  { from, to }: { readonly from: EpochMs; readonly to: EpochMs },
): Promise<readonly (readonly HourlyVector[] | undefined)[]> {
  const rows = await database.all(READ, vm, dayOf(from) - LATE_DAYS, dayOf(to))
  return rows.map((row) => unpackHours(row['body'] as Uint8Array))
}

function dayOf(at: EpochMs): number {
  return Math.min(Math.max(Math.floor(at / DAY_MS), LATE_DAYS), 2 ** 31 - 1)
}

interface Found {
  readonly vmId: number
  readonly id: number
  /** Since 1970. */
  readonly hour: number
  readonly vector: Omit<HourlyVector, 'hour'>
}

/** Undefined where the bytes are damaged: that is for the check to say, and the row stays as it is. */
function hourlyOf(row: Row): Found | undefined {
  const data = row['body'] as Uint8Array
  const arrivedAt = Number(row['arrived_at'])
  const isOff = row['is_clock_off'] === true
  try {
    const hour = Math.floor((isOff ? arrivedAt : numberOf(data).windowEnd) / HOUR_MS)
    const flags = isOff ? FLAG_CLOCK_OFF : 0
    return { vmId: Number(row['vm_id']), id: Number(row['id']), hour, vector: { arrivedAt, flags, data } }
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

async function readKnown(queries: Queries, days: ReadonlyMap<string, Day>): Promise<void> {
  if (days.size === 0) return
  const list = [...days.values()]
  const known = await queries.all(KNOWN, numbers(list.map(({ vmId }) => vmId)), numbers(list.map(({ day }) => day)))
  for (const row of known) {
    const hours = days.get(`${Number(row['vm_id'])} ${Number(row['day'])}`)?.hours
    for (const vector of unpackHours(row['body'] as Uint8Array) ?? []) hours?.set(vector.hour, vector)
  }
}

async function write(queries: Queries, days: readonly Day[]): Promise<void> {
  if (days.length === 0) return
  const bodies = pieces(days.map(({ hours }) => packHours([...hours.values()].toSorted((a, b) => a.hour - b.hour))))
  await queries.run(
    WRITE,
    numbers(days.map(({ vmId }) => vmId)),
    numbers(days.map(({ day }) => day)),
    bodies.places,
    bodies.lengths,
    bodies.bytes,
  )
}
