import type { PersonalityVector } from '../../terms/personality.ts'
import { RESOURCES } from '../../terms/sample.ts'
import type { EpochMs } from '../../terms/units.ts'
import { type ByResource, SLOT_MS } from '../../terms/usage.ts'
import { foldMax, foldMean, slotOfVector, usageOfVector } from '../../terms/usage-fold.ts'
import { attempt, type Database } from './database.ts'
import { NUMBERS, type UsageColumns } from '../site-store/usage-columns.ts'

/** VMs whose numbers of one slot lie in one row: 64 records fill nearly a page, and a host's VMs are mostly neighbours. */
export const GROUP_VMS = 64
/** Slots have 29 bits of a key, which is more than 5000 years; what is above names the group. */
const SLOTS_MAX = 2 ** 29
/** Words of a record: milliseconds that were measured, who told it, and the numbers as float32 with NaN for absent. */
const WORDS = 2 + NUMBERS
export const RECORD_BYTES = WORDS * 4
const BY_HOST = 1

/** Slots by their number since 1970. */
export interface SlotSpan {
  readonly firstSlot: number
  readonly slots: number
}

/** One row while it is changed: the same bytes as whole numbers and as fractions. */
interface Slab {
  words: Uint32Array
  numbers: Float32Array
}

const READ = 'SELECT data FROM usageSlabs WHERE key = ?'
const WRITE = 'INSERT INTO usageSlabs VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data'

export interface Told {
  readonly mean: ByResource
  readonly max: ByResource
}

/** Usage of the last days, as it was told: a row for 64 VMs and one slot. Changes wait for `flush` within their transaction. */
export class UsageSlabs {
  private readonly database: Database
  private readonly changed = new Map<number, Slab>()

  constructor(database: Database) {
    this.database = database
  }

  /** What a guest tells counts where its host said nothing; two windows that end in one slot are folded. */
  tell(
    vm: number,
    vector: PersonalityVector,
    when: { readonly arrivedAt: EpochMs; readonly isClockOff: boolean },
  ): void {
    const slotAt = slotOfVector(vector.windowEnd, when)
    if (slotAt === undefined) return
    const { slab, at } = this.record(vm, slotAt)
    if ((slab.words[at + 1] & BY_HOST) === 0) fold(slab, at, usageOfVector(vector), vector.windowMs)
  }

  /** What a host tells of a whole slot stands alone. */
  put(vm: number, slotAt: EpochMs, told: Told): void {
    const { slab, at } = this.record(vm, slotAt)
    clear(slab, at)
    fold(slab, at, told, SLOT_MS)
    slab.words[at + 1] = BY_HOST
  }

  /** What a host tells of a part of a slot is folded with the other parts that hosts told. */
  report(vm: number, slotAt: EpochMs, told: Told, windowMs: number): void {
    const { slab, at } = this.record(vm, slotAt)
    if ((slab.words[at + 1] & BY_HOST) === 0) clear(slab, at)
    fold(slab, at, told, windowMs)
    slab.words[at + 1] = BY_HOST
  }

  /** Writes what has changed. */
  flush(): void {
    if (this.changed.size === 0) return
    attempt(this.database.path, () => {
      const write = this.database.statement(WRITE)
      for (const [key, { words }] of this.changed) write.run(key, new Uint8Array(words.buffer))
    })
    this.changed.clear()
  }

  /** Forgets what was not written, after changes were undone. */
  forget(): void {
    this.changed.clear()
  }

  /** Fills in what is there of VMs of one group. @param columns by place in the group */
  fill(group: number, { firstSlot, slots }: SlotSpan, columns: ReadonlyMap<number, UsageColumns>): void {
    const first = group * SLOTS_MAX + firstSlot
    const rows = this.database.all('SELECT key, data FROM usageSlabs WHERE key >= ? AND key < ?', first, first + slots)
    for (const row of rows) {
      const slot = Number(row['key']) - first
      const { words, numbers } = slabOf(row['data'] as Uint8Array)
      for (const [place, filled] of columns) {
        const at = place * WORDS
        if (at >= words.length || words[at] === 0) continue
        for (let i = filled.from; i < filled.to; i++) {
          const number = numbers[at + 2 + i]
          if (!Number.isNaN(number)) filled.column(i)[slot] = number
        }
      }
    }
  }

