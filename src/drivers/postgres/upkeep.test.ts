import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { aVictimVector } from '../../../tools/server/postgres-load.ts'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { admit } from '../../engine/admission/senders.ts'
import type { VmId } from '../../terms/ids.ts'
import { DAY_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { parseAddress } from './address.ts'
import { Database, DATABASE_LIMITS } from './database.ts'
import { MIGRATIONS } from './schema.ts'
import { openPostgresSite } from './site.ts'

const skip = withoutPostgres
const NOON = 20_000 * DAY_MS + DAY_MS / 2
const VM = 'vm-1' as VmId
let server: PostgresServer
let folder = ''
before(async () => {
  if (skip !== false) return
  server = await PostgresServer.start()
  folder = mkdtempSync(join(tmpdir(), 'ethos-dump-'))
})
after(async () => {
  if (skip !== false) return
  await server.remove()
  rmSync(folder, { recursive: true })
})

async function filled(schema = 'ethos', database = 'ethos'): Promise<SiteStore> {
  const store = await openPostgresSite(server.url(database), { admit, schema })
  await store.identities.admit(VM, NOON, 'channel')
  const vectors = [1, 2].map((sequence) => aVictimVector(VM, { sender: 'run-1', sequence, windowEnd: NOON }))
  await store.vectors.take([{ vm: VM, at: NOON, vectors, isClockOff: [false, false], counts: {} }])
  for (const line of ['one', 'two', 'three']) await store.journal.append(line, NOON)
  return store
}

test('a backup is restored by pg_restore into an empty database, and is the same store', { skip }, async () => {
  const store = await filled()
  const path = join(folder, 'site.dump')
  const shares: number[] = []
  await store.upkeep.backup(path, (share) => shares.push(share))
  assert.equal(shares.at(-1), 1)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  await assert.rejects(store.upkeep.backup(path), (error) => error instanceof StoreError && error.code === 'invalid')
  server.sql('CREATE DATABASE copy OWNER ethos')
  server.restore(path, 'copy')
  const copy = await openPostgresSite(server.url('copy'), { admit })
  assert.deepEqual(await copy.vectors.latest(), await store.vectors.latest())
  assert.deepEqual(await copy.identities.list(), await store.identities.list())
  assert.deepEqual(await copy.journal.verify(), { kind: 'whole', lines: 3 })
  assert.equal(await copy.journal.append('four', NOON), 4)
  assert.deepEqual(await copy.upkeep.check(), [])
  await copy.close()
  await store.close()
})

test('without pg_dump the remedy is said, and no file is left', { skip }, async () => {
  const store = await filled('no_dump')
  const path = join(folder, 'none.dump')
  process.env['ETHOS_PG_DUMP'] = join(folder, 'nowhere')
  try {
    await assert.rejects(store.upkeep.backup(path), /postgresql-client/)
  } finally {
    delete process.env['ETHOS_PG_DUMP']
  }
  assert.ok(!existsSync(path) && !existsSync(`${path}.partial`))
  await store.close()
})

test('a check names what was changed behind its back', { skip }, async () => {
  const damages: Readonly<Record<string, RegExp>> = {
    "UPDATE journal SET line = 'else' WHERE number = 2": /line 2 is not what was written/,
    'DELETE FROM journal WHERE number = 3': /line 3 is not what was written, or is missing/,
    "UPDATE vectors SET body = '\\x0102' WHERE id = 1": /vector 1 of VM number 1 is damaged/,
    'DELETE FROM vectors WHERE id = 2': /another number of vectors|lacks its newest vector/,
    'UPDATE vectors SET vm_id = 77 WHERE id = 1': /number 77 has vectors, and nobody let it in/,
    "UPDATE usage_slots SET body = '\\x00'": /slot of usage/,
    "INSERT INTO usage_days VALUES (1, 7, '\\x0102')": /day of usage 7 of VM number 1/,
    "INSERT INTO vector_days VALUES (1, 7, '\\x0102')": /day of hourly vectors 7/,
    'UPDATE vectors SET sequence = 1': /has one vector twice/,
  }
  for (const [i, [sql, told]] of Object.entries(damages).entries()) {
    const schema = `damaged_${i}`
    const store = await filled(schema)
    assert.deepEqual(await store.upkeep.check(), [])
    server.sql(`SET search_path = ${schema}; ${sql};`, 'ethos')
    const found = (await store.upkeep.check()).map(({ severity, what }) => `${severity}: ${what}`)
    assert.match(found.join('\n'), told, sql)
    assert.match(found[0], /^damage/)
    await store.close()
  }
})

test('a server that does not wait for its disk is told of, and waits for ours', { skip }, async () => {
  const store = await filled('careless')
  server.sql('ALTER SYSTEM SET fsync = off')
  server.sql('SELECT pg_reload_conf()')
  server.sql('ALTER DATABASE ethos SET synchronous_commit = off')
  const other = await openPostgresSite(server.url(), { admit, schema: 'careless' })
  const { schema, version } = { schema: 'careless', version: MIGRATIONS.length }
  const database = new Database({ address: parseAddress(server.url()), schema, version, limits: DATABASE_LIMITS })
  const sql = 'SHOW synchronous_commit'
  assert.deepEqual(await database.first(sql), { synchronous_commit: 'off' })
  assert.deepEqual(await database.write((queries) => queries.first(sql)), { synchronous_commit: 'on' })
  await database.close()
  let notes = await other.upkeep.check()
  // The setting is read again within moments of the signal.
  for (let tries = 0; tries < 100 && notes.length === 0; tries++) notes = await other.upkeep.check()
  assert.deepEqual(
    notes.map(({ severity, what }) => [severity, what]),
    [['note', 'PostgreSQL runs with fsync = off.']],
  )
  assert.ok((await other.upkeep.sizeBytes()) > 0)
  await other.close()
  await store.close()
})
