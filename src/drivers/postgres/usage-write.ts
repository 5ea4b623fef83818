/** Writes usage by slot: one row for a VM and a slot, of twelve float32 with NaN for absent. */
import type { KeptReport } from '../../terms/host-report.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { RESOURCES } from '../../terms/sample.ts'
import type { EpochMs } from '../../terms/units.ts'
import { type ByResource, SLOT_MS, slotOf, usageNameOf, type UsageSlot } from '../../terms/usage.ts'
import { foldMax, foldMean, slotOfReport, slotOfVector, usageOfReport, usageOfVector } from '../../terms/usage-fold.ts'
import { NUMBERS } from '../site-store/usage-columns.ts'
import { flags, numbers, pieces } from './arrays.ts'
import type { Queries } from './database.ts'
import { numbersOf } from './vm-numbers.ts'

/** What a guest's vector tells, and when it came. */
export interface GuestTold {
  readonly vmId: number
  readonly vector: PersonalityVector
  readonly isClockOff: boolean
  readonly arrivedAt: EpochMs
}

/** One row while it is changed. */
interface Cell {
  readonly vmId: number
  readonly slot: number
  isHost: boolean
  toldMs: number
  readonly numbers: Float32Array
}

interface Told {
  readonly mean: ByResource
  readonly max: ByResource
}

const READ = `
  SELECT u.vm_id, u.slot, u.is_host, u.told_ms, u.body FROM unnest($1::int[], $2::int[]) AS told (vm_id, slot)
  JOIN usage_slots u ON u.vm_id = told.vm_id AND u.slot = told.slot`
/** What a host told meanwhile, in another transaction, stands. */
const WRITE = `
  INSERT INTO usage_slots (vm_id, slot, is_host, told_ms, body)
  SELECT vm_id, slot, is_host, told_ms, substring($7::bytea FROM place FOR length)
  FROM unnest($1::int[], $2::int[], $3::boolean[], $4::int[], $5::int[], $6::int[]) AS told (vm_id, slot, is_host, told_ms, place, length)
  ON CONFLICT (vm_id, slot) DO UPDATE SET is_host = excluded.is_host, told_ms = excluded.told_ms, body = excluded.body
  WHERE excluded.is_host OR NOT usage_slots.is_host`
/** Hosts that tell of the same VM wait for each other. */
const LOCK = 'SELECT id FROM vms WHERE id = ANY ($1::int[]) ORDER BY id FOR NO KEY UPDATE'
const TOLD_MS_MAX = 2 ** 31 - 1

/** What guests tell counts where no host did; the rows of their identities are locked. */
export async function tellUsage(queries: Queries, told: readonly GuestTold[]): Promise<void> {
  const placed = told.flatMap((one) => {
    const slotAt = slotOfVector(one.vector.windowEnd, one)
    return slotAt === undefined ? [] : [{ ...one, slot: slotAt / SLOT_MS }]
  })
  const cells = await readCells(queries, placed)
  for (const { vmId, slot, vector } of placed) {
    const cell = cellOf(cells, vmId, slot)
    if (!cell.isHost) fold(cell, usageOfVector(vector), vector.windowMs)
  }
  await writeCells(
    queries,
    [...cells.values()].filter((cell) => !cell.isHost),
  )
}

/** What a host tells of a whole slot stands alone. */
export async function putUsage(queries: Queries, slots: readonly UsageSlot[]): Promise<void> {
  const ids = await numbersOf(
    queries,
    slots.map(({ vmId }) => vmId),
  )
  const cells = new Map<string, Cell>()
  for (const { vmId, slotAt, mean, max } of slots) {
    const cell = emptyCell(ids.get(vmId) ?? 0, slotOf(slotAt) / SLOT_MS, true)
    fold(cell, { mean, max }, SLOT_MS)
    cells.set(keyOf(cell.vmId, cell.slot), cell)
  }
  await writeCells(queries, [...cells.values()])
}

/** What hosts tell of a part of a slot, of themselves and of their VMs, is folded with the other parts that hosts told. Of a VM whose memory is still
 *  arriving, the host that it leaves tells. */
