/** Fills a store with a month of many VMs, and says what it takes. Days that are packed are written by the store's own packing, which a test shows to give
 *  the same bytes as taking, putting and tending do. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { admit } from '../../src/engine/admission/senders.ts'
import { Database } from '../../src/drivers/sqlite/database.ts'
import { bytesOf } from '../../src/drivers/sqlite/full-vectors.ts'
import { FLAG_HOURLY } from '../../src/drivers/site-store/vector-flags.ts'
import { codeOf } from '../../src/drivers/site-store/number-codes.ts'
import { migrate } from '../../src/drivers/sqlite/migrations.ts'
import { type TableSize, tableSizes } from '../../src/drivers/sqlite/site-sizes.ts'
import { Tables } from '../../src/drivers/sqlite/tables.ts'
import { SLOTS_OF_DAY } from '../../src/drivers/site-store/usage-day.ts'
import { DAYS_MAX } from '../../src/drivers/sqlite/usage-days.ts'
import { Luck } from '../../src/terms/luck.ts'
import { RESOURCES } from '../../src/terms/sample.ts'
import { DAY_MS, type EpochMs, GiB, HOUR_MS } from '../../src/terms/units.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { type Life, lifeOf, slotOfLife, vectorOfLife } from './store-life.ts'

/** The site of the goal. */
const GOAL_VMS = 10_000
export const GOAL_BYTES = 6 * GiB
/** Midnight at which the month begins. */
const START: EpochMs = 20_000 * DAY_MS
const DAYS = 30
/** Days of which all vectors are kept, and all slots as they were told: two by the rule, and what is not yet packed of a third. */
const RAW_DAYS = 3
const FULL_DAYS = 2

export interface SizeResult {
  readonly vms: number
  readonly tables: readonly TableSize[]
  readonly bytes: number
  /** What the goal's number of VMs takes, if each takes as much. */
  readonly goalBytes: number
}

/** @param months of how many VMs are written */
export function measureStore(vms: number, seed: number): SizeResult {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-size-'))
  const path = join(folder, 'agents.sqlite')
  try {
    const database = new Database(path)
    migrate(database)
    const tables = new Tables(database, admit)
    const lives = Array.from({ length: vms }, (_, i) => lifeOf(i, seed))
    const luck = new Luck(seed)
    for (const life of lives) database.whole(() => writePast(tables, life, luck))
    for (let slot = (DAYS - RAW_DAYS) * SLOTS_OF_DAY; slot < DAYS * SLOTS_OF_DAY; slot++)
      database.whole(() => writeSlot(tables, lives, slot, luck))
    database.close()
    const sizes = tableSizes(path)
    const bytes = sizes.reduce((sum, table) => sum + table.bytes, 0)
    return { vms, tables: sizes, bytes, goalBytes: (bytes * GOAL_VMS) / vms }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What is packed of one VM: usage of all days but the last three, hourly vectors of all but the last two. */
function writePast(tables: Tables, life: Life, luck: Luck): void {
  tables.identities.certify(life.vm, START, START + 365 * DAY_MS)
  const vm = tables.names.give(life.vm)
  for (let day = 0; day < DAYS - FULL_DAYS; day++) {
    const at = START + day * DAY_MS
    const key = vm * DAYS_MAX + at / DAY_MS
    if (day < DAYS - RAW_DAYS) tables.usage.days.write(key, usageCodes(life, at, luck))
    const vectors = Array.from({ length: 24 }, (_, hour) => {
      const windowEnd = at + hour * HOUR_MS + SLOT_MS
      const data = bytesOf(vectorOfLife(life, windowEnd, luck))
      return { hour, arrivedAt: windowEnd + luck.below(500), flags: FLAG_HOURLY, data }
    })
    tables.hourly.write(key, vectors)
  }
}

/** A day of slots as the packing sees them. */
export function usageCodes(life: Life, at: EpochMs, luck: Luck): Uint16Array {
  const codes = new Uint16Array(RESOURCES.length * 2 * SLOTS_OF_DAY)
  for (let slot = 0; slot < SLOTS_OF_DAY; slot++) {
    const { mean, max } = slotOfLife(life, at + slot * SLOT_MS, luck)
    RESOURCES.forEach((resource, i) => {
      codes[i * SLOTS_OF_DAY + slot] = codeOf(Math.fround(mean[resource] ?? Number.NaN))
      codes[(i + RESOURCES.length) * SLOTS_OF_DAY + slot] = codeOf(Math.fround(max[resource] ?? Number.NaN))
    })
  }
  return codes
}

/** One slot of all VMs, as hosts tell it and guests send it, through the way that it takes in a server. */
function writeSlot(tables: Tables, lives: readonly Life[], slot: number, luck: Luck): void {
  const slotAt = START + slot * SLOT_MS
  tables.usage.put(lives.map((life) => slotOfLife(life, slotAt, luck)))
  if (slot < (DAYS - FULL_DAYS) * SLOTS_OF_DAY) return
  const at = slotAt + SLOT_MS
  tables.intake.take(
    lives.map((life) => ({
      vm: life.vm,
      at,
      vectors: [vectorOfLife(life, at, luck)],
      isClockOff: [false],
      counts: {},
    })),
  )
}
