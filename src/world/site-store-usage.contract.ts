import assert from 'node:assert/strict'
import type { HostId, VmId } from '../terms/ids.ts'
import type { KeptReport, ReportedVm } from '../terms/host-report.ts'
import { DAY_MS, GiB, MINUTE_MS } from '../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../terms/usage.ts'
import type { Sentences } from './register.contract.ts'
import type { Arrivals } from './site-store.ts'
import type { SiteStoreSubject } from './site-store.contract.ts'
import { arrivalsOf, aVector, DB, letIn, NOON, WEB } from './site-store-parts.contract.ts'
import { tendAll } from './site-store-vectors.contract.ts'

const HOST = 'host-1' as HostId
const TWO_SLOTS = { from: NOON, to: NOON + 2 * SLOT_MS }
const ABSENT = Number.NaN

/** Usage by slot: told by hosts and guests, kept, packed, read. */
export const USAGE_SENTENCES: Sentences<SiteStoreSubject> = {
  'nothing is known of a VM that nobody told of': async ({ store }) => {
    const series = await store.usage.series(WEB, TWO_SLOTS)
    assert.deepEqual(series, { vmId: WEB, firstSlotAt: NOON, slots: 2, mean: {}, max: {} })
  },
  'slots that hosts told come back as columns, and what is absent is NaN': async ({ store }) => {
    await store.usage.put([
      { vmId: WEB, slotAt: NOON, mean: { cpu: 0.5, memory: 2 }, max: { cpu: 1.5 } },
      { vmId: WEB, slotAt: NOON + SLOT_MS, mean: { cpu: 0 }, max: {} },
      { vmId: DB, slotAt: NOON, mean: { cpu: 7 }, max: {} },
    ])
    const series = await store.usage.series(WEB, TWO_SLOTS)
    assert.deepEqual(columns(series), { mean: { cpu: [0.5, 0], memory: [2, ABSENT] }, max: { cpu: [1.5, ABSENT] } })
  },
  'a span without its end, and slots that begin within it': async ({ store }) => {
    for (const i of [0, 1, 2])
      await store.usage.put([{ vmId: WEB, slotAt: NOON + i * SLOT_MS, mean: { cpu: i }, max: {} }])
    const within = await store.usage.series(WEB, { from: NOON + 1, to: NOON + 2 * SLOT_MS })
    assert.equal(within.firstSlotAt, NOON + SLOT_MS)
    assert.deepEqual(columns(within).mean, { cpu: [1] })
    assert.equal((await store.usage.series(WEB, { from: NOON, to: NOON })).slots, 0)
  },
  'the series of many VMs are parallel to what was asked': async ({ store }) => {
    const vms = Array.from({ length: 150 }, (_, i) => `vm-${i}` as VmId)
    await store.usage.put(vms.map((vmId, i) => ({ vmId, slotAt: NOON, mean: { cpu: i + 1 }, max: {} })))
    const asked = [vms[140], 'unknown' as VmId, vms[3], vms[70]]
    const series = await store.usage.seriesOf(asked, TWO_SLOTS)
    assert.deepEqual(
      series.map(({ vmId, mean }) => [vmId, mean.cpu?.[0]]),
      [
        [vms[140], 141],
        ['unknown', undefined],
        [vms[3], 4],
        [vms[70], 71],
      ],
    )
  },
  'of many VMs the mean of one resource alone, of packed days and of those that are not': async ({ store }) => {
    const vms = [WEB, DB]
    const slots = vms.flatMap((vmId, v) =>
      [0, 1, 300].map((i) => ({
        vmId,
        slotAt: NOON + i * SLOT_MS,
        mean: { cpu: 1 + v, memory: 10 + v, netSend: 0.5 },
        max: { cpu: 5 },
      })),
    )
    await store.usage.put(slots)
    for (let packed = 0; packed < 2; packed++) {
      for (const meanOf of ['cpu', 'memory', 'netSend', 'diskRead'] as const) {
        const [all, alone] = [
          await store.usage.seriesOf(vms, { from: NOON, to: NOON + 301 * SLOT_MS }),
          await store.usage.seriesOf(vms, { from: NOON, to: NOON + 301 * SLOT_MS, meanOf }),
        ]
        alone.forEach(({ mean, max, vmId, slots: number }, v) => {
          assert.deepEqual([vmId, number, max], [vms[v], 301, {}])
          assert.deepEqual(mean, all[v].mean[meanOf] === undefined ? {} : { [meanOf]: all[v].mean[meanOf] })
        })
      }
      // The second time the first day is packed.
      await tendAll(store, NOON + 6 * DAY_MS)
    }
  },
  'guests tell of the slot in which their window ends': async ({ store }) => {
    await letIn(store, WEB)
    const numbers = { cpuRefCoresMean: 2, cpuRefCoresMax: 3, memoryUsedBytes: 4, netSendBytesPerSec: 5 }
    // A window that ends with a slot is of that slot.
    await store.vectors.take([arrivalsOf([aVector({ windowEnd: NOON + SLOT_MS, numbers })])])
    const series = await store.usage.series(WEB, TWO_SLOTS)
    const mean = { cpu: [2, ABSENT], memory: [4, ABSENT], netSend: [5, ABSENT] }
    assert.deepEqual(columns(series), { mean, max: { cpu: [3, ABSENT] } })
  },
  'a guest whose clock is off tells of the slot in which it is heard; nobody tells of the future': async ({
    store,
  }) => {
    await letIn(store, WEB, DB)
    const odd = aVector({ windowEnd: NOON - 10 * DAY_MS })
    await store.vectors.take([arrivalsOf([odd], { at: NOON + 1, isClockOff: [true] })])
    await store.vectors.take([arrivalsOf([aVector({ vmId: DB, windowEnd: NOON + DAY_MS })], { at: NOON })])
    assert.deepEqual(columns(await store.usage.series(WEB, TWO_SLOTS)).mean, { cpu: [1, ABSENT] })
    assert.deepEqual((await store.usage.series(DB, { from: NOON, to: NOON + 2 * DAY_MS })).mean, {})
  },
  'what a host told stands before what a guest told, whoever was first': async ({ store }) => {
    await letIn(store, WEB)
    await store.vectors.take([ofSlot(0)])
    await store.usage.put([0, 1].map((i) => ({ vmId: WEB, slotAt: NOON + i * SLOT_MS, mean: { cpu: 9 }, max: {} })))
    await store.vectors.take([ofSlot(1)])
    assert.deepEqual(columns(await store.usage.series(WEB, TWO_SLOTS)), { mean: { cpu: [9, 9] }, max: {} })
  },
  'reports within a slot are folded: means by time, the highest of the highest': async ({ store }) => {
    // (60 s of 1 + 120 s of 4) / 180 s = 3.
    await store.hosts.report([aReport({ minute: 1, windowMs: MINUTE_MS, cpu: 1 })])
    await store.hosts.report([aReport({ minute: 3, windowMs: 2 * MINUTE_MS, cpu: 4 })])
    const series = await store.usage.series(WEB, TWO_SLOTS)
    assert.deepEqual(columns(series), { mean: { cpu: [3, ABSENT] }, max: { cpu: [8, ABSENT] } })
  },
  'a report that is told twice counts once': async ({ store }) => {
    await store.hosts.report([aReport({ minute: 1, cpu: 1 })])
    await store.hosts.report([aReport({ minute: 2, cpu: 3 })])
    await store.hosts.report([aReport({ minute: 2, cpu: 3 })])
    // (1 + 3) / 2 = 2.
    assert.deepEqual(columns(await store.usage.series(WEB, TWO_SLOTS)).mean, { cpu: [2, ABSENT] })
  },
  'of a VM that is arriving its new host tells nothing': async ({ store }) => {
    await store.hosts.report([aReport({ minute: 1, cpu: 1, state: 'incoming' })])
    assert.deepEqual((await store.usage.series(WEB, TWO_SLOTS)).mean, {})
  },
  'days that are packed read within a thousandth of what was told': async ({ store }) => {
    const vms = Array.from({ length: 70 }, (_, i) => `vm-${i}` as VmId)
    const slots = vms.flatMap((vmId, v) =>
      [0, 1, 100, 500].map((i) => ({
        vmId,
        slotAt: NOON + i * SLOT_MS,
        mean: { cpu: (v + 1) * 0.013 + i, memory: v === 0 ? 0 : 1e9 * v, diskRead: i },
        max: { cpu: 100 },
      })),
    )
    await store.usage.put(slots)
    const span = { from: NOON, to: NOON + 501 * SLOT_MS }
    const before = await store.usage.seriesOf(vms, span)
    await tendAll(store, NOON + 6 * DAY_MS)
    const after = await store.usage.seriesOf(vms, span)
    before.forEach((series, i) => {
      assertNear(after[i].mean.cpu, series.mean.cpu)
      assertNear(after[i].mean.memory, series.mean.memory)
      assertNear(after[i].mean.diskRead, series.mean.diskRead)
      assertNear(after[i].max.cpu, series.max.cpu)
      assert.equal(after[i].mean.netSend, undefined)
    })
  },
  'a slot that is told after its day was packed is kept with the others': async ({ store }) => {
    const put = (i: number) =>
      store.usage.put([{ vmId: WEB, slotAt: NOON + i * SLOT_MS, mean: { cpu: i + 1 }, max: {} }])
    await put(0)
    await tendAll(store, NOON + 6 * DAY_MS)
    await put(1)
    assertNear((await store.usage.series(WEB, TWO_SLOTS)).mean.cpu, Float32Array.of(1, 2))
    await tendAll(store, NOON + 6 * DAY_MS)
    assertNear((await store.usage.series(WEB, TWO_SLOTS)).mean.cpu, Float32Array.of(1, 2))
  },
  'usage goes after a month': async ({ store }) => {
    const at = [NOON, NOON + 3 * DAY_MS]
    await store.usage.put(at.map((slotAt) => ({ vmId: WEB, slotAt, mean: { cpu: 1 }, max: {} })))
    await tendAll(store, NOON + 32 * DAY_MS)
    const left = await store.usage.series(WEB, { from: NOON, to: NOON + 4 * DAY_MS })
    assert.equal(left.mean.cpu?.filter((number) => !Number.isNaN(number)).length, 1)
    await tendAll(store, NOON + 40 * DAY_MS)
    assert.deepEqual((await store.usage.series(WEB, { from: NOON, to: NOON + 4 * DAY_MS })).mean, {})
  },
  'what a host measures of itself is kept by slot, folded, packed and gone after its time': async ({ store }) => {
    const own = { cpuRefCoresMean: 10, cpuRefCoresMax: 14 }
    await store.hosts.report([{ ...aReport({ minute: 1, cpu: 1 }), ...own }])
    await store.hosts.report([{ ...aReport({ minute: 2, cpu: 1 }), ...own, cpuRefCoresMean: 20, memoryUsedBytes: 15 }])
    await store.hosts.report([{ ...aReport({ minute: 301, cpu: 1 }), ...own }])
    const asked = [HOST, 'a-host' as HostId]
    for (let packed = 0; packed < 2; packed++) {
      const [told, nobody] = await store.usage.hostSeries(asked, TWO_SLOTS)
      // (10 + 20) / 2 = 15 cores; (5 + 15) / 2 = 10 bytes.
      assert.deepEqual([told.hostId, told.firstSlotAt, told.slots], [HOST, NOON, 2])
      assertNear(told.cpuRefCoresMean, Float32Array.of(15, ABSENT))
      assertNear(told.cpuRefCoresMax, Float32Array.of(14, ABSENT))
      assertNear(told.memoryUsedBytes, Float32Array.of(10, ABSENT))
      assert.deepEqual(nobody, { hostId: 'a-host', firstSlotAt: NOON, slots: 2 })
      // The second time its day is packed, and it is on no list any more.
      await tendAll(store, NOON + 6 * DAY_MS)
      await store.hosts.remove(HOST)
    }
    await tendAll(store, NOON + 40 * DAY_MS)
    assert.deepEqual(await store.usage.hostSeries([HOST], TWO_SLOTS), [{ hostId: HOST, firstSlotAt: NOON, slots: 2 }])
  },
  'of a host that does not measure itself what its VMs used is added up, where all of them were measured': async ({
    store,
  }) => {
    const { memoryUsedBytes: _, ...bare } = aReport({ minute: 1, cpu: 3 })
    const [web] = bare.vms
    const arriving = { ...web, vm: { ...web.vm, id: DB }, state: 'incoming' as const }
    await store.hosts.report([{ ...bare, vms: [{ ...web, mean: { cpu: 3, memory: 7 } }, arriving] }])
    // 4 cores of one, and nobody measured the other: their sum is not known. Memory neither.
    const unmeasured = { ...web, vm: { ...web.vm, id: DB }, mean: {} }
    await store.hosts.report([{ ...bare, windowEnd: NOON + SLOT_MS + 1, vms: [web, unmeasured] }])
    const [series] = await store.usage.hostSeries([HOST], TWO_SLOTS)
    assert.deepEqual(
      [series.cpuRefCoresMean, series.cpuRefCoresMax, series.memoryUsedBytes],
      [Float32Array.of(3, ABSENT), undefined, Float32Array.of(7, ABSENT)],
    )
  },
  'a VM of the name of a host is another': async ({ store }) => {
    const named = HOST as string as VmId
    await store.hosts.report([{ ...aReport({ minute: 1, cpu: 1 }), cpuRefCoresMean: 9 }])
    await store.usage.put([{ vmId: named, slotAt: NOON, mean: { cpu: 2 }, max: {} }])
    assert.deepEqual((await store.usage.series(named, TWO_SLOTS)).mean.cpu, Float32Array.of(2, ABSENT))
    const [series] = await store.usage.hostSeries([HOST], TWO_SLOTS)
    assert.deepEqual(series.cpuRefCoresMean, Float32Array.of(9, ABSENT))
  },
  'of each host the newest report is there, by name': async ({ store }) => {
    const other = { ...aReport({ minute: 1, cpu: 1 }), hostId: 'a-host' as HostId }
    await store.hosts.report([aReport({ minute: 1, cpu: 1 }), other])
    const newest = aReport({ minute: 2, cpu: 2 })
    await store.hosts.report([newest])
    assert.deepEqual(await store.hosts.reports(), [other, newest])
    await store.hosts.remove(HOST)
    assert.deepEqual(await store.hosts.reports(), [other])
  },
}

