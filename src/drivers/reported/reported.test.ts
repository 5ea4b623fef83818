import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ImaginedSite } from '../../../tools/server/imagined-site.ts'
import type { KeptReport, ReportedVm } from '../../terms/host-report.ts'
import { parseHostId, parseOrderId, parseVmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import { GiB, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { StoreError, TelemetryError } from '../../world/errors.ts'
import { hypervisorContract } from '../../world/hypervisor.contract.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { telemetrySourceContract } from '../../world/telemetry-source.contract.ts'
import { openSqliteSite } from '../sqlite/site-store.ts'
import { ReportedHypervisor } from './reported-hypervisor.ts'
import { ReportedTelemetry } from './reported-telemetry.ts'

const START = 1_800_000_000_000

/** Three hosts, six VMs, two on each; a clock that a test moves. */
class Bench {
  now = START
  readonly site = new ImaginedSite({ hosts: 3, vms: 6, seed: 1 })
  readonly store: SiteStore = openSqliteSite(':memory:', { admit: (known) => ({ kind: 'taken', next: known }) })
  readonly clock = { now: () => this.now, sleepUntil: async () => undefined }
  readonly hypervisor = new ReportedHypervisor(this.store, this.clock)
  readonly telemetry = new ReportedTelemetry(this.store, this.clock, {
    notes: () => this.hypervisor.notes,
    isGood: () => true,
  })

  static async make(): Promise<Bench> {
    const bench = new Bench()
    benches.push(bench)
    await bench.site.register(bench.store, bench.now)
    await bench.tell()
    return bench
  }

  async tell(): Promise<void> {
    await this.site.tellReports(this.store, this.now)
  }

  /** One host reports, with changes. */
  async tellOf(host: number, change: (report: KeptReport) => KeptReport = (report) => report): Promise<void> {
    this.now += 1000
    await this.store.hosts.report([change(this.site.report(host, this.now))])
  }

  async place(vm: number): Promise<number> {
    const { vms, hostOf } = await this.hypervisor.inventory()
    const index = vms.findIndex(({ id }) => id === this.site.vms[vm].id)
    return index < 0 ? -2 : hostOf[index]
  }
}

const benches: Bench[] = []
after(async () => {
  for (const { store } of benches) await store.close()
})

const IN_SHADOW = 'an order is only recorded: nothing outside hears of it'

hypervisorContract(
  'what hosts report, in shadow,',
  async () => {
    const bench = await Bench.make()
    let orders = 0
    return {
      hypervisor: bench.hypervisor,
      order: async (): Promise<MigrationOrder> => ({
        id: parseOrderId(`contract-${orders++}`),
        vmId: bench.site.vms[0].id,
        from: bench.site.hosts[0].id,
        to: bench.site.hosts[1].id,
        decidedAt: bench.now,
        class: 'contention',
        reason: 'A test.',
      }),
      finish: async () => undefined,
    }
  },
  {
    cannot: [
      { test: 'a migration under way is listed, and its VM still runs on the source', because: IN_SHADOW },
      { test: 'a migration that is done is told once, and its VM runs on the target', because: IN_SHADOW },
      { test: 'beginning the same order again does nothing, even once it is done', because: IN_SHADOW },
      { test: 'a VM that is moving takes no second order', because: IN_SHADOW },
      { test: 'a cancelled migration leaves the VM where it is, and says so', because: IN_SHADOW },
    ],
  },
)

telemetrySourceContract('usage as reported', async () => {
  const bench = await Bench.make()
  const pass = async (): Promise<void> => {
    bench.now += SLOT_MS
    await bench.site.tellPast(bench.store, { from: bench.now - SLOT_MS, to: bench.now })
  }
  await pass()
  return { telemetry: bench.telemetry, clock: bench.clock, inventory: () => bench.hypervisor.inventory(), pass }
})

test('a host is out of reach once its newest report is older than three windows, and no sooner than three minutes', async () => {
  const bench = await Bench.make()
  const states = async () => (await bench.hypervisor.inventory()).hostStates
  bench.now += 3 * MINUTE_MS
  assert.deepEqual(await states(), ['on', 'on', 'on'])
  await bench.tellOf(1)
  assert.deepEqual(await states(), ['unreachable', 'on', 'unreachable'])
  assert.match(bench.hypervisor.notes.doubts.get(bench.site.hosts[0].id) ?? '', /newest report is 3\.0 min old/)
  // Five minutes a window: fifteen minutes.
  await bench.tellOf(0, (report) => ({ ...report, windowMs: 5 * MINUTE_MS }))
  bench.now += 15 * MINUTE_MS
  assert.deepEqual(await states(), ['on', 'unreachable', 'unreachable'])
})

test('a report of a long outage is no longer believed than one of the longest ordinary window', async () => {
  const bench = await Bench.make()
  await bench.tellOf(0, (report) => ({ ...report, windowMs: 8 * HOUR_MS }))
  bench.now += 45 * MINUTE_MS
  assert.equal((await bench.hypervisor.inventory()).hostStates[0], 'on')
  bench.now += 1
  assert.equal((await bench.hypervisor.inventory()).hostStates[0], 'unreachable')
})

test('after the clock was set back a host counts again with its next report, and what VMs say is heard', async () => {
  const bench = await Bench.make()
  const say = () => bench.site.tellVectors(bench.store, [0], bench.now)
  const heard = async () => (await bench.telemetry.read(await bench.hypervisor.inventory())).personalities.length
  await say()
  await heard()
  bench.now -= HOUR_MS
  const { hostStates } = await bench.hypervisor.inventory()
  assert.deepEqual(hostStates, ['unreachable', 'unreachable', 'unreachable'])
  assert.match(bench.hypervisor.notes.doubts.get(bench.site.hosts[0].id) ?? '', /60\.0 min ahead of the clock/)
  assert.equal(await heard(), 0)
  await bench.tellOf(1)
  assert.deepEqual((await bench.hypervisor.inventory()).hostStates, ['unreachable', 'on', 'unreachable'])
  await say()
  assert.equal(await heard(), 1)
  assert.equal(await heard(), 0)
})

test('a host that was taken off the list claims nothing, even if it had a last word after that', async () => {
  const bench = await Bench.make()
  const [first] = bench.site.hosts
  await bench.store.hosts.remove(first.id)
  await bench.tellOf(0)
  await bench.tellOf(1, (report) => ({
    ...report,
    vms: [...report.vms, ...bench.site.report(0, bench.now).vms],
  }))
  assert.equal(await bench.place(0), 0)
  assert.deepEqual(bench.hypervisor.notes.doubtful, [])
  assert.deepEqual(bench.hypervisor.notes.strangers, [first.id])
  bench.now += 10 * MINUTE_MS
  await bench.hypervisor.inventory()
  assert.deepEqual(bench.hypervisor.notes.strangers, [])
})

test('a host that is registered and never reported is out of reach, one in maintenance is what it says', async () => {
  const bench = await Bench.make()
  await bench.store.hosts.put({ ...bench.site.hostRow(0, bench.now), hostId: parseHostId('silent') })
  await bench.tellOf(1, (report) => ({ ...report, state: 'maintenance' }))
  assert.deepEqual((await bench.hypervisor.inventory()).hostStates, ['on', 'maintenance', 'on', 'unreachable'])
})

test('a host whose record lacks its power curve is no host to count on, and says what is missing', async () => {
  const bench = await Bench.make()
  const { id } = bench.site.hosts[1]
  const measurement = JSON.stringify({ host: { ...bench.site.hosts[1], powerWatts: undefined } })
  await bench.store.hosts.put({ hostId: id, measurement, changedAt: bench.now })
  const { hosts, vms, hostOf } = await bench.hypervisor.inventory()
  assert.deepEqual(
    hosts.map((host) => host.id),
    [bench.site.hosts[0].id, bench.site.hosts[2].id],
  )
  // Its VMs are there, and nobody knows where.
  assert.deepEqual([vms.length, [...hostOf].filter((host) => host === -1).length], [6, 2])
  assert.match(bench.hypervisor.notes.doubts.get(id) ?? '', /power curve/)
  assert.deepEqual(bench.hypervisor.notes.strangers, [id])
})

test('a VM that two hosts tell running is nowhere for sure, and counts on both', async () => {
  const bench = await Bench.make()
  const [vm] = bench.site.report(0, bench.now).vms
  bench.now += MINUTE_MS
  await bench.tellOf(1, (report) => ({ ...report, vms: [...report.vms, vm] }))
  assert.equal(await bench.place(0), -1)
  const { migrations } = await bench.hypervisor.inventory()
  assert.deepEqual(
    migrations.map(({ vmId, from, to }) => [vmId, new Set([from, to]).size]),
    [[vm.vm.id, 2]],
  )
  assert.deepEqual(
    bench.hypervisor.notes.doubtful.map(({ vmId, since }) => [vmId, since]),
    [[vm.vm.id, bench.now]],
  )
  // The source reports without it: both ends agree.
  bench.site.hostOf[0] = 1
  await bench.tell()
  assert.equal(await bench.place(0), 1)
  assert.deepEqual((await bench.hypervisor.inventory()).migrations, [])
})

test('a VM that no host tells of is unknown for ten minutes, and then it is gone', async () => {
  const bench = await Bench.make()
  await bench.place(0)
  bench.now += MINUTE_MS
  bench.site.hostOf[0] = -1
  await bench.tell()
  assert.equal(await bench.place(0), -1)
  bench.now += 10 * MINUTE_MS
  await bench.tell()
  assert.equal(await bench.place(0), -2)
})

test('a migration that others began is seen from either end, and from one end alone', async () => {
  const bench = await Bench.make()
  const [first, second] = [bench.site.hosts[0].id, bench.site.hosts[1].id]
  const leaving = (vm: ReportedVm): ReportedVm =>
    vm.vm.id === bench.site.vms[0].id ? { ...vm, leavingTo: second } : vm
  await bench.tellOf(0, (report) => ({ ...report, vms: report.vms.map(leaving) }))
  const seen = await bench.hypervisor.inventory()
  assert.deepEqual(
    seen.migrations.map(({ vmId, from, to }) => [vmId, from, to]),
    [[bench.site.vms[0].id, first, second]],
  )
  assert.equal(await bench.place(0), 0)
  // Gone from the source, still arriving at the target: it is between the two, in the same migration.
  const incoming: ReportedVm = { vm: bench.site.vms[0], state: 'incoming', mean: {}, max: {} }
  bench.site.hostOf[0] = -1
  bench.now += MINUTE_MS
  await bench.tellOf(0)
  await bench.tellOf(1, (report) => ({ ...report, vms: [...report.vms, incoming] }))
  assert.equal(await bench.place(0), -1)
  assert.deepEqual((await bench.hypervisor.inventory()).migrations, seen.migrations)
})

test('after a start with nothing remembered, a VM that only arrives somewhere counts there and is left alone', async () => {
  const bench = new Bench()
  benches.push(bench)
  await bench.site.register(bench.store, bench.now)
  const incoming: ReportedVm = { vm: bench.site.vms[0], state: 'incoming', mean: {}, max: {} }
  bench.site.hostOf[0] = -1
  await bench.tellOf(1, (report) => ({ ...report, vms: [...report.vms, incoming] }))
  assert.equal(await bench.place(0), -1)
  const [{ from, to }] = (await bench.hypervisor.inventory()).migrations
  assert.deepEqual([from, to], [bench.site.hosts[1].id, bench.site.hosts[1].id])
})

test('a VM of another size is another object, and the list of VMs with it; all others stay', async () => {
  const bench = await Bench.make()
  const before = await bench.hypervisor.inventory()
  await bench.tellOf(0, (report) => ({
    ...report,
    vms: report.vms.map((told, i) => (i === 0 ? { ...told, vm: { ...told.vm, memoryBytes: 64 * GiB } } : told)),
  }))
  const now = await bench.hypervisor.inventory()
  assert.notEqual(now.vms, before.vms)
  const changed = now.vms.filter((vm, v) => vm !== before.vms[v])
  assert.deepEqual(
    changed.map(({ id, memoryBytes }) => [id, memoryBytes]),
    [[bench.site.vms[0].id, 64 * GiB]],
  )
})

for (const [what, change, doubt] of [
  [
    'busier than its cores',
    (r: KeptReport) => ({ ...r, cpuRefCoresMean: 80 }),
    /80\.00 reference cores are busy, and has 64/,
  ],
  [
    'less busy than its VMs',
    (r: KeptReport) => ({ ...r, cpuRefCoresMean: 0.01, vms: r.vms.map(busy) }),
    /one of the two/,
  ],
  ['not busy at all', (r: KeptReport) => ({ ...r, cpuRefCoresMean: 0, vms: r.vms.map(idle) }), /does anything measure/],
] as const) {
  test(`a host that says it is ${what} is not believed, and the others are`, async () => {
    const bench = await Bench.make()
    await bench.tellOf(0, change)
    const { hostStates } = await bench.hypervisor.inventory()
    assert.deepEqual(hostStates, ['unreachable', 'on', 'on'])
    assert.match(bench.hypervisor.notes.doubts.get(bench.site.hosts[0].id) ?? '', doubt)
  })
}

test('a host whose counters stand still is not believed from the third report on, until they move', async () => {
  const bench = await Bench.make()
  const stuck = bench.site.report(0, START)
  const states: string[] = []
  for (let minute = 0; minute < 4; minute++) {
    await bench.tellOf(0, () => ({ ...stuck, arrivedAt: bench.now, windowEnd: bench.now }))
    states.push((await bench.hypervisor.inventory()).hostStates[0])
    bench.now += MINUTE_MS
  }
  await bench.tellOf(0)
  states.push((await bench.hypervisor.inventory()).hostStates[0])
  assert.deepEqual(states, ['on', 'on', 'unreachable', 'unreachable', 'on'])
})

test('a VM uses no more than it was given, and what nobody measured is absent', async () => {
  const bench = await Bench.make()
  const [vm] = bench.site.vms
  bench.now += 5 * SLOT_MS
  const slotAt = bench.now - SLOT_MS
  await bench.store.usage.put([{ vmId: vm.id, slotAt, mean: { cpu: 1e6, memory: 1e15 }, max: {} }])
  const { samples } = await bench.telemetry.read(await bench.hypervisor.inventory())
  assert.deepEqual([samples.columns.cpu?.[0], samples.columns.memory?.[0]], [vm.vcpus, vm.memoryBytes])
  assert.ok(Number.isNaN(samples.columns.cpu?.[1]) && samples.columns.diskRead === undefined)
})

test('what a host does beside its VMs is told on top of them, and of a host in doubt nothing', async () => {
  const bench = await Bench.make()
  bench.now += SLOT_MS
  await bench.site.tellPast(bench.store, { from: bench.now - SLOT_MS, to: bench.now })
  await bench.tellOf(0, (report) => ({ ...report, cpuRefCoresMean: wantedBy(report) + 5 }))
  await bench.tellOf(1, (report) => ({ ...report, cpuRefCoresMean: 1e3 }))
  await bench.tellOf(2, (report) => ({ ...report, vms: report.vms.map((told) => ({ ...told, mean: {} })) }))
  const inventory = await bench.hypervisor.inventory()
  const { samples, hostSamples } = await bench.telemetry.read(inventory)
  const inSlot = inventory.hostOf.reduce(
    (total, host, v) => total + (host === 0 ? (samples.columns.cpu?.[v] ?? 0) : 0),
    0,
  )
  const [first, second, third] = hostSamples?.cpuRefCores ?? []
  assert.ok(Math.abs(first - inSlot - 5) < 1e-4)
  assert.deepEqual([second, third], [NaN, NaN])
})

test('a store that fails is a world that fails, with the reason', async () => {
  const bench = await Bench.make()
  const inventory = await bench.hypervisor.inventory()
  const failing = {
    ...bench.store,
    usage: {
      ...bench.store.usage,
      seriesOf: async () => {
        throw new StoreError('io', 'disk I/O error')
      },
    },
  }
  const telemetry = new ReportedTelemetry(failing, bench.clock, {
    notes: () => bench.hypervisor.notes,
    isGood: () => true,
  })
  await assert.rejects(telemetry.read(inventory), (error) => error instanceof TelemetryError && error.retryable)
  assert.equal(parseVmId('vm-x'), 'vm-x')
})

function wantedBy({ vms }: KeptReport): number {
  return vms.reduce((total, { mean }) => total + (mean.cpu ?? 0), 0)
}

function busy(told: ReportedVm): ReportedVm {
  return { ...told, mean: { ...told.mean, cpu: 2 } }
}

function idle(told: ReportedVm): ReportedVm {
  return { ...told, mean: { ...told.mean, cpu: 0 } }
}
