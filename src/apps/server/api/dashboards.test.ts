/** The small form of the long test `dashboards`, on the whole service in a process of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watch } from '../../../../tools/server/dashboards.ts'

test('dashboards and programs are answered while streams that nobody reads are dropped', async () => {
  const size = { hosts: 4, vms: 20, dashboards: 6, stalled: 1, clients: 3, seconds: 3, eventsPerSec: 400 }
  const { requests, failed, eventsRead, streamsLost, stalledDropped } = await watch(size)
  assert.ok(requests > 0 && eventsRead >= 0)
  assert.deepEqual({ failed, streamsLost, stalledDropped }, { failed: 0, streamsLost: 0, stalledDropped: 1 })
})
