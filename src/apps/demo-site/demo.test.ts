/** The demo as people meet it: hosts and VMs through the API, turns by the site's clock, and a move of the engine's to its end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { PATIENCE_MS, TestBench } from './builders.ts'

interface HostPast {
  readonly host: string
  readonly cpu: readonly (number | null)[]
  readonly memory: readonly (number | null)[]
}

test('the demo shows hosts with their past, VMs with and without agents, and a move that the engine ordered to its end, with the VM on its new host', {
  timeout: PATIENCE_MS,
}, async (t) => {
  const bench = await TestBench.begin(t)
  assert.equal((await bench.ask<{ clockSpeed?: number }>('/v1/status')).clockSpeed, 60)
  const { hosts } = await bench.ask<{ hosts: readonly HostPast[] }>(
    `/v1/loads/history?from=${bench.demo.clock.pace.from - DAY_MS}&to=${bench.demo.clock.pace.from}`,
  )
  assert.equal(hosts.length, 12)
  for (const { host, cpu, memory } of hosts) {
    assert.equal(cpu.length, DAY_MS / SLOT_MS)
    for (const share of [...cpu, ...memory]) assert.ok(share !== null && share > 0 && share <= 1, `${host}: ${share}`)
  }
  const placed = await bench.hostsOfVms()
  assert.equal(placed.size, 140)
  assert.ok(!new Set(placed.values()).has('none') && placed.has('web-01'))
  const done = await bench.until('a move that is done', async () =>
    (await bench.moves())?.ended.find(({ state }) => state === 'done'),
  )
  assert.ok((done.promise?.totalMs ?? 0) > 0 && (done.figures?.totalMs ?? 0) > 0 && (done.figures?.rounds ?? 0) > 0)
  await bench.until(`${done.vm} on ${done.to}`, async () => {
    const { host } = await bench.ask<{ host?: string }>(`/v1/vms/${done.vm}`)
    return host === done.to ? true : undefined
  })
  assert.ok((await bench.turns()) > 0)
})
