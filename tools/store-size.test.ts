import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { bytesOf } from '../src/drivers/sqlite/full-vectors.ts'
import { FLAG_HOURLY } from '../src/drivers/site-store/vector-flags.ts'
import { openSqliteSite } from '../src/drivers/sqlite/site-store.ts'
import { Tables } from '../src/drivers/sqlite/tables.ts'
import { Database } from '../src/drivers/sqlite/database.ts'
import { SLOTS_OF_DAY } from '../src/drivers/site-store/usage-day.ts'
import { DAYS_MAX } from '../src/drivers/sqlite/usage-days.ts'
import { admit } from '../src/engine/admission/senders.ts'
import { Luck } from '../src/terms/luck.ts'
import { DAY_MS, HOUR_MS } from '../src/terms/units.ts'
import { SLOT_MS } from '../src/terms/usage.ts'
import { RETENTION } from '../src/world/site-store.ts'
import { lifeOf, slotOfLife, vectorOfLife } from './server/store-life.ts'
import { GOAL_BYTES, measureStore, usageCodes } from './server/store-size.ts'

const DAY_AT = 20_000 * DAY_MS

test('a month of 10 000 VMs fits into 6 GiB, by what 20 of them take', () => {
  const { tables, goalBytes } = measureStore(20, 1)
  const told = tables.slice(0, 5).map(({ table, bytes }) => `${table} ${bytes}`)
  assert.ok(goalBytes <= GOAL_BYTES, `${goalBytes}: ${told.join(', ')}`)
  assert.ok(goalBytes > GOAL_BYTES / 10, 'so little that the numbers can not have been unlike each other')
})

test('what the size is measured with is, byte for byte, what taking, putting and tending leave', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-size-'))
  const path = join(folder, 'agents.sqlite')
  const life = lifeOf(7, 1)
  const vectors = Array.from({ length: 24 }, (_, hour) =>
    vectorOfLife(life, DAY_AT + hour * HOUR_MS + SLOT_MS, new Luck(hour)),
  )
  const arrivedAt = (hour: number) => DAY_AT + hour * HOUR_MS + SLOT_MS + 250
  const store = openSqliteSite(path, { admit })
  await store.identities.certify(life.vm, DAY_AT, DAY_AT)
  for (const [hour, vector] of vectors.entries())
    await store.vectors.take([{ vm: life.vm, at: arrivedAt(hour), vectors: [vector], isClockOff: [false], counts: {} }])
  const luck = new Luck(3)
  await store.usage.put(
    Array.from({ length: SLOTS_OF_DAY }, (_, slot) => slotOfLife(life, DAY_AT + slot * SLOT_MS, luck)),
  )
  while (!(await store.upkeep.tend(DAY_AT + 7 * DAY_MS, RETENTION)).isDone);
  await store.close()
  const kept = rows(path)
  const database = new Database(path)
  const { usage, hourly, names } = new Tables(database, admit)
  const key = (names.find(life.vm) ?? 0) * DAYS_MAX + DAY_AT / DAY_MS
  database.execute('DELETE FROM usageDays; DELETE FROM hourlyVectors')
  usage.days.write(key, usageCodes(life, DAY_AT, new Luck(3)))
  hourly.write(
    key,
    vectors.map((vector, hour) => ({ hour, arrivedAt: arrivedAt(hour), flags: FLAG_HOURLY, data: bytesOf(vector) })),
  )
  database.close()
  assert.deepEqual(rows(path), kept)
  rmSync(folder, { recursive: true })
})

function rows(path: string): readonly unknown[] {
  const database = new DatabaseSync(path)
  const found = ['usageDays', 'hourlyVectors'].map((table) => database.prepare(`SELECT * FROM ${table}`).all())
  database.close()
  assert.ok(found.every((of) => of.length === 1))
  return found
}
