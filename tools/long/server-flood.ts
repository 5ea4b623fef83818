import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Bench } from '../../src/apps/server/builders.ts'
import { useOf } from '../agent/process-use.ts'
import type { LongTest } from '../long-test.ts'
import { flood } from '../server/flood.ts'
import { startProcess } from '../server/kills.ts'

const SIZE = { agents: 500, idle: 2000, floodPerSec: 5000, seconds: 30 } as const
/** The server's own bound (`memoryBytesSoft`). */
const RESIDENT_BYTES_MAX = 512 * 1024 * 1024

/** Test 11 of the transport's threat model. */
export const longTest: LongTest = {
  summary:
    `${SIZE.agents} agents report in ${SIZE.seconds} s, in calm and while one identity asks up to ` +
    `${SIZE.floodPerSec} times a second and keeps up to ${SIZE.idle} idle connections.`,
  run: async () => {
    const bench = new Bench({ daysAgo: 0 })
    const { child, port } = await startProcess(bench.data)
    await bench.attach(port)
    const counts = await flood(bench, SIZE, () => useOf(child.pid ?? 0).cpuMs / 1000)
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    const residentBytesMax = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024
    child.kill('SIGTERM')
    await bench.remove()
    assert.equal(counts.reportsRefused, 0, counts.whyRefused)
    // A burst of ten and one in ten seconds.
    assert.ok(counts.floodAccepted <= 10 + SIZE.seconds / 10 + 1)
    assert.ok(residentBytesMax <= RESIDENT_BYTES_MAX)
    return { ...SIZE, ...counts, residentBytesMax }
  },
}
