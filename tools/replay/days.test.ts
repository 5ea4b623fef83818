import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replayDays } from './days.ts'

test('a day and a half in which all sorts of things happen is judged once more to the same lines', async () => {
  const { report, moves, starts, emptied, pauses, clockSteps } = await replayDays(7, 432)
  assert.deepEqual(report.differences, [])
  assert.deepEqual([report.turns, report.same], [432, 432])
  assert.deepEqual(report.journal, { recorded: 432, otherwise: 0, withoutInputs: 0, notRecorded: 0 })
  for (const [what, times] of Object.entries({ moves, starts, emptied, pauses, clockSteps, orders: report.orders }))
    assert.ok(times > 0, `${what}: ${times}`)
})