/** What a guest tells of one slot after noon. */
function ofSlot(i: number): Arrivals {
  return arrivalsOf([aVector({ sequence: i, windowEnd: NOON + (i + 1) * SLOT_MS })])
}

function plain(of: UsageSeries['mean']): Columns['mean'] {
  return Object.fromEntries(Object.entries(of).map(([resource, column]) => [resource, [...column]]))
}

interface ReportFacts {
  /** Minutes after noon at which the window ends. */
  readonly minute: number
  readonly cpu: number
  readonly windowMs?: number
  readonly state?: ReportedVm['state']
}

function aReport({ minute, cpu, windowMs = MINUTE_MS, state = 'running' }: ReportFacts): KeptReport {
  const vm = { id: WEB, vcpus: 2, memoryBytes: 4 * GiB } as unknown as ReportedVm['vm']
  const windowEnd = NOON + minute * MINUTE_MS
  const vms = [{ vm, state, mean: { cpu }, max: { cpu: cpu * 2 } }]
  return { hostId: HOST, windowEnd, windowMs, state: 'on', memoryUsedBytes: 5, vms, arrivedAt: windowEnd + 10 }
}

interface Columns {
  readonly mean: Readonly<Record<string, readonly number[]>>
  readonly max: Readonly<Record<string, readonly number[]>>
}

function columns({ mean, max }: UsageSeries): Columns {
  return { mean: plain(mean), max: plain(max) }
}

function assertNear(told: Float32Array | undefined, expected: Float32Array | undefined): void {
  assert.ok(told !== undefined && expected !== undefined && told.length === expected.length)
  expected.forEach((number, i) => {
    if (Number.isNaN(number) || number === 0) assert.ok(Object.is(told[i], number), `${told[i]} for ${number}`)
    else assert.ok(Math.abs(told[i] / number - 1) <= 0.001, `${told[i]} for ${number}`)
  })
}
