import assert from 'node:assert/strict'
import type { LongTest } from '../long-test.ts'
import { watch } from '../server/dashboards.ts'

const SIZE = { hosts: 40, vms: 1000, dashboards: 200, stalled: 10, clients: 50, seconds: 30, eventsPerSec: 40 } as const

/** Test 57: what people see while many look. */
export const longTest: LongTest = {
  summary:
    `${SIZE.dashboards} dashboards, ${SIZE.stalled} streams that nobody reads and ${SIZE.clients} programs look at ` +
    `${SIZE.vms} VMs on ${SIZE.hosts} hosts for ${SIZE.seconds} s.`,
  run: async () => {
    const counts = await watch(SIZE)
    assert.equal(counts.failed, 0)
    assert.equal(counts.streamsLost, 0, 'a stream that was read is gone')
    assert.equal(counts.stalledDropped, SIZE.stalled)
    assert.ok(counts.turns > 0)
    return { ...SIZE, ...counts }
  },
}
