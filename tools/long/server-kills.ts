import { Luck } from '../../src/terms/luck.ts'
import type { LongTest } from '../long-test.ts'
import { killServer } from '../server/kills.ts'

const KILLS = 100

/** What was acknowledged is there after SIGKILL. */
export const longTest: LongTest = {
  summary:
    `${KILLS} kills of the server (SIGKILL) at random instants while 12 guests report: every ` +
    `acknowledged vector is there afterwards, and the file is whole.`,
  run: async (seed) => ({ ...(await killServer(new Luck(seed), KILLS)) }),
}
