import type { HostId, VmId } from '../../terms/ids.ts'
import type { Resource } from '../../terms/sample.ts'
import type { EpochMs } from '../../terms/units.ts'
import {
  hostSeriesOf,
  type HostUsageSeries,
  SLOT_MS,
  usageNameOf,
  type UsageSeries,
  type UsageSlot,
} from '../../terms/usage.ts'
import { slotsWithin } from '../../terms/usage-fold.ts'
import { StoreError } from '../../world/errors.ts'
import type { Usage } from '../../world/site-store.ts'
import { NUMBERS, UsageColumns } from '../site-store/usage-columns.ts'
import { fillDay, SLOTS_OF_DAY, unpackDay } from '../site-store/usage-day.ts'
import { numbers } from './arrays.ts'
import type { Database, Row } from './database.ts'
import { putUsage } from './usage-write.ts'
import { knownNumbers } from './vm-numbers.ts'

interface Span {
  readonly from: EpochMs
  readonly to: EpochMs
  readonly meanOf?: Resource
}

/** One row for a VM: each slot's number and what is wanted of its body, one after the other. A row for each slot costs several times as much to
 *  read. */
const SLOTS = `
  SELECT vm_id, string_agg(int4send(slot) || substring(body from $4::int for $5::int), '') AS records FROM usage_slots
  WHERE vm_id = ANY ($1::int[]) AND slot >= $2 AND slot < $3 AND length(body) = ${NUMBERS * 4} GROUP BY vm_id`
const DAYS = 'SELECT vm_id, day, body FROM usage_days WHERE vm_id = ANY ($1::int[]) AND day >= $2 AND day <= $3'
/** VMs that are asked of at once: a month of one is half a megabyte. */
const VMS_AT_ONCE = 200

export class PostgresUsage implements Usage {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  async put(slots: readonly UsageSlot[]): Promise<void> {
    if (slots.length > 0) await this.database.write((queries) => putUsage(queries, slots))
  }

  async series(vm: VmId, span: Span): Promise<UsageSeries> {
    return (await this.seriesOf([vm], span))[0]
  }

  async seriesOf(vms: readonly VmId[], span: Span): Promise<readonly UsageSeries[]> {
    const { firstSlotAt, slots } = slotsWithin(span)
    const all: UsageSeries[] = []
    for (let i = 0; i < vms.length; i += VMS_AT_ONCE) {
      const some = vms.slice(i, i + VMS_AT_ONCE)
      const ids = await knownNumbers(this.database, some)
      const columns = new Map([...ids.values()].map((id) => [id, new UsageColumns(slots, span.meanOf)]))
      await this.read(columns, new UsageColumns(slots, span.meanOf), { first: firstSlotAt / SLOT_MS, slots })
      for (const vm of some) {
        const filled = columns.get(ids.get(vm) ?? 0) ?? new UsageColumns(slots)
        all.push(filled.series(vm, firstSlotAt))
      }
    }
    return all
  }

  async hostSeries(hosts: readonly HostId[], span: Omit<Span, 'meanOf'>): Promise<readonly HostUsageSeries[]> {
    const series = await this.seriesOf(hosts.map(usageNameOf), span)
    return series.map((of, i) => hostSeriesOf(hosts[i], of))
  }

  /** @param wanted which columns all of them are to be filled in */
  private async read(
    columns: ReadonlyMap<number, UsageColumns>,
    wanted: Pick<UsageColumns, 'from' | 'to'>,
    { first, slots }: { readonly first: number; readonly slots: number },
  ): Promise<void> {
    if (columns.size === 0 || slots === 0) return
    const vms = numbers([...columns.keys()])
    const lastDay = Math.floor((first + slots - 1) / SLOTS_OF_DAY)
    for (const row of await this.database.all(DAYS, vms, Math.floor(first / SLOTS_OF_DAY), lastDay)) {
      const filled = columns.get(Number(row['vm_id']))
      const codes = unpackDay(row['body'] as Uint8Array, wanted.to)
      if (codes === undefined) throw damaged(this.database.name, row)
      const shift = Number(row['day']) * SLOTS_OF_DAY - first
      if (filled !== undefined) fillDay(codes, { shift, slots }, filled)
    }
    // What was told after its day was packed stands.
    const bytes = [1 + wanted.from * 4, (wanted.to - wanted.from) * 4]
    for (const row of await this.database.all(SLOTS, vms, first, first + slots, ...bytes)) {
      const filled = columns.get(Number(row['vm_id']))
      if (filled !== undefined) fillSlots(row['records'] as Uint8Array, first, filled)
    }
  }
}

/** Absent numbers change nothing: what was packed of the slot before stands. */
function fillSlots(records: Uint8Array, first: number, filled: UsageColumns): void {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
  const columns: (Float32Array | undefined)[] = Array.from({ length: NUMBERS }, () => undefined)
  const recordBytes = 4 + (filled.to - filled.from) * 4
  for (let at = 0; at < records.length; at += recordBytes) {
    // The server writes its integers with the highest byte first.
    const slot = view.getInt32(at) - first
    for (let column = filled.from; column < filled.to; column++) {
      const number = view.getFloat32(at + 4 + (column - filled.from) * 4, true)
      if (Number.isNaN(number)) continue
      const of = (columns[column] ??= filled.column(column))
      of[slot] = number
    }
  }
}

function damaged(name: string, row: Row): StoreError {
  const whose = `day ${Number(row['day'])} of VM number ${Number(row['vm_id'])}`
  const remedy = 'Bring the data back from a copy, or ask `ethos store check`.'
  return new StoreError('corrupt', `${name}: usage of ${whose} is damaged. ${remedy}`)
}
