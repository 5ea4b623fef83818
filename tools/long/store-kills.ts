import { Luck } from '../../src/terms/luck.ts'
import type { LongTest } from '../long-test.ts'
import { killStore } from '../server/store-kills.ts'

const KILLS = 1000

/** What was acknowledged is there after SIGKILL. */
export const longTest: LongTest = {
  summary:
    `${KILLS} kills (SIGKILL) of a process that takes vectors, appends to the journal, keeps usage, packs and thins out, at random instants: ` +
    'every acknowledged vector, line and slot is there afterwards, and the store is whole by its own check.',
  run: async (seed) => ({ ...(await killStore(new Luck(seed), KILLS)) }),
}
