import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId } from '../../../terms/ids.ts'
import { dimensionIndex } from '../../../terms/personality.ts'
import type { TypedParameter } from '../rpc/typed-parameters.ts'
import { aDrivenSite } from './builders.ts'
import { type HostLook, LibvirtStatistics } from './statistics.ts'

const NS = 1_000_000_000n

function counters(cpuNs: bigint, delayNs: bigint): readonly TypedParameter[] {
  return [
    { field: 'cpu.time', value: cpuNs },
    { field: 'vcpu.current', value: 2 },
    { field: 'vcpu.maximum', value: 2 },
    { field: 'vcpu.0.delay', value: delayNs },
    { field: 'vcpu.1.delay', value: 0n },
    { field: 'balloon.current', value: 1_048_576n },
    { field: 'block.count', value: 1 },
    { field: 'block.0.name', value: 'vda' },
    { field: 'block.0.rd.bytes', value: cpuNs / 1000n },
  ]
}

function told(look: HostLook | undefined): Extract<HostLook, { readonly kind: 'told' }> {
  assert.ok(look?.kind === 'told', JSON.stringify(look))
  return look
}

test('two looks at a host, a call each, make readings of its VMs and the load of the host', async (context) => {
  let now = 1_800_000_000_000
  const { site, driver, dispose } = await aDrivenSite({}, { now: () => now })
  context.after(dispose)
  site.addVm('web-1', 'host-1', { stats: counters(10n * NS, 0n) })
  site.addVm('web-2', 'host-1', { stats: counters(50n * NS, 5n * NS) })
  const statistics = new LibvirtStatistics(driver.hosts)
  const first = told((await statistics.look())[0])
  assert.deepEqual([first.vms.map(({ reading }) => reading), first.busyCores], [[undefined, undefined], undefined])
  now += 10_000
  site.change('web-1', 'host-1', { stats: counters(15n * NS, 5n * NS) })
  site.change('web-2', 'host-1', { stats: counters(60n * NS, 5n * NS) })
  const { server } = site.host('host-1')
  const before = server.calls.length
  const { vms, busyCores } = told((await statistics.look())[0])
  assert.deepEqual(
    server.calls.slice(before).map(({ procedure }) => procedure),
    ['CONNECT_GET_ALL_DOMAIN_STATS'],
  )
  // 5 s and 10 s of CPU in 10 s: half a core and one.
  assert.equal(busyCores, 1.5)
  const of = (measure: Parameters<typeof dimensionIndex>[0]): readonly (number | undefined)[] =>
    vms.map(({ reading }) => reading?.values[dimensionIndex(measure)])
  // web-1 ran 5 s and waited 5 s of the 10 s that it wanted.
  assert.deepEqual(of('cpuRefCoresMean'), [1, 1])
  assert.deepEqual(of('cpuStealShare'), [0.5, 0])
  assert.deepEqual(of('diskReadBytesPerSec'), [500_000, 1_000_000])
})

test('a VM that came in between has no reading yet, and the load of its host is not known', async (context) => {
  let now = 1_800_000_000_000
  const { site, driver, dispose } = await aDrivenSite({}, { now: () => now })
  context.after(dispose)
  site.addVm('web-1', 'host-1', { stats: counters(NS, 0n) })
  const statistics = new LibvirtStatistics(driver.hosts)
  await statistics.look()
  now += 1000
  site.addVm('web-2', 'host-1', { stats: counters(NS, 0n) })
  const { vms, busyCores } = told((await statistics.look())[0])
  assert.deepEqual(
    vms.map(({ reading }) => reading !== undefined),
    [true, false],
  )
  assert.equal(busyCores, undefined)
})

test('a host that can not be asked hides no other, and its counters are compared when it is back', async (context) => {
  let now = 1_800_000_000_000
  const { site, driver, dispose } = await aDrivenSite({}, { now: () => now })
  context.after(dispose)
  site.addVm('web-1', 'host-1', { stats: counters(NS, 0n) })
  const statistics = new LibvirtStatistics(driver.hosts)
  await statistics.look()
  await site.kill('host-1')
  assert.deepEqual(
    (await statistics.look()).map(({ kind }) => kind),
    ['unreachable', 'told'],
  )
  await site.revive('host-1')
  now += 4000
  site.change('web-1', 'host-1', { stats: counters(3n * NS, 0n) })
  let look = (await statistics.look())[0]
  while (look?.kind !== 'told') look = (await statistics.look())[0]
  assert.equal(look.busyCores, 0.5)
})

test('the dirty rate is measured by sampling pages, of VMs that run', async (context) => {
  const { site, driver, dispose } = await aDrivenSite()
  context.after(dispose)
  const running = site.addVm('web-1', 'host-1')
  site.addVm('web-2', 'host-1', { state: 3 })
  const statistics = new LibvirtStatistics(driver.hosts)
  assert.deepEqual(await statistics.startDirtyRates(parseHostId('host-1'), 1), new Map())
  const asked = site.host('host-1').server.calls.filter(({ number }) => number === 427)
  assert.deepEqual(
    asked.map(({ args }) => args),
    [{ domain: running, seconds: 1, flags: 0 }],
  )
})
