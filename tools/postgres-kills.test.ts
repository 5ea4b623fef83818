import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../src/terms/luck.ts'
import { killAtRandom } from './server/postgres-kills.ts'
import { PostgresServer, withoutPostgres } from './postgres-server.ts'

test('what PostgreSQL acknowledged outlives kills of the writers and of the server, and writers go on by themselves', {
  skip: withoutPostgres,
}, async () => {
  const server = await PostgresServer.start()
  try {
    const figures = await killAtRandom(server, { luck: new Luck(4), kills: 4, schema: 'kills' })
    assert.equal(figures.killsOfServer, 2)
    // Two writers go on at least once before each kill, with five VMs each.
    assert.ok(figures.acknowledged >= 4 * 2 * 5)
  } finally {
    await server.remove()
  }
})
