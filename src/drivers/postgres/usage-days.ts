/** Usage of days that are past: a row for one VM and one day, in 16 bits a number and compressed. */
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { ABSENT, codeOf, numberOfCode } from '../sqlite/number-codes.ts'
import { packColumns, unpackColumns } from '../sqlite/packed-columns.ts'
import { NUMBERS, type UsageColumns } from '../sqlite/usage-columns.ts'
import { numbers, pieces } from './arrays.ts'
import type { Queries } from './database.ts'
import { NOTHING, type Step } from './tend.ts'
import { twelveOf } from './usage-write.ts'

export const SLOTS_OF_DAY = DAY_MS / SLOT_MS
const CODES = NUMBERS * SLOTS_OF_DAY
const VMS_AT_ONCE = 50
const DAYS_AT_ONCE = 2000
const NO_BYTES = new Uint8Array(0)

const OLDEST = 'SELECT slot FROM usage_slots WHERE slot < $1 ORDER BY slot LIMIT 1'
/** Rows of the oldest day in the order of their index, so that few are looked at. */
const VMS = `
  SELECT DISTINCT vm_id FROM (SELECT vm_id FROM usage_slots WHERE slot >= $1 AND slot < $2 ORDER BY slot LIMIT ${VMS_AT_ONCE}) AS oldest`
/** Locked in the order in which writers lock them: what a host tells meanwhile waits, and is packed the next time. */
const ROWS = `
  SELECT vm_id, slot, body FROM usage_slots WHERE vm_id = ANY ($1::int[]) AND slot >= $2 AND slot < $3
  ORDER BY vm_id, slot FOR UPDATE`
const KNOWN = 'SELECT vm_id, body FROM usage_days WHERE vm_id = ANY ($1::int[]) AND day = $2'
const WRITE = `
  INSERT INTO usage_days (vm_id, day, body) SELECT vm_id, $2, substring($5::bytea FROM place FOR length)
  FROM unnest($1::int[], $3::int[], $4::int[]) AS told (vm_id, place, length)
  ON CONFLICT (vm_id, day) DO UPDATE SET body = excluded.body`
const REMOVE = 'DELETE FROM usage_slots WHERE vm_id = ANY ($1::int[]) AND slot >= $2 AND slot < $3'
const EXPIRE = `
  DELETE FROM usage_days d USING (SELECT vm_id, day FROM usage_days WHERE day < $1 ORDER BY day, vm_id LIMIT ${DAYS_AT_ONCE}) AS old
  WHERE d.vm_id = old.vm_id AND d.day = old.day`

/** Packs the oldest day of some VMs, with what was packed of it before. @param before end of what is packed, in whole days */
export async function packUsage(queries: Queries, before: EpochMs): Promise<Step> {
  const end = Math.floor(before / DAY_MS) * SLOTS_OF_DAY
  const oldest = await queries.first(OLDEST, end)
  if (oldest === undefined) return NOTHING
  const day = Math.floor(Number(oldest['slot']) / SLOTS_OF_DAY)
  const first = day * SLOTS_OF_DAY
  const vms = numbers((await queries.all(VMS, first, first + SLOTS_OF_DAY)).map((row) => Number(row['vm_id'])))
  const rows = await queries.all(ROWS, vms, first, first + SLOTS_OF_DAY)
  const codes = new Map<number, Uint16Array>()
  for (const row of await queries.all(KNOWN, vms, day)) {
    const known = dayCodes(row['body'] as Uint8Array)
    if (known !== undefined) codes.set(Number(row['vm_id']), known)
  }
  for (const row of rows) {
    const vmId = Number(row['vm_id'])
    let of = codes.get(vmId)
    if (of === undefined) codes.set(vmId, (of = new Uint16Array(CODES).fill(ABSENT)))
    const twelve = twelveOf(row['body'] as Uint8Array) ?? []
    const slot = Number(row['slot']) - first
    twelve.forEach((number, column) => {
      if (!Number.isNaN(number)) of[column * SLOTS_OF_DAY + slot] = codeOf(number)
    })
  }
  await write(queries, day, codes)
  await queries.run(REMOVE, vms, first, first + SLOTS_OF_DAY)
  return { packed: rows.length, deleted: 0, isDone: false }
}

/** Days that are too old go. */
export async function expireUsageDays(queries: Queries, before: EpochMs): Promise<Step> {
  const deleted = await queries.run(EXPIRE, Math.floor(before / DAY_MS))
  return { packed: 0, deleted, isDone: deleted < DAYS_AT_ONCE }
}

/** The first columns of a day's slots, of `NUMBERS` that there are; undefined where the bytes say something else. */
export function dayCodes(body: Uint8Array, wanted = NUMBERS): Uint16Array | undefined {
  const codes = unpackColumns(body, wanted)?.codes
  return codes?.length === Math.min(wanted, NUMBERS) * SLOTS_OF_DAY ? codes : undefined
}

/** Fills in one packed day. @param firstSlot of the columns, since 1970 */
export function fillDay(
  codes: Uint16Array,
  { day, firstSlot, slots }: { readonly day: number; readonly firstSlot: number; readonly slots: number },
  filled: UsageColumns,
): void {
  const shift = day * SLOTS_OF_DAY - firstSlot
  const from = Math.max(0, -shift)
  const to = Math.min(SLOTS_OF_DAY, slots - shift)
  for (let column = filled.from; column < filled.to; column++) {
    let of: Float32Array | undefined
    for (let slot = from; slot < to; slot++) {
      const code = codes[column * SLOTS_OF_DAY + slot]
      if (code === ABSENT) continue
      of ??= filled.column(column)
      of[slot + shift] = numberOfCode(code)
    }
  }
}

async function write(queries: Queries, day: number, codes: ReadonlyMap<number, Uint16Array>): Promise<void> {
  const list = [...codes]
  const bodies = pieces(list.map(([, of]) => packColumns({ rows: SLOTS_OF_DAY, codes: of, beside: NO_BYTES })))
  await queries.run(WRITE, numbers(list.map(([vmId]) => vmId)), day, bodies.places, bodies.lengths, bodies.bytes)
}
