import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peakOverMean, simulateOutage } from '../../../tools/agent-fleet.ts'
import { MINUTE_MS } from '../../terms/units.ts'

test('after an outage two hundred agents bring a day each, in order and once, the newest within a minute, and nobody rushes', async () => {
  const result = await simulateOutage({ agents: 200, triesMs: 3 * MINUTE_MS, seed: 1 })
  // 200 agents with 288 vectors each.
  assert.deepEqual(
    [result.taken, result.duplicates, result.outOfOrder, result.waiting, result.lost],
    [57_600, 0, 0, 0, 0],
  )
  assert.ok(result.newestInUseMs <= 60_000, String(result.newestInUseMs))
  assert.equal(result.refusedByLimits, 0)
  assert.ok(peakOverMean(result.perSec, 5) <= 2, result.perSec.join(' '))
})
