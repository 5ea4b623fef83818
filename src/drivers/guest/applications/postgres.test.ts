import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import {
  freePort,
  runAs,
  type RunningServer,
  serverFolder,
  skipWithout,
  startServer,
  userIds,
} from '../../../../tools/real-servers.ts'
import { fencedBlock } from '../../../../tools/documents.ts'
import { nodeMachine } from '../node-machine.ts'
import { CollectError, ratesBetween } from './application.ts'
import { PostgresCollector } from './postgres.ts'
import { md5Answer, scramExchange } from './postgres-sign-in.ts'
import { latin1 } from './wire.ts'

const BIN = globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1) ?? '/usr/lib/postgresql/none/bin'
const skip = skipWithout(`${BIN}/postgres`, `${BIN}/pgbench`, `${BIN}/initdb`)
const isRoot = process.getuid?.() === 0
const machine = nodeMachine()
const folder = serverFolder('postgres')
const owner = isRoot ? 'postgres' : userInfo().username
let port = 0
let server: RunningServer | undefined

const HBA = `
local all ${owner} trust
local all watcher,newcomer,ethos-agent trust
local all known md5
local all stranger reject
host all known 127.0.0.1/32 md5
host all scrammed 127.0.0.1/32 scram-sha-256
host all plain 127.0.0.1/32 password
`
const ROLES = `
CREATE EXTENSION pg_stat_statements;
CREATE ROLE watcher LOGIN; GRANT pg_read_all_stats TO watcher;
CREATE ROLE newcomer LOGIN;
CREATE ROLE stranger LOGIN;
SET password_encryption = 'md5'; CREATE ROLE known LOGIN PASSWORD 'öpen sesame';
SET password_encryption = 'scram-sha-256'; CREATE ROLE scrammed LOGIN PASSWORD 'open,sesame=';
CREATE ROLE plain LOGIN PASSWORD 'clear';
CREATE DATABASE shop;
`

const sql = (text: string, database = 'postgres'): string =>
  runAs(
    'postgres',
    `${BIN}/psql`,
    ['-X', '-A', '-t', '-q', '-h', folder.path, '-p', `${port}`, '-U', owner, '-d', database, '-v', 'ON_ERROR_STOP=1'],
    text,
  )
const bench = (...words: readonly string[]): string =>
  runAs('postgres', `${BIN}/pgbench`, ['-n', '-h', folder.path, '-p', `${port}`, '-U', owner, ...words, 'shop'])

before(async () => {
  if (skip !== false) return
  port = await freePort()
  const data = join(folder.path, 'data')
  runAs('postgres', `${BIN}/initdb`, ['-D', data, '-U', owner, '--auth=reject', '--no-sync', '--locale=C.UTF-8'])
  folder.write('data/pg_hba.conf', HBA)
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder.path,
    shared_preload_libraries: 'pg_stat_statements',
    'pg_stat_statements.track_utility': 'on',
    'pg_stat_statements.max': 100,
    fsync: 'off',
    max_connections: 20,
    shared_buffers: '16MB',
  }
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const isReady = (): boolean => sql('SELECT 1').trim() === '1'
  server = await startServer('postgres', `${BIN}/postgres`, ['-D', data, ...words], isReady)
  sql(ROLES)
  bench('-i', '-q', '-s', '1')
})
after(async () => {
  await server?.stop()
  folder.remove()
})

const socketAddress = () => ({ path: join(folder.path, `.s.PGSQL.${port}`) })
const network = () => ({ host: '127.0.0.1', port })
const collectorFor = (user: string, rest: object = {}) =>
  new PostgresCollector(machine, { name: '', user, ...rest }, socketAddress())
/** Numbers of a session that has ended are there a moment later. */
const flushed = (): Promise<void> => pause(1500)

