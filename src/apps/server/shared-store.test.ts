/** Two servers on one PostgreSQL. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { parseVmId } from '../../terms/ids.ts'
import { aLine, Bench, findVm, linesOf } from './builders.ts'
import { withSite } from './open-site.ts'

let database: PostgresServer | undefined
after(async () => {
  await Bench.removeAll()
  await database?.remove()
})

test('a VM that joined one server reports to the other, is known to both and to the command line, and is banned at both', {
  skip: withoutPostgres,
}, async () => {
  database = await PostgresServer.start({ settings: { fsync: 'off', full_page_writes: 'off' } })
  const storeUrl = database.url()
  const [one, two] = [new Bench(), new Bench()]
  two.now = one.now
  await one.start({ storeUrl })
  // Servers of one site have the same authority.
  mkdirSync(two.data, { mode: 0o700 })
  cpSync(join(one.data, 'ca-1.json'), join(two.data, 'ca-1.json'))
  await two.start({ storeUrl })
  const member = await one.member('shared-1')
  two.now = one.now
  assert.equal((await one.send(member, [aLine(member.vm, 0)])).status, 200)
  assert.deepEqual((await two.send({ ...member }, [aLine(member.vm, 0), aLine(member.vm, 1)])).json['accepted'], 1)
  assert.deepEqual(await linesOf(one.server.store, member.vm), [aLine(member.vm, 0), aLine(member.vm, 1)])
  const host = await two.host('kvm-shared')
  const { json } = await two.send(host, [aLine(member.vm, 2), aLine('shared-2', 0)])
  assert.deepEqual([json['accepted'], (json['refused'] as object[]).length], [1, 1])
  assert.deepEqual((await findVm(one.server.store, 'shared-2'))?.via, { host: 'kvm-shared' })
  await withSite({ store: storeUrl }, (store) => store.identities.ban(parseVmId(member.vm), one.now))
  for (const bench of [one, two])
    assert.equal((await bench.send({ ...member }, [aLine(member.vm, 3)])).json['error'], 'banned')
})
