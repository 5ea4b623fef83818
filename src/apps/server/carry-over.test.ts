import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { migrateSqliteSite } from '../../drivers/sqlite/site-schema.ts'
import { aLine, Bench, findVm, linesOf } from './builders.ts'
import { storePath } from './data-folder.ts'

after(() => Bench.removeAll())

test('a server carries over the store of a former version at its start, and goes on with what is in it', async () => {
  const bench = new Bench()
  await bench.start()
  const member = await bench.member()
  const lines = [0, 1, 2].map((i) => aLine(member.vm, i))
  await bench.send(member, lines)
  await bench.stop()
  migrateSqliteSite(storePath(bench.data), { to: 0 })
  await bench.start()
  assert.deepEqual(await linesOf(bench.server.store, member.vm), lines)
  assert.equal((await findVm(bench.server.store, member.vm))?.vectorsKept, 3)
  const { json } = await bench.send(member, [lines[2], aLine(member.vm, 3)])
  assert.deepEqual([json['accepted'], json['duplicates']], [1, 1])
})