test('a thousand SELECTs are a thousand requests, all of them reads', { skip }, async () => {
  const collector = collectorFor('watcher')
  await flushed()
  const was = await collector.collect()
  // pgbench -S: one SELECT per transaction, from two clients with 500 each.
  bench('-S', '-c', '2', '-t', '500')
  const is = await collector.collect()
  const rates = ratesBetween(was, is, 10_000)
  // 1000, and the two that pgbench asks before it begins (it counts branches and partitions), in 10 s; none of ours among them.
  assert.equal(rates.requestsPerSec, 100.2)
  assert.equal(rates.readShare, 1)
  assert.ok(rates.latencyMsMean > 0 && rates.latencyMsMean < 100, String(rates.latencyMsMean))
  assert.equal(collector.lacks(), undefined)
  collector.close()
})

test('the mix of reads and writes is known by kinds of statements; BEGIN and END are no requests', {
  skip,
}, async () => {
  const collector = collectorFor('watcher')
  const was = await collector.collect()
  // pgbench's TPC-B: BEGIN, 3 UPDATE, 1 SELECT, 1 INSERT, END: 5 requests a transaction, 1 of them a read. One client: nobody waits.
  bench('-c', '1', '-t', '200')
  const rates = ratesBetween(was, await collector.collect(), 10_000)
  // 200 x 5 in 10 s, of which 200 read; and the two of pgbench itself, which read.
  assert.equal(rates.requestsPerSec, 100.2)
  assert.equal(rates.readShare, 202 / 1002)
  assert.equal(rates.lockWaitShare, 0)
  assert.ok(rates.cacheHitShare > 0.5 && rates.cacheHitShare <= 1, String(rates.cacheHitShare))
  collector.close()
})

test('statements are told apart behind comments, brackets and WITH', { skip }, async () => {
  sql('CREATE TABLE t (i int); CREATE TABLE u (i int);', 'shop')
  const collector = collectorFor('watcher')
  const was = await collector.collect()
  const reads = [
    '/* why */ SELECT 1',
    '(SELECT 2) UNION (SELECT 3)',
    '-- so\nTABLE t',
    'WITH x AS (SELECT 1) SELECT * FROM x',
    'COPY t TO STDOUT',
    'VALUES (1)',
  ]
  const writes = [
    'INSERT INTO t VALUES (1)',
    'WITH x AS (DELETE FROM t RETURNING i) SELECT * FROM x',
    'update t set i = 2',
    "COPY u FROM '/dev/null'",
  ]
  const neither = ['SET work_mem = 1024', 'ANALYZE t', 'SHOW work_mem']
  sql([...reads, ...writes, ...neither].join(';\n'), 'shop')
  const is = await collector.collect()
  assert.equal((is.requests ?? 0) - (was.requests ?? 0), 10) // 6 reads + 4 writes
  assert.equal((is.reads ?? 0) - (was.reads ?? 0), 6)
  collector.close()
})

const psql = (text: string) => {
  const words = ['-X', '-q', '-h', folder.path, '-p', `${port}`, '-U', owner, '-d', 'shop', '-c', text]
  return spawn(`${BIN}/psql`, words, { ...userIds('postgres'), cwd: '/', stdio: 'ignore' })
}

test('one that waits for the lock of another is seen waiting', { skip }, async () => {
  const collector = collectorFor('watcher')
  await collector.collect()
  const holder = psql('BEGIN; LOCK TABLE t; SELECT pg_sleep(20); END')
  const waiting = (count: string) => sql(`SELECT count(*) FROM pg_stat_activity WHERE ${count}`).trim()
  for (let i = 0; i < 100 && waiting(`wait_event = 'PgSleep'`) !== '1'; i++) await pause(50)
  const waiter = psql('SELECT * FROM t')
  for (let i = 0; i < 100 && waiting(`wait_event_type = 'Lock'`) !== '1'; i++) await pause(50)
  // Two at work (one of them sleeps with the lock in its hand), one of them waits.
  assert.equal((await collector.collect()).levels?.lockWaitShare, 0.5)
  sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $$shop$$')
  holder.kill()
  waiter.kill()
  collector.close()
})

