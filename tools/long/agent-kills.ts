import assert from 'node:assert/strict'
import { killAtRandom } from '../agent-kills.ts'
import type { LongTest } from '../long-test.ts'

const KILLS = 500

export const longTest: LongTest = {
  summary: `${KILLS} SIGKILLs at random while vectors are kept and the server is away; then it is back.`,
  run: async (seed) => {
    const { kept, delivered, missing, lost, unsaid } = await killAtRandom({ kills: KILLS, spoolKiB: 16 * 1024, seed })
    assert.equal(missing, 0)
    assert.ok(lost <= KILLS, `${lost} records were cut off`)
    assert.ok(unsaid <= KILLS)
    return { kills: KILLS, kept, delivered, missing, cutOffAndCounted: lost, deliveredThoughUnsaid: unsaid }
  },
}
