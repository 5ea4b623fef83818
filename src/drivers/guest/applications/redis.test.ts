import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort, type RunningServer, serverFolder, skipWithout, startServer } from '../../../../tools/real-servers.ts'
import { fencedBlock } from '../../../../tools/documents.ts'
import { nodeMachine } from '../node-machine.ts'
import { CollectError, ratesBetween } from './application.ts'
import { readInfo, RedisCollector } from './redis.ts'

const skip = skipWithout('/usr/bin/redis-server', '/usr/bin/redis-cli')
const machine = nodeMachine()
const folder = serverFolder('redis')
const socket = join(folder.path, 'redis.sock')
const servers: RunningServer[] = []
let port = 0

before(async () => {
  if (skip !== false) return
  port = await freePort()
  const settings = `bind 127.0.0.1\nport ${port}\nunixsocket ${socket}\nunixsocketperm 777\ndir ${folder.path}\nsave ""\n`
  const users = 'user default on nopass ~* +@all\nuser watcher on >open-sesame +info\n'
  const file = folder.write('redis.conf', settings + users)
  servers.push(await startServer('redis', '/usr/bin/redis-server', [file], () => existsSync(socket)))
})
after(async () => {
  for (const server of servers) await server.stop()
  folder.remove()
})

const load = (commands: string): void => {
  const { status, stderr } = spawnSync('redis-cli', ['-s', socket], { input: commands, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

test('Redis is read: commands, reads among them, hits and time', { skip }, async () => {
  const collector = new RedisCollector(machine, { name: '' }, { path: socket })
  const was = await collector.collect()
  load('SET known 1\n'.repeat(250) + 'GET known\n'.repeat(600) + 'GET unknown\n'.repeat(150) + 'PING\n'.repeat(50))
  const is = await collector.collect()
  // 250 SET + 600 GET + 150 GET = 1000 in 10 s. PING, and our own INFO, are no requests.
  const rates = ratesBetween(was, is, 10_000)
  assert.equal(rates.requestsPerSec, 100)
  // 750 of 1000 read; 600 of 750 look-ups hit.
  assert.equal(rates.readShare, 0.75)
  assert.equal(rates.cacheHitShare, 0.8)
  // Each takes from a fraction of a microsecond to some hundred.
  assert.ok(rates.latencyMsMean > 0 && rates.latencyMsMean < 50, String(rates.latencyMsMean))
  assert.equal(rates.lockWaitShare, Number.NaN)
  collector.close()
})

test('Redis over TCP with a user that may do nothing but INFO', { skip }, async () => {
  const passwordFile = folder.write('password', 'open-sesame\n', 0o600)
  const settings = { name: '', user: 'watcher', passwordFile }
  const collector = new RedisCollector(machine, settings, { host: '127.0.0.1', port })
  assert.ok(((await collector.collect()).requests ?? -1) >= 0)
  collector.close()

  const wrong = { ...settings, passwordFile: folder.write('wrong', 'open-simsim\n', 0o600) }
  await assert.rejects(new RedisCollector(machine, wrong, { host: '127.0.0.1', port }).collect(), (error) => {
    assert.ok(error instanceof CollectError && error.isRefusal)
    assert.equal(error.message, 'Redis refuses: WRONGPASS')
    return true
  })

  const open = { ...settings, passwordFile: folder.write('readable', 'open-sesame\n', 0o644) }
  await assert.rejects(new RedisCollector(machine, open, { host: '127.0.0.1', port }).collect(), /others may read/)
})

test('what docs/applications.md has an administrator do is enough for Redis', { skip }, async () => {
  load(fencedBlock('docs/applications.md', 'redis').replace('PASSWORD', 'open-sesame'))
  const passwordFile = folder.write('documented', 'open-sesame\n', 0o600)
  const settings = { name: '', user: 'ethos-agent', passwordFile }
  const collector = new RedisCollector(machine, settings, { host: '127.0.0.1', port })
  assert.ok(((await collector.collect()).requests ?? -1) >= 0)
  collector.close()
})

test('a Redis that was started anew is read on a new connection, without an error in between', { skip }, async () => {
  const collector = new RedisCollector(machine, { name: '' }, { path: socket })
  await collector.collect()
  await servers.pop()?.stop()
  const file = join(folder.path, 'redis.conf')
  servers.push(await startServer('redis', '/usr/bin/redis-server', [file], () => existsSync(socket)))
  const is = await collector.collect()
  assert.equal(is.requests, 0)
  collector.close()
})

test('what INFO of an old server lacks is absent', () => {
  // Without commandstats only the number of commands is known: no latency, no kinds.
  const counts = readInfo('# Stats\r\ntotal_commands_processed:42\r\nkeyspace_hits:7\r\n')
  assert.equal(counts.requests, 42)
  assert.equal(counts.timedMs, undefined)
  assert.equal(counts.reads, undefined)
  // Hits without misses are no share.
  assert.equal(counts.cacheLookups, undefined)
})
