/** A server that is stopped, frozen, started again, full, or not what the URL says. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { PASSWORD, PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { admit } from '../../engine/admission/senders.ts'
import type { VmId } from '../../terms/ids.ts'
import { StoreError, type StoreErrorCode } from '../../world/errors.ts'
import { openPostgresSite } from './site.ts'

const skip = withoutPostgres
const VM = 'vm-1' as VmId
/** Bounds short enough for a test. */
const limits = { connectMs: 1000, statementMs: 1000 }
let server: PostgresServer
before(async () => {
  if (skip === false) server = await PostgresServer.start({ settings: { fsync: 'off' } })
})
after(async () => {
  if (skip === false) await server.remove()
})

/** The code, the remedy as a question or sentence, and nothing that is secret. */
function refusedAs(code: StoreErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error))
    assert.equal(error.code, code, error.message)
    assert.doesNotMatch(JSON.stringify([error.message, error.stack]), new RegExp(`${PASSWORD}|sesame`))
    return true
  }
}

test('while the server is away everything is unreachable; once it is back the same store goes on', {
  skip,
}, async () => {
  const store = await openPostgresSite(server.url(), { admit, limits })
  await store.identities.admit(VM, 1, 'channel')
  await server.stop()
  await assert.rejects(store.identities.find(VM), refusedAs('unreachable'))
  await assert.rejects(store.identities.admit(VM, 1, 'https'), refusedAs('unreachable'))
  await assert.rejects(store.journal.append('line', 1), refusedAs('unreachable'))
  await assert.rejects(openPostgresSite(server.url(), { admit, limits }), refusedAs('unreachable'))
  await server.again()
  assert.equal((await store.identities.find(VM))?.via, 'channel')
  assert.equal(await store.journal.append('line', 1), 1)
  await store.close()
})

test('connections that the server ended while nobody used them are not noticed', { skip }, async () => {
  const store = await openPostgresSite(server.url(), { admit, limits })
  await Promise.all(Array.from({ length: 8 }, () => store.identities.list()))
  server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ethos'")
  assert.equal((await store.identities.list()).length, 1)
  assert.equal(await store.journal.append('next', 1), 2)
  await store.close()
})

test('a server that does not answer is unreachable after a bounded time', { skip }, async () => {
  const store = await openPostgresSite(server.url(), { admit, limits })
  await store.identities.list()
  server.freeze(true)
  try {
    await assert.rejects(store.identities.list(), refusedAs('unreachable'))
  } finally {
    server.freeze(false)
  }
  assert.equal((await store.identities.list()).length, 1)
  await store.close()
})

test('a statement that waits too long for a lock gives up, and nothing of its transaction is kept', {
  skip,
}, async () => {
  const store = await openPostgresSite(server.url(), { admit, limits })
  const other = new Client({ connectionString: server.url() })
  await other.connect()
  await other.query('BEGIN; LOCK TABLE ethos.audit')
  const record = { at: 1, what: 'banned', from: 'a test', reason: 'none' }
  await assert.rejects(store.audit.add(record), refusedAs('io'))
  await other.end()
  assert.deepEqual(await store.audit.last(9), [])
  await store.audit.add(record)
  assert.equal((await store.audit.last(9)).length, 1)
  await store.close()
})

test('a password, user or database that is wrong is said without repeating it', { skip }, async () => {
  const wrong = [
    server.url().replace('%25sesame', 'sesam'),
    server.url().replace('ethos:', 'nobody:'),
    server.url('nowhere'),
  ]
  for (const url of wrong) await assert.rejects(openPostgresSite(url, { admit, limits }), refusedAs('invalid'))
})

test('TLS is asked for and not offered: that is said, and nothing is sent in the clear', { skip }, async () => {
  const url = `${server.url()}?sslmode=verify-full`
  await assert.rejects(openPostgresSite(url, { admit, limits }), refusedAs('invalid'))
})

test('a server that only reads is one that can not be written to now', { skip }, async () => {
  const store = await openPostgresSite(server.url(), { admit, limits })
  server.sql('ALTER DATABASE ethos SET default_transaction_read_only = on')
  server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ethos'")
  await assert.rejects(store.identities.ban(VM, 1), refusedAs('unreachable'))
  assert.equal((await store.identities.list()).length, 1)
  server.sql('ALTER DATABASE ethos RESET default_transaction_read_only')
  server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ethos'")
  await store.identities.ban(VM, 1)
  await store.close()
})
