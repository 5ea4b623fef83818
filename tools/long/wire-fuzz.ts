import { Luck } from '../../src/terms/luck.ts'
import type { LongTest } from '../long-test.ts'
import { compareReaders } from '../server/two-readers.ts'
import { fuzzWire } from '../server/wire-fuzz.ts'

const MESSAGES = 1_000_000

/** Test 16 of the transport's threat model. */
export const longTest: LongTest = {
  summary:
    `${MESSAGES} damaged messages to all that reads a guest: a vector in its one form, or a refusal by ` +
    `one of few words; nothing else thrown, no prototype changed, at most 1 ms and 64 KiB each. And ${MESSAGES} lines to ` +
    'the quick reader and the thorough one, which say the same.',
  run: (seed) => {
    const { lines, taken } = compareReaders(new Luck(seed), MESSAGES)
    return { ...fuzzWire(new Luck(seed), MESSAGES), linesReadTwice: lines, linesTakenTwice: taken }
  },
}
