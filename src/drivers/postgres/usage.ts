import type { VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import { SLOT_MS, type UsageSeries, type UsageSlot } from '../../terms/usage.ts'
import { slotsWithin } from '../../terms/usage-fold.ts'
import { StoreError } from '../../world/errors.ts'
import type { Usage } from '../../world/site-store.ts'
import { NUMBERS, UsageColumns } from '../sqlite/usage-columns.ts'
import { numbers } from './arrays.ts'
import type { Database, Row } from './database.ts'
import { dayCodes, fillDay, SLOTS_OF_DAY } from './usage-days.ts'
import { putUsage, twelveOf } from './usage-write.ts'
import { knownNumbers } from './vm-numbers.ts'

interface Span {
  readonly from: EpochMs
  readonly to: EpochMs
}

const SLOTS = `
  SELECT vm_id, slot, body FROM usage_slots WHERE vm_id = ANY ($1::int[]) AND slot >= $2 AND slot < $3`
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
      const columns = new Map([...ids.values()].map((id) => [id, new UsageColumns(slots)]))
      await this.read(columns, firstSlotAt / SLOT_MS, slots)
      for (const vm of some) {
        const filled = columns.get(ids.get(vm) ?? 0) ?? new UsageColumns(slots)
        all.push(filled.series(vm, firstSlotAt))
      }
    }
    return all
  }

  private async read(columns: ReadonlyMap<number, UsageColumns>, first: number, slots: number): Promise<void> {
    if (columns.size === 0 || slots === 0) return
    const vms = numbers([...columns.keys()])
    const lastDay = Math.floor((first + slots - 1) / SLOTS_OF_DAY)
    for (const row of await this.database.all(DAYS, vms, Math.floor(first / SLOTS_OF_DAY), lastDay)) {
      const codes = dayCodes(row['body'] as Uint8Array)
      const filled = columns.get(Number(row['vm_id']))
      if (codes === undefined) throw damaged(this.database.name, row)
      if (filled !== undefined) fillDay(codes, { day: Number(row['day']), firstSlot: first, slots }, filled)
    }
    // What was told after its day was packed stands.
    const rows = await this.database.all(SLOTS, vms, first, first + slots)
    for (const row of rows) {
      const twelve = twelveOf(row['body'] as Uint8Array)
      const filled = columns.get(Number(row['vm_id']))
      if (twelve === undefined || filled === undefined) continue
      const slot = Number(row['slot']) - first
      for (let column = 0; column < NUMBERS; column++) filled.set(column, slot, twelve[column])
    }
  }
}

function damaged(name: string, row: Row): StoreError {
  const whose = `day ${Number(row['day'])} of VM number ${Number(row['vm_id'])}`
  const remedy = 'Bring the data back from a copy, or ask `ethos store check`.'
  return new StoreError('corrupt', `${name}: usage of ${whose} is damaged. ${remedy}`)
}
