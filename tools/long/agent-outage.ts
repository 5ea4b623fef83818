import assert from 'node:assert/strict'
import { HOUR_MS } from '../../src/terms/units.ts'
import { peakOverMean, simulateOutage } from '../agent-fleet.ts'
import type { LongTest } from '../long-test.ts'

const SEEDS = 3
const AGENTS = 500

export const longTest: LongTest = {
  summary: `${AGENTS} agents with a day of vectors each try for half an hour, then the server is back; ${SEEDS} seeds, virtual time.`,
  run: async (seed) => {
    let newestInUseSecMax = 0
    let requestsPerSecMax = 0
    let peakOfSecondMax = 0
    let peakOfFiveSecondsMax = 0
    let triesPerSecMax = 0
    for (let run = 0; run < SEEDS; run++) {
      const result = await simulateOutage({ agents: AGENTS, triesMs: HOUR_MS / 2, seed: seed * 1000 + run })
      const { taken, duplicates, outOfOrder, waiting, lost, refusedByLimits, perSec } = result
      assert.deepEqual([taken, duplicates, outOfOrder, waiting, lost], [AGENTS * 288, 0, 0, 0, 0])
      assert.equal(refusedByLimits, 0)
      newestInUseSecMax = Math.max(newestInUseSecMax, result.newestInUseMs / 1000)
      requestsPerSecMax = Math.max(requestsPerSecMax, ...perSec)
      peakOfSecondMax = Math.max(peakOfSecondMax, peakOverMean(perSec, 1))
      peakOfFiveSecondsMax = Math.max(peakOfFiveSecondsMax, peakOverMean(perSec, 5))
      triesPerSecMax = Math.max(triesPerSecMax, result.triesPerSec)
    }
    assert.ok(newestInUseSecMax <= 60)
    assert.ok(peakOfFiveSecondsMax <= 2)
    return {
      agents: AGENTS,
      seeds: SEEDS,
      newestInUseSecMax: round(newestInUseSecMax),
      requestsPerSecMax,
      peakOverMeanOfSecond: round(peakOfSecondMax),
      peakOverMeanOfFiveSeconds: round(peakOfFiveSecondsMax),
      triesPerSecWhileAway: round(triesPerSecMax),
    }
  },
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
