import { StoreError } from '../../world/errors.ts'
import { codeOf } from '../site-store/number-codes.ts'
import { NUMBERS, type UsageColumns } from '../site-store/usage-columns.ts'
import { emptyDay, fillDay, packDay, SLOTS_OF_DAY, unpackDay } from '../site-store/usage-day.ts'
import type { Database } from './database.ts'
import { GROUP_VMS, type SlotSpan, type UsageSlabs } from './usage-slabs.ts'

/** Days have 16 bits of a key, to the year 2149; what is above names the VM. */
export const DAYS_MAX = 2 ** 16
/** Days of several VMs: the first key of each, and how many days more. The order of the tables is ours: each VM is looked up, and no table is read whole. */
const OF_VMS =
  'SELECT days.key AS key, days.data AS data FROM json_each(?) AS firsts CROSS JOIN usageDays AS days ' +
  'ON days.key BETWEEN firsts.value AND firsts.value + ?'

/** Usage of days that are past: a row for one VM and one day, in 16 bits a number and compressed. */
export class UsageDays {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  /** Fills in what is there of some VMs, by number. One statement looks for all of them: nearly none has a packed day among the slots of a turn. */
  read(columns: ReadonlyMap<number, UsageColumns>, { firstSlot, slots }: SlotSpan): void {
    const first = Math.floor(firstSlot / SLOTS_OF_DAY)
    const days = Math.floor((firstSlot + slots - 1) / SLOTS_OF_DAY) - first
    const keys = JSON.stringify(Array.from(columns.keys(), (vm) => vm * DAYS_MAX + first))
    for (const row of this.database.each(OF_VMS, keys, days)) {
      const key = Number(row['key'])
      const filled = columns.get(Math.floor(key / DAYS_MAX))
      const shift = (key % DAYS_MAX) * SLOTS_OF_DAY - firstSlot
      if (filled !== undefined) fillDay(this.codes(row['data'] as Uint8Array, key, filled.to), { shift, slots }, filled)
    }
  }

  /** Packs one day of the VMs of one group, and what was packed of it before. Returns the slabs that went. */
  pack(slabs: UsageSlabs, group: number, day: number): number {
    const of = new Map<number, Uint16Array>()
    const span = { firstSlot: day * SLOTS_OF_DAY, slots: SLOTS_OF_DAY }
    const read = slabs.eachRecord(group, span, (place, slot, numbers) => {
      let codes = of.get(place)
      if (codes === undefined) of.set(place, (codes = this.before((group * GROUP_VMS + place) * DAYS_MAX + day)))
      for (let i = 0; i < NUMBERS; i++)
        if (!Number.isNaN(numbers[i])) codes[i * SLOTS_OF_DAY + slot] = codeOf(numbers[i])
    })
    for (const [place, codes] of of) this.write((group * GROUP_VMS + place) * DAYS_MAX + day, codes)
    slabs.remove(group, span)
    return read
  }

  /** Writes one day of one VM. @param codes `NUMBERS` columns of a day's slots */
  write(key: number, codes: Uint16Array): void {
    this.database.run(
      'INSERT INTO usageDays VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data',
      key,
      packDay(codes),
    )
  }

  private before(key: number): Uint16Array {
    const row = this.database.first('SELECT data FROM usageDays WHERE key = ?', key)
    if (row === undefined) return emptyDay()
    return this.codes(row['data'] as Uint8Array, key)
  }

  /** The first columns of a day's slots, of `NUMBERS` that there are. Throws a `StoreError` where they can't be read. */
  codes(data: Uint8Array, key: number, wanted = NUMBERS): Uint16Array {
    const codes = unpackDay(data, wanted)
    if (codes !== undefined) return codes
    const whose = `day ${key % DAYS_MAX} of VM ${Math.floor(key / DAYS_MAX)}`
    const remedy = 'Bring the file back from a copy, or ask `ethos store check`.'
    throw new StoreError('corrupt', `${this.database.path}: usage of ${whose} is damaged. ${remedy}`)
  }
}