export async function reportUsage(queries: Queries, reports: readonly KeptReport[]): Promise<void> {
  const told = reports.flatMap((report) => {
    const { hostId, windowEnd, windowMs, arrivedAt, vms } = report
    const slot = slotOfReport(windowEnd, arrivedAt) / SLOT_MS
    const ofVms = vms.flatMap(({ vm, state, mean, max }) =>
      state === 'incoming' ? [] : [{ vm: vm.id, slot, windowMs, mean, max }],
    )
    return [...ofVms, { vm: usageNameOf(hostId), slot, windowMs, ...usageOfReport(report) }]
  })
  if (told.length === 0) return
  const ids = await numbersOf(
    queries,
    told.map(({ vm }) => vm),
  )
  await queries.all(LOCK, numbers([...ids.values()]))
  const placed = told.map((one) => ({ ...one, vmId: ids.get(one.vm) ?? 0 }))
  const cells = await readCells(queries, placed)
  for (const { vmId, slot, mean, max, windowMs } of placed) {
    const known = cells.get(keyOf(vmId, slot))
    const cell = known?.isHost === true ? known : emptyCell(vmId, slot, true)
    cells.set(keyOf(vmId, slot), cell)
    fold(cell, { mean, max }, windowMs)
  }
  await writeCells(queries, [...cells.values()])
}

/** Twelve numbers as bytes. */
export function bodyOf(twelve: Float32Array): Uint8Array {
  return new Uint8Array(twelve.buffer, twelve.byteOffset, twelve.byteLength)
}

/** Undefined where the bytes are not twelve numbers. */
export function twelveOf(body: Uint8Array): Float32Array | undefined {
  return body.length === NUMBERS * 4 ? new Float32Array(body.slice().buffer) : undefined
}

async function readCells(
  queries: Queries,
  places: readonly { readonly vmId: number; readonly slot: number }[],
): Promise<Map<string, Cell>> {
  const cells = new Map<string, Cell>()
  const wanted = new Map(places.map((place) => [keyOf(place.vmId, place.slot), place]))
  if (wanted.size === 0) return cells
  const list = [...wanted.values()]
  const rows = await queries.all(READ, numbers(list.map(({ vmId }) => vmId)), numbers(list.map(({ slot }) => slot)))
  for (const row of rows) {
    const [vmId, slot] = [Number(row['vm_id']), Number(row['slot'])]
    const known = twelveOf(row['body'] as Uint8Array)
    const cell = { ...emptyCell(vmId, slot, row['is_host'] === true), toldMs: Number(row['told_ms']) }
    // A damaged row is what `check` finds; here it counts as never told.
    if (known !== undefined) cells.set(keyOf(vmId, slot), { ...cell, numbers: known })
  }
  return cells
}

/** In the order of their key, in which every process locks them. */
async function writeCells(queries: Queries, cells: readonly Cell[]): Promise<void> {
  if (cells.length === 0) return
  const rows = cells.toSorted((a, b) => a.vmId - b.vmId || a.slot - b.slot)
  const bodies = pieces(rows.map((row) => bodyOf(row.numbers)))
  await queries.run(
    WRITE,
    numbers(rows.map(({ vmId }) => vmId)),
    numbers(rows.map(({ slot }) => slot)),
    flags(rows.map(({ isHost }) => isHost)),
    numbers(rows.map(({ toldMs }) => toldMs)),
    bodies.places,
    bodies.lengths,
    bodies.bytes,
  )
}

function cellOf(cells: Map<string, Cell>, vmId: number, slot: number): Cell {
  const key = keyOf(vmId, slot)
  let cell = cells.get(key)
  if (cell === undefined) cells.set(key, (cell = emptyCell(vmId, slot, false)))
  return cell
}

function emptyCell(vmId: number, slot: number, isHost: boolean): Cell {
  return { vmId, slot, isHost, toldMs: 0, numbers: new Float32Array(NUMBERS).fill(Number.NaN) }
}

function keyOf(vmId: number, slot: number): string {
  return `${vmId} ${slot}`
}

/** Folds what was told of a part of the slot into the row; one of no time is empty. */
function fold(cell: Cell, { mean, max }: Told, windowMs: number): void {
  const { numbers: twelve, toldMs } = cell
  RESOURCES.forEach((resource, i) => {
    const highest = i + RESOURCES.length
    twelve[i] = foldMean(twelve[i], toldMs, mean[resource] ?? Number.NaN, windowMs)
    twelve[highest] = foldMax(twelve[highest], max[resource] ?? Number.NaN)
  })
  cell.toldMs = Math.min(toldMs + windowMs, TOLD_MS_MAX)
}
