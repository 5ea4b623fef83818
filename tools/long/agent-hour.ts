import { runHour } from '../agent/run-hour.ts'
import type { LongTest } from '../long-test.ts'

/** Reliability test 1, first half. */
export const longTest: LongTest = {
  summary: 'Agents with all collectors, on Node and as one executable, for an hour without a load of ours.',
  run: () => runHour({ forksPerSec: 0 }),
}
