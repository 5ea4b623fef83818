import { StoreError } from '../../world/errors.ts'
import { DAY_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import type { Database } from './database.ts'
import { ABSENT, codeOf, numberOfCode } from './number-codes.ts'
import { packColumns, unpackColumns } from './packed-columns.ts'
import { NUMBERS, type UsageColumns } from './usage-columns.ts'
import { GROUP_VMS, type SlotSpan, type UsageSlabs } from './usage-slabs.ts'

export const SLOTS_OF_DAY = DAY_MS / SLOT_MS
/** Days have 16 bits of a key, to the year 2149; what is above names the VM. */
export const DAYS_MAX = 2 ** 16
const NOTHING = new Uint8Array(0)
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
      if (filled !== undefined) fillDay(this.codes(row['data'] as Uint8Array, key), { shift, slots }, filled)
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
    const data = packColumns({ rows: SLOTS_OF_DAY, codes, beside: NOTHING })
    this.database.run('INSERT INTO usageDays VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data', key, data)
  }

  private before(key: number): Uint16Array {
    const row = this.database.first('SELECT data FROM usageDays WHERE key = ?', key)
    if (row === undefined) return new Uint16Array(NUMBERS * SLOTS_OF_DAY).fill(ABSENT)
    return this.codes(row['data'] as Uint8Array, key)
  }

  /** `NUMBERS` columns of a day's slots. Throws a `StoreError` where they can't be read. */
  codes(data: Uint8Array, key: number): Uint16Array {
    const columns = unpackColumns(data)
    if (columns?.codes.length === NUMBERS * SLOTS_OF_DAY) return columns.codes
    const whose = `day ${key % DAYS_MAX} of VM ${Math.floor(key / DAYS_MAX)}`
    const remedy = 'Bring the file back from a copy, or ask `ethos store check`.'
    throw new StoreError('corrupt', `${this.database.path}: usage of ${whose} is damaged. ${remedy}`)
  }
}

/** @param span.shift from a slot of the day to its place in the columns, which have so many slots */
function fillDay(
  codes: Uint16Array,
  { shift, slots }: { readonly shift: number; readonly slots: number },
  filled: UsageColumns,
): void {
  const from = Math.max(0, -shift)
  const to = Math.min(SLOTS_OF_DAY, slots - shift)
  for (let column = 0; column < NUMBERS; column++) {
    let numbers: Float32Array | undefined
    for (let slot = from; slot < to; slot++) {
      const code = codes[column * SLOTS_OF_DAY + slot]
      if (code === ABSENT) continue
      numbers ??= filled.column(column)
      numbers[slot + shift] = numberOfCode(code)
    }
  }
}
