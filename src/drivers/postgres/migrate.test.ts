import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { aVictimVector } from '../../../tools/server/postgres-load.ts'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { admit } from '../../engine/admission/senders.ts'
import type { VmId } from '../../terms/ids.ts'
import { StoreError } from '../../world/errors.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { MIGRATIONS, type Migration } from './schema.ts'
import { migratePostgresSite, openPostgresSite } from './site.ts'

const skip = withoutPostgres
const VM = 'vm-1' as VmId
const NEXT: Migration = {
  what: 'a test',
  forwards: 'ALTER TABLE identities ADD COLUMN colour text; UPDATE identities SET colour = $$blue$$',
  back: 'ALTER TABLE identities DROP COLUMN colour',
}
let server: PostgresServer
before(async () => {
  if (skip === false) server = await PostgresServer.start({ settings: { fsync: 'off' } })
})
after(async () => {
  if (skip === false) await server.remove()
})

async function filled(schema: string): Promise<SiteStore> {
  const store = await openPostgresSite(server.url(), { admit, schema })
  await store.identities.admit(VM, 1, 'channel')
  const vectors = [aVictimVector(VM, { sender: 'run-1', sequence: 1, windowEnd: 1000 })]
  await store.vectors.take([{ vm: VM, at: 1000, vectors, isClockOff: [false], counts: {} }])
  await store.settings.set('policy', '{}', { who: 'me', at: 1 })
  return store
}

function isStoreError(code: StoreError['code']): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === code
}

test('back and forwards again: what both versions hold is kept, what the older can not hold goes', {
  skip,
}, async () => {
  const schema = 'there_and_back'
  await (await filled(schema)).close()
  assert.equal(await migratePostgresSite(server.url(), 1, { schema }), MIGRATIONS.length)
  assert.equal(await migratePostgresSite(server.url(), MIGRATIONS.length, { schema }), 1)
  const store = await openPostgresSite(server.url(), { admit, schema })
  assert.equal((await store.vectors.latest()).length, 1)
  assert.equal(await store.settings.get('policy'), undefined)
  assert.equal(await store.upkeep.schemaVersion(), MIGRATIONS.length)
  await store.close()
  await migratePostgresSite(server.url(), 0, { schema })
  assert.equal(server.sql(`SELECT count(*) FROM pg_tables WHERE schemaname = '${schema}'`, 'ethos').trim(), '1')
})

test('a newer schema is refused by who opens it, and by who has it open', { skip }, async () => {
  const schema = 'newer'
  const store = await filled(schema)
  await migratePostgresSite(server.url(), MIGRATIONS.length + 1, { schema, migrations: [...MIGRATIONS, NEXT] })
  await assert.rejects(openPostgresSite(server.url(), { admit, schema }), isStoreError('newer'))
  await assert.rejects(store.identities.ban(VM, 1), isStoreError('newer'))
  await migratePostgresSite(server.url(), MIGRATIONS.length, { schema, migrations: [...MIGRATIONS, NEXT] })
  await store.identities.ban(VM, 1)
  assert.equal((await store.identities.find(VM))?.isBanned, true)
  await store.close()
})

test('a step that is killed in its middle leaves the version before it, whole', { skip }, async () => {
  const schema = 'killed'
  await (await filled(schema)).close()
  const program = `
    import { migratePostgresSite } from '${join(import.meta.dirname, 'site.ts')}'
    import { MIGRATIONS } from '${join(import.meta.dirname, 'schema.ts')}'
    const slow = { what: 'slow', forwards: 'ALTER TABLE identities ADD COLUMN colour text; SELECT pg_sleep(600)', back: '' }
    await migratePostgresSite(process.argv[1], ${MIGRATIONS.length + 1}, { schema: '${schema}', migrations: [...MIGRATIONS, slow] })`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program, server.url()], {
    stdio: 'inherit',
  })
  const isSleeping = () =>
    server.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()")
  while (isSleeping().trim() !== '1') {
    assert.equal(child.exitCode, null)
    await pause(50)
  }
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
  // The server hears of it when it next looks at the line; until then the lock is held.
  server.sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()",
  )
  const store = await openPostgresSite(server.url(), { admit, schema })
  assert.equal(await store.upkeep.schemaVersion(), MIGRATIONS.length)
  assert.equal((await store.vectors.latest()).length, 1)
  const columns = `SELECT count(*) FROM information_schema.columns WHERE table_schema = '${schema}' AND column_name = 'colour'`
  assert.equal(server.sql(columns, 'ethos').trim(), '0')
  await store.close()
})