test('without pg_read_all_stats transactions and cache hits are seen, and it is said what would open the rest', {
  skip,
}, async () => {
  const collector = collectorFor('newcomer')
  await flushed()
  const was = await collector.collect()
  bench('-S', '-c', '1', '-t', '100')
  await flushed()
  const is = await collector.collect()
  const risen = (is.requests ?? 0) - (was.requests ?? 0)
  // 100 of pgbench, two of its own around them, some of the server's own housekeeping; ours are told as they are flushed.
  assert.ok(risen >= 100 && risen <= 115, String(risen))
  assert.equal(is.reads, undefined)
  assert.equal(is.levels?.lockWaitShare, undefined)
  assert.equal(collector.lacks()?.remedy, 'GRANT pg_read_all_stats TO "newcomer";')
  collector.close()
})

test('where the extension is in another database that is said', { skip }, async () => {
  const collector = collectorFor('watcher', { database: 'shop' })
  assert.ok(((await collector.collect()).requests ?? -1) > 0)
  assert.match(collector.lacks()?.remedy ?? '', /CREATE EXTENSION pg_stat_statements;$/)
  collector.close()
})

test('an extension that is dropped while we look is no error: transactions are counted, and no difference is made of the two', {
  skip,
}, async () => {
  sql('CREATE EXTENSION pg_stat_statements', 'shop')
  const collector = collectorFor('watcher', { database: 'shop' })
  const was = await collector.collect()
  assert.equal(collector.lacks(), undefined)
  sql('DROP EXTENSION pg_stat_statements', 'shop')
  const is = await collector.collect()
  assert.match(collector.lacks()?.because ?? '', /transactions are counted instead/)
  // Both are running totals, of other things.
  assert.ok((was.requests ?? -1) > 0 && (is.requests ?? -1) > 0)
  assert.equal(ratesBetween(was, is, 10_000).requestsPerSec, Number.NaN)
  bench('-S', '-c', '1', '-t', '100')
  await flushed()
  assert.ok(ratesBetween(is, await collector.collect(), 10_000).requestsPerSec >= 10)
  collector.close()
})

test('what was lacking is asked for again after ten minutes, on the same connection', { skip }, async () => {
  let nowMs = 0
  const clocked = { ...machine, monotonicMs: () => nowMs }
  const settings = { name: '', user: 'watcher', database: 'shop' }
  const collector = new PostgresCollector(clocked, settings, socketAddress())
  await collector.collect()
  assert.match(collector.lacks()?.because ?? '', /not in the database/)
  sql('CREATE EXTENSION pg_stat_statements', 'shop')
  nowMs = 599_999
  await collector.collect()
  assert.notEqual(collector.lacks(), undefined)
  nowMs = 600_000
  await collector.collect()
  assert.equal(collector.lacks(), undefined)
  sql('DROP EXTENSION pg_stat_statements', 'shop')
  collector.close()
})

test('statements that were forgotten, or all set to none, make no difference', { skip }, async () => {
  const collector = collectorFor('watcher')
  const was = await collector.collect()
  sql('SELECT pg_stat_statements_reset()')
  // More than there was before: only the time of the reset tells.
  bench('-S', '-c', '1', '-t', '2000')
  const is = await collector.collect()
  assert.equal(ratesBetween(was, is, 10_000).requestsPerSec, Number.NaN)
  // The server has room for 100 kinds of statements (the setting below): columns of their own make each another kind.
  for (let i = 0; i < 250; i += 50)
    sql(Array.from({ length: 50 }, (_, j) => `SELECT 1 AS a, 2 AS c${i + j}, ${'1,'.repeat(i + j)} 1`).join(';'))
  const after = await collector.collect()
  assert.equal(ratesBetween(is, after, 10_000).requestsPerSec, Number.NaN)
  await collector.collect()
  assert.match(collector.lacks()?.because ?? '', /forgets statements/)
  collector.close()
})

