import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { openPostgresSite } from '../../drivers/postgres/site.ts'
import { admit } from '../../engine/admission/senders.ts'
import { UserFolder } from './builders.ts'

const skip = withoutPostgres
const user = new UserFolder()
let server: PostgresServer
before(async () => {
  if (skip !== false) return
  server = await PostgresServer.start()
  const store = await openPostgresSite(server.url(), { admit })
  await store.journal.append('line', 1)
  await store.close()
})
after(async () => {
  if (skip === false) await server.remove()
  user.remove()
})

const store = (...words: readonly string[]) => user.run(['store', ...words, '--store', server.url()])

test('a PostgreSQL is looked at, copied, carried back and forth, and never named with its password', { skip }, () => {
  const name = `PostgreSQL ethos@127.0.0.1:${server.port}/ethos`
  assert.deepEqual(store('check'), { code: 0, stdout: `${name} is whole.\n`, stderr: '' })
  assert.match(store('size').stdout, /^tables and indexes: \d+\.\d MiB\n$/)
  assert.match(
    store('backup', 'site.dump').stdout,
    /site\.dump is a copy of what was there when it began, for pg_restore\./,
  )
  assert.ok(existsSync(join(user.path, 'site.dump')))
  assert.equal(store('migrate', '--to', '1').stdout, 'The schema was 2 and is 1 now.\n')
  const looked = JSON.parse(store('check', '--json').stdout) as { isWhole: boolean; findings: readonly unknown[] }
  assert.deepEqual([looked.isWhole, looked.findings.length], [true, 1])
  assert.equal(store('migrate').stdout, 'The schema was 1 and is 2 now.\n')
  assert.equal(store('migrate', '--to', '7').code, 2)
})

test('damage ends with 1', { skip }, async () => {
  const site = await openPostgresSite(server.url(), { admit })
  await site.journal.append('line', 1)
  await site.close()
  server.sql("UPDATE ethos.journal SET line = 'other'", 'ethos')
  const { code, stdout } = store('check')
  assert.equal(code, 1)
  assert.match(stdout, /^damage {2}The journal was changed: line 1 /)
})

test('without a data folder and without a URL it is said what is missing', () => {
  const { code, stderr } = user.run(['store', 'check'])
  assert.equal(code, 2)
  assert.match(stderr, /--data/)
})
