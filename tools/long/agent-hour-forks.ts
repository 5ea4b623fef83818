import { runHour } from '../agent/run-hour.ts'
import type { LongTest } from '../long-test.ts'

const FORKS_PER_SEC = 500

/** Reliability test 1, second half. */
export const longTest: LongTest = {
  summary: `Agents with all collectors, on Node and as one executable, for an hour beside ${FORKS_PER_SEC} short programs a second.`,
  run: () => runHour({ forksPerSec: FORKS_PER_SEC }),
}
