import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  freePort,
  runAs,
  type RunningServer,
  serverFolder,
  skipWithout,
  startServer,
} from '../../../../tools/real-servers.ts'
import { fencedBlock } from '../../../../tools/documents.ts'
import { nodeMachine } from '../node-machine.ts'
import { CollectError, ratesBetween } from './application.ts'
import { MysqlCollector } from './mysql.ts'
import { nativeAnswer, sha2Answer } from './mysql-wire.ts'

const SERVER = '/usr/sbin/mariadbd'
const CLIENT = '/usr/bin/mariadb'
const skip = skipWithout(SERVER, CLIENT, '/usr/bin/mariadb-install-db')
const machine = nodeMachine()
const folder = serverFolder('mysql')
const socket = join(folder.path, 'mysqld.sock')
const me = userInfo().username
const admin = process.getuid?.() === 0 ? 'mysql' : me
let port = 0
let server: RunningServer | undefined

const sql = (text: string): string => runAs('mysql', CLIENT, ['--no-defaults', '-N', '-S', socket, '-u', admin], text)

before(async () => {
  if (skip !== false) return
  port = await freePort()
  const data = join(folder.path, 'data')
  const install = ['--no-defaults', `--datadir=${data}`, `--auth-root-socket-user=${admin}`, '--skip-test-db']
  runAs('mysql', '/usr/bin/mariadb-install-db', install)
  const words = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--pid-file=${folder.path}/pid`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    '--performance-schema=ON',
    '--innodb-buffer-pool-size=16M',
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-lock-wait-timeout=2',
    '--query-cache-type=0',
    '--plugin-load-add=auth_ed25519',
  ]
  server = await startServer('mysql', SERVER, words, () => existsSync(socket) && sql('SELECT 1').trim() === '1')
  sql(`CREATE DATABASE shop; CREATE TABLE shop.t (i INT PRIMARY KEY, j INT) ENGINE=InnoDB;
    INSERT INTO shop.t VALUES (1, 0), (2, 0);
    CREATE USER watcher@127.0.0.1 IDENTIFIED BY 'öpen sesame'; GRANT SELECT ON performance_schema.* TO watcher@127.0.0.1;
    CREATE USER newcomer@localhost IDENTIFIED BY 'secret';
    CREATE USER other@127.0.0.1 IDENTIFIED VIA ed25519 USING PASSWORD('secret');
    ${me === admin ? '' : `CREATE USER IF NOT EXISTS '${me}'@localhost IDENTIFIED VIA unix_socket;`}
    GRANT SELECT ON performance_schema.* TO '${me}'@localhost;`)
})
after(async () => {
  await server?.stop()
  folder.remove()
})

const password = (text: string): string => folder.write(`password-${text.length}`, `${text}\n`, 0o600)
const local = (user: string, rest: object = {}) =>
  new MysqlCollector(machine, { name: '', user, ...rest }, { path: socket })
const network = (user: string, rest: object = {}) =>
  new MysqlCollector(machine, { name: '', user, ...rest }, { host: '127.0.0.1', port })

test('a known load by a user of the system, without a password: reads, writes, time', { skip }, async () => {
  const collector = local(me)
  const was = await collector.collect()
  sql(
    'SELECT * FROM shop.t;\n'.repeat(600) +
      'UPDATE shop.t SET j = j + 1 WHERE i = 1;\n'.repeat(200) +
      'SET @a = 1;\n'.repeat(50),
  )
  const is = await collector.collect()
  const rates = ratesBetween(was, is, 10_000)
  // 600 + 200 in 10 s; SET is no request, nor is what the client itself asks (it selects nothing in this mode), nor our own.
  assert.equal(rates.requestsPerSec, 80)
  assert.equal(rates.readShare, 0.75)
  // The performance schema counts our own SELECT as well; it is taken out: 800 of 801.
  assert.equal(rates.timedPerSec, 80)
  assert.ok(rates.latencyMsMean > 0 && rates.latencyMsMean < 100, String(rates.latencyMsMean))
  assert.ok(rates.cacheHitShare > 0.5 && rates.cacheHitShare <= 1, String(rates.cacheHitShare))
  assert.equal(rates.lockWaitShare, 0)
  assert.equal(collector.lacks(), undefined)
  collector.close()
})

test('where nobody but the agent asks there are no requests, and no latency of its own', { skip }, async () => {
  const collector = local(me)
  const was = await collector.collect()
  await collector.collect()
  const rates = ratesBetween(was, await collector.collect(), 10_000)
  assert.deepEqual([rates.requestsPerSec, rates.timedPerSec, rates.latencyMsMean], [0, 0, Number.NaN])
  collector.close()
})

test('time that was waited for a row of another is seen', { skip }, async () => {
  const collector = local(me)
  const was = await collector.collect()
  // The second session waits two seconds for the first, and gives up.
  const other = `${CLIENT} --no-defaults -S ${socket} -u ${admin} -e 'UPDATE shop.t SET j = 9 WHERE i = 2' || true`
  sql(`BEGIN; UPDATE shop.t SET j = 1 WHERE i = 2;\nsystem ${other}\nROLLBACK;`)
  const waitedMs = ((await collector.collect()).lockWaitMs ?? 0) - (was.lockWaitMs ?? 0)
  assert.ok(waitedMs >= 1900 && waitedMs < 10_000, String(waitedMs))
  collector.close()
})

test('over TCP with a password; a wrong one is refused, and it is said what would help', { skip }, async () => {
  const collector = network('watcher', { passwordFile: password('öpen sesame') })
  assert.ok(((await collector.collect()).timedRequests ?? -1) > 0)
  collector.close()
  await assert.rejects(network('watcher', { passwordFile: password('wrong') }).collect(), (error) => {
    assert.ok(error instanceof CollectError && error.isRefusal)
    assert.equal(error.message, 'MySQL does not let watcher in (1045)')
    assert.match(error.remedy ?? '', /CREATE USER 'watcher'@'localhost'/)
    return true
  })
  await assert.rejects(
    network('other', { passwordFile: password('secret') }).collect(),
    /authentication client_ed25519/,
  )
})

test('who may not read the performance schema is told no latency, and all the rest', { skip }, async () => {
  const collector = local('newcomer', { passwordFile: password('secret') })
  const counts = await collector.collect()
  assert.ok((counts.requests ?? -1) > 0)
  assert.equal(counts.timedMs, undefined)
  assert.match(collector.lacks()?.remedy ?? '', /GRANT SELECT ON performance_schema/)
  collector.close()
})

test('what docs/applications.md has an administrator do is enough for all that can be seen', { skip }, async () => {
  // The user of the system is another one here: a password stands for it.
  sql(fencedBlock('docs/applications.md', 'sql mariadb').replace('VIA unix_socket', "BY 'secret'"))
  const collector = local('ethos-agent', { passwordFile: password('secret') })
  const counts = await collector.collect()
  assert.equal(collector.lacks(), undefined)
  for (const key of ['requests', 'timedMs', 'reads', 'cacheLookups', 'lockWaitMs'] as const)
    assert.ok((counts[key] ?? -1) >= 0, key)
  collector.close()
})

test('a connection that the server has cut is opened again, without an error in between', { skip }, async () => {
  const collector = local(me)
  await collector.collect()
  sql(`KILL USER '${me === admin ? 'nobody' : me}'`)
  assert.ok(((await collector.collect()).requests ?? -1) > 0)
  collector.close()
})

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('the answers to a challenge, worked by another program', () => {
  const salt = Uint8Array.from({ length: 20 }, (_, i) => i + 1)
  // Python: p = sha1(b'secret'); p xor sha1(salt + sha1(p)); and sha256(b'secret') xor sha256(sha256(sha256(b'secret')) + salt).
  assert.equal(
    hex(nativeAnswer(machine.secrets, Buffer.from('secret'), salt)),
    'b32bb3a583e1340c0a1108d58b1be49781ad8c2f',
  )
  assert.equal(
    hex(sha2Answer(machine.secrets, Buffer.from('secret'), salt)),
    '746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9',
  )
})