test('passwords: MD5, SCRAM-SHA-256, in clear on loopback; a wrong one is refused by name of the role, not of the password', {
  skip,
}, async () => {
  // PostgreSQL takes the bytes of the file: UTF-8 here.
  for (const [user, password] of [
    ['known', 'öpen sesame'],
    ['scrammed', 'open,sesame='],
    ['plain', 'clear'],
  ] as const) {
    const passwordFile = folder.write(`password-${user}`, `${password}\n`, 0o600)
    const collector = new PostgresCollector(machine, { name: '', user, passwordFile }, network())
    assert.ok(((await collector.collect()).requests ?? -1) > 0, user)
    collector.close()

    const wrong = folder.write(`wrong-${user}`, 'guess-it\n', 0o600)
    await assert.rejects(
      new PostgresCollector(machine, { name: '', user, passwordFile: wrong }, network()).collect(),
      (error) => {
        assert.ok(error instanceof CollectError && error.isRefusal)
        assert.equal(error.message, `PostgreSQL does not let ${user} in`)
        return true
      },
    )
  }
})

test('whom the server does not know, or lets in by no method, is told what to do', { skip }, async () => {
  await assert.rejects(collectorFor('stranger').collect(), (error) => {
    assert.ok(error instanceof CollectError)
    assert.equal(error.remedy, 'CREATE ROLE "stranger" LOGIN; GRANT pg_read_all_stats TO "stranger";')
    return true
  })
  await assert.rejects(collectorFor('known').collect(), /wants a password/)
  await assert.rejects(collectorFor('watcher', { database: 'nowhere' }).collect(), /error 3D000/)
})

test('what docs/applications.md has an administrator do is enough for all that can be seen', { skip }, async () => {
  sql(fencedBlock('docs/applications.md', 'sql postgresql'))
  const collector = collectorFor('ethos-agent')
  const counts = await collector.collect()
  assert.equal(collector.lacks(), undefined)
  for (const key of ['requests', 'timedMs', 'reads', 'cacheLookups'] as const) assert.ok((counts[key] ?? -1) >= 0, key)
  assert.ok((counts.levels?.lockWaitShare ?? -1) >= 0)
  collector.close()
})

test('what comes back holds no text of a query, and the session shows whose it is', { skip }, async () => {
  const collector = collectorFor('watcher')
  const counts = await collector.collect()
  assert.ok(!JSON.stringify(counts).toLowerCase().includes('select'))
  assert.equal(
    sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'watcher' AND application_name = 'ethos-agent'").trim(),
    '1',
  )
  collector.close()
})

test('SCRAM-SHA-256 as RFC 7677 has it, word for word', () => {
  const exchange = scramExchange(machine.secrets, Buffer.from('pencil'), 'rOprNGfwEbeRWgbNEkqO', 'user')
  assert.equal(exchange.first, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
  const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
  const { final, verifier } = exchange.answer(serverFirst)
  assert.equal(
    final,
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  )
  assert.ok(exchange.isProven('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', verifier))
  assert.ok(!exchange.isProven('v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', verifier))
  // A server that did not see our nonce, or wants our CPU, is refused.
  assert.throws(() => exchange.answer('r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'))
  assert.throws(() => exchange.answer(serverFirst.replace('4096', '9999999')), /at most 100000/)
})

test('the MD5 answer, worked by hand', () => {
  // md5(md5("secret" + "user") in hex + salt 01 02 03 04), by coreutils: printf secretuser | md5sum, and so on.
  const answer = latin1(md5Answer(machine.secrets, 'user', Buffer.from('secret'), Uint8Array.of(1, 2, 3, 4)))
  assert.equal(answer, 'md5fccef98e4f1cf6cbe96b743fad4e8bd0')
})
