import { Luck } from '../../src/terms/luck.ts'
import type { LongTest } from '../long-test.ts'
import { fuzzWire } from '../server/wire-fuzz.ts'

const MESSAGES = 1_000_000

/** Test 16 of the transport's threat model. */
export const longTest: LongTest = {
  summary:
    `${MESSAGES} damaged messages to all that reads a guest: a vector in its one form, or a refusal by ` +
    `one of few words; nothing else thrown, no prototype changed, at most 1 ms and 64 KiB each.`,
  run: (seed) => ({ ...fuzzWire(new Luck(seed), MESSAGES) }),
}