  /** Each record of one group within a span of slots, the slot counted from its begin. Returns how many rows there are. */
  eachRecord(
    group: number,
    { firstSlot, slots }: SlotSpan,
    see: (place: number, slot: number, numbers: Float32Array) => void,
  ): number {
    const first = group * SLOTS_MAX + firstSlot
    const rows = this.database.all('SELECT key, data FROM usageSlabs WHERE key >= ? AND key < ?', first, first + slots)
    for (const row of rows) {
      const { words, numbers } = slabOf(row['data'] as Uint8Array)
      for (let at = 0; at < words.length; at += WORDS)
        if (words[at] > 0) see(at / WORDS, Number(row['key']) - first, numbers.subarray(at + 2, at + WORDS))
    }
    return rows.length
  }

  remove(group: number, { firstSlot, slots }: SlotSpan): void {
    const first = group * SLOTS_MAX + firstSlot
    this.database.run('DELETE FROM usageSlabs WHERE key >= ? AND key < ?', first, first + slots)
  }

  /** The oldest slot of each group that has one before a slot, one after the other. */
  *groupsBefore(slot: number): Generator<{ readonly group: number; readonly slot: number }> {
    for (let key = 0; ; ) {
      const row = this.database.first('SELECT key FROM usageSlabs WHERE key >= ? ORDER BY key LIMIT 1', key)
      if (row === undefined) return
      const found = Number(row['key'])
      const group = Math.floor(found / SLOTS_MAX)
      if (found % SLOTS_MAX < slot) yield { group, slot: found % SLOTS_MAX }
      key = (group + 1) * SLOTS_MAX
    }
  }

  /** The record of a VM in a slot, ready to be changed. */
  private record(vm: number, slotAt: EpochMs): { readonly slab: Slab; readonly at: number } {
    const key = Math.floor(vm / GROUP_VMS) * SLOTS_MAX + slotAt / SLOT_MS
    const at = (vm % GROUP_VMS) * WORDS
    let slab = this.changed.get(key)
    if (slab === undefined) {
      const data = this.database.statement(READ).get(key)?.['data'] as Uint8Array | undefined
      slab = slabOf(data ?? new Uint8Array(0))
      this.changed.set(key, slab)
    }
    if (at >= slab.words.length) grow(slab, at + WORDS)
    return { slab, at }
  }
}

function slabOf(bytes: Uint8Array): Slab {
  const own = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  const count = Math.floor(own.length / RECORD_BYTES) * WORDS
  return {
    words: new Uint32Array(own.buffer, own.byteOffset, count),
    numbers: new Float32Array(own.buffer, own.byteOffset, count),
  }
}

/** To at least a length, by doubling: a slab that VMs fill one after the other is not copied for each. */
function grow(slab: Slab, length: number): void {
  const words = new Uint32Array(Math.min(Math.max(length, slab.words.length * 2), GROUP_VMS * WORDS))
  words.set(slab.words)
  slab.words = words
  slab.numbers = new Float32Array(words.buffer)
}

function clear({ words }: Slab, at: number): void {
  words[at] = 0
  words[at + 1] = 0
}

/** Folds what was told of a part of the slot into the record; a record of no time is empty. */
function fold({ words, numbers }: Slab, at: number, { mean, max }: Told, windowMs: number): void {
  const knownMs = words[at]
  for (let i = 0; i < RESOURCES.length; i++) {
    const meanAt = at + 2 + i
    const maxAt = meanAt + RESOURCES.length
    const added = mean[RESOURCES[i]] ?? Number.NaN
    const highest = max[RESOURCES[i]] ?? Number.NaN
    numbers[meanAt] = knownMs === 0 ? added : foldMean(numbers[meanAt], knownMs, added, windowMs)
    numbers[maxAt] = knownMs === 0 ? highest : foldMax(numbers[maxAt], highest)
  }
  words[at] = Math.min(knownMs + windowMs, 0xffffffff)
}
