/** What hosts used over time, by a store in memory. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { aPlainHost } from '../../../terms/builders.ts'
import { encodeHost } from '../../../terms/host.ts'
import type { KeptReport } from '../../../terms/host-report.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { DAY_MS, GiB, HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS, slotOf, usageNameOf } from '../../../terms/usage.ts'
import type { LoadHistoryView } from '../views/outlook.ts'
import { ApiBench } from './builders.ts'
import { FakeStore } from './fakes/builders.ts'

const store = new FakeStore()
const bench = new ApiBench({ store })
let token = ''
const [FIRST, SECOND, BARE] = ['a-host', 'b-host', '<img/onerror=x>'].map((name) => parseHostId(name))
const NOW = slotOf(bench.now)

before(async () => {
  bench.now = NOW
  await bench.start()
  token = await bench.token('viewer')
  // Ten reference cores and 16 GiB.
  for (const hostId of [FIRST, SECOND]) {
    const { id: _, ...host } = JSON.parse(encodeHost(aPlainHost(0, { cores: 10, memoryBytes: 16 * GiB }))) as object & {
      id: string
    }
    await store.hosts.put({ hostId, corrections: JSON.stringify(host), changedAt: 0 })
  }
  const told: KeptReport = { hostId: BARE, windowEnd: NOW, windowMs: 1, state: 'on', vms: [], arrivedAt: NOW }
  const own = { cpuRefCoresMean: 1, memoryUsedBytes: 1 }
  await store.hosts.report([
    { ...told, ...own },
    { ...told, ...own, hostId: FIRST },
    { ...told, hostId: SECOND },
  ])
  const slot = (ago: number, cpu: number, rest: object = {}) => ({
    vmId: usageNameOf(FIRST),
    slotAt: NOW - ago * SLOT_MS,
    mean: { cpu, ...rest },
    max: { cpu: cpu + 1 },
  })
  await store.usage.put([slot(3, 2, { memory: 4 * GiB }), slot(2, 4), slot(0, 0)])
  // A VM of the name of a host is another.
  await store.usage.put([{ vmId: parseVmId(FIRST), slotAt: NOW - 3 * SLOT_MS, mean: { cpu: 9 }, max: {} }])
})
after(() => bench.stop())

async function ask(query = ''): Promise<LoadHistoryView> {
  const { status, json, text } = await bench.ask({ path: `/v1/loads/history${query}`, token })
  assert.equal(status, 200, text)
  return json as unknown as LoadHistoryView
}

test('each host has a column of shares of what it has, and null where nobody measured', async () => {
  const told = await ask(`?from=${NOW - 3 * SLOT_MS}&to=${NOW + 1}`)
  assert.deepEqual([told.asOf, told.from, told.stepMs, told.steps], [NOW, NOW - 3 * SLOT_MS, SLOT_MS, 4])
  const [bare, first, second] = told.hosts
  // 2 and 4 of 10 cores, then nothing, then a measured nothing; 4 of 16 GiB once.
  assert.deepEqual(first, {
    host: FIRST,
    capacity: { cpuRefCores: 10, memoryBytes: 16 * GiB },
    cpuFrom: 'host',
    memoryFrom: 'host',
    cpu: [0.2, 0.4, null, 0],
    memory: [0.25, null, null, null],
  })
  assert.deepEqual([second.cpuFrom, second.memoryFrom], ['vms', 'vms'])
  assert.deepEqual([second.cpu, second.memory], [Array(4).fill(null), Array(4).fill(null)])
  // What nobody measured has no capacity to be a share of, and says so.
  assert.deepEqual([bare.host, bare.capacity, bare.cpu], [BARE, {}, undefined])
  assert.match(bare.lacking ?? '', /nobody measured/)
})

test('longer steps have the mean of their slots, and the highest where that is asked for', async () => {
  const query = `?host=${FIRST}&from=${NOW - 3 * SLOT_MS}&to=${NOW + 1}&stepMs=${2 * SLOT_MS}&isMaxShown=true`
  const { steps, hosts } = await ask(query)
  assert.deepEqual([steps, hosts.length], [2, 1])
  // (2 + 4) / 2 = 3 of 10; the highest were 3 and 5. Then one slot of 0, whose highest was 1.
  assert.deepEqual(
    [hosts[0].cpu, hosts[0].cpuMax],
    [
      [0.3, 0],
      [0.5, 0.1],
    ],
  )
})

test('the last six hours in steps of five minutes are told where nobody says', async () => {
  const { from, stepMs, steps } = await ask()
  assert.deepEqual([stepMs, steps], [SLOT_MS, 72])
  assert.ok(Math.abs(from - (NOW - 6 * HOUR_MS)) <= SLOT_MS)
})

test('spans that are none, or too long, are refused in words; a host that is not known is not found', async () => {
  for (const [query, why] of [
    [`?from=${NOW}&to=${NOW}`, /must lie before/],
    [`?from=${NOW - 32 * DAY_MS}&to=${NOW}`, /31 days/],
    ['?stepMs=1', /stepMs/],
    ['?nothing=1', /nothing/],
  ] as const) {
    const { status, json } = await bench.ask({ path: `/v1/loads/history${query}`, token })
    assert.equal(status, 400)
    assert.match(JSON.stringify(json), why)
  }
  assert.equal((await bench.ask({ path: '/v1/loads/history?host=nobody', token })).status, 404)
})

test('of a thousand hosts as many steps are told as an answer may have, and a step is as short as that allows', async () => {
  const many = Array.from({ length: 1000 }, (_, i) => parseHostId(`host-${i}`))
  for (const hostId of many) await store.hosts.put({ hostId, corrections: '{}', changedAt: 0 })
  bench.now += 10_000
  // 1,003 hosts times 576 slots are 578,000 cells: two slots a step.
  const { stepMs, steps, hosts } = await ask(`?from=${NOW - 2 * DAY_MS + 1}&to=${NOW}`)
  assert.deepEqual([stepMs, hosts.length], [2 * SLOT_MS, 1003])
  assert.ok(steps * hosts.length <= 300_000)
  const asked = { path: `/v1/loads/history?from=${NOW - 2 * DAY_MS}&to=${NOW}&stepMs=${SLOT_MS}`, token }
  assert.match((await bench.ask(asked)).json['error'].message as string, /at most 300000/)
  const week = { path: `/v1/loads/history?from=${NOW - 8 * DAY_MS}&to=${NOW}`, token }
  assert.match((await bench.ask(week)).json['error'].message as string, /at most 2100000/)
})

test('a cluster without hosts has a past without columns', async () => {
  const empty = new ApiBench({ store: new FakeStore() })
  await empty.start()
  const { status, json } = await empty.ask({ path: '/v1/loads/history', token: await empty.token('viewer') })
  assert.deepEqual([status, json['hosts']], [200, []])
  assert.ok(json['stepMs'] >= SLOT_MS && json['steps'] > 0)
  await empty.stop()
})
