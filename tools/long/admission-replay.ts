import { replaySeed } from '../../src/engine/admission/builders.ts'
import { Luck } from '../../src/terms/luck.ts'
import type { LongTest } from '../long-test.ts'

const LIVES = 100_000

/** Test 9 of the transport's threat model. */
export const longTest: LongTest = {
  summary:
    `${LIVES} lives of an identity with restarts, clones and releases, each with and without replays of ` +
    `what was taken: the state is the same after every step.`,
  run: (seed) => {
    let replays = 0
    for (let life = 0; life < LIVES; life++) replays += replaySeed(new Luck(seed * LIVES + life))
    return { lives: LIVES, replays }
  },
}
