import { Luck } from '../../src/terms/luck.ts'
import type { LongTest } from '../long-test.ts'
import { killAtRandom } from '../server/postgres-kills.ts'
import { PostgresServer } from '../postgres-server.ts'

const KILLS = 100

export const longTest: LongTest = {
  summary:
    `${KILLS} kills under load, of two processes that write to PostgreSQL or, every other time, of PostgreSQL with all its processes: ` +
    'every acknowledged vector and line is there once, and the writers go on by themselves.',
  run: async (seed) => {
    const server = await PostgresServer.start()
    try {
      return { ...(await killAtRandom(server, { luck: new Luck(seed), kills: KILLS, schema: 'kills' })) }
    } finally {
      await server.remove()
    }
  },
}
