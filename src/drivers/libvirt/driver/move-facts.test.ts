import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import type { VmFactsAnswer } from '../../../world/vm-facts-reader.ts'
import type { TypedParameter } from '../rpc/typed-parameters.ts'
import { aDrivenSite } from './builders.ts'
import type { FakeWindow } from './fake-site.ts'
import { LibvirtMoveFacts } from './move-facts.ts'

const HOST_1 = parseHostId('host-1')
const HOST_2 = parseHostId('host-2')
const QUICK = { lookMs: 5, patienceMs: 300, vmWaitMs: 20_000 }
const NOW = 1_800_000_000_000

function stats(more: readonly TypedParameter[] = []): readonly TypedParameter[] {
  return [
    { field: 'cpu.time', value: 5_000_000_000n },
    { field: 'balloon.maximum', value: 1_048_576n },
    { field: 'balloon.rss', value: 524_288n },
    { field: 'balloon.unused', value: 786_432n },
    { field: 'balloon.last-update', value: BigInt(NOW / 1000 - 2) },
    ...more,
  ]
}

function factsIn(answer: VmFactsAnswer) {
  assert.ok(answer.kind === 'read', JSON.stringify(answer))
  return answer.facts
}

function reasonIn(answer: VmFactsAnswer): string {
  assert.ok(answer.kind === 'unreadable', JSON.stringify(answer))
  return answer.reason
}

test('one VM is sampled five times for a second by pages alone, and its host and process are looked at before and after', async (context) => {
  const { site, driver, dispose } = await aDrivenSite({ downtimeLimitMs: 500 }, { now: () => NOW })
  context.after(dispose)
  const domain = site.addVm('web-1', 'host-1', { stats: stats() })
  site.host('host-1').dirtyRates.set('web-1', [12, 0, 14, 13, 12])
  site.host('host-1').busyCores = 3
  const reader = new LibvirtMoveFacts(driver.hosts, { hosts: [], downtimeLimitMs: 500 }, QUICK)
  const { load1, ...facts } = factsIn(await reader.read(parseVmId('web-1'), HOST_1))
  assert.deepEqual(facts, {
    at: NOW,
    memoryMib: 1024,
    downtimeLimitMs: 500,
    dirtyMibPerSec: 12,
    dirtyWindowSec: 1,
    moreDirtyWindows: [0, 14, 13, 12].map((mibPerSec) => ({ mibPerSec, windowSec: 1 })),
    cpuMsPerSec: 0,
    residentMib: 512,
    unusedMib: 768,
    mayPostCopy: false,
  })
  assert.ok(Math.abs((load1 ?? 0) - 3) < 1.5, `load ${load1}`)
  const asked = site.host('host-1').server.calls.filter(({ number }) => number === 427)
  assert.deepEqual(
    asked.map(({ args }) => args),
    Array.from({ length: 5 }, () => ({ domain, seconds: 1, flags: 0 })),
  )
})

test('what is not told is absent: no balloon driver, one that told long ago, no CPU time of the host', async (context) => {
  const { site, driver, dispose } = await aDrivenSite({}, { now: () => NOW })
  context.after(dispose)
  const host = site.host('host-1')
  const reader = new LibvirtMoveFacts(driver.hosts, { hosts: [], postCopyVms: ['old'] }, QUICK)
  site.addVm('bare', 'host-1', { stats: [{ field: 'balloon.maximum', value: 1_048_576n }] })
  const old = stats().map((one) => (one.field === 'balloon.last-update' ? { ...one, value: 5n } : one))
  site.addVm('old', 'host-1', { stats: old })
  host.dirtyRates.set('bare', [0]).set('old', 1)
  host.busyCores = Number.NaN
  const bare = factsIn(await reader.read(parseVmId('bare'), HOST_1))
  assert.deepEqual(bare, {
    at: NOW,
    memoryMib: 1024,
    downtimeLimitMs: 300,
    dirtyMibPerSec: 0,
    dirtyWindowSec: 1,
    mayPostCopy: false,
  })
  const stale = factsIn(await reader.read(parseVmId('old'), HOST_1))
  assert.deepEqual([stale.unusedMib, stale.residentMib, stale.mayPostCopy], [undefined, 512, true])
})

test('a window that is refused, late or without a figure is left out, and one that told is enough', async (context) => {
  const { site, driver, dispose } = await aDrivenSite()
  context.after(dispose)
  const { dirtyRates } = site.host('host-1')
  const reader = new LibvirtMoveFacts(driver.hosts, { hosts: [] }, QUICK)
  const read = async (name: string, windows: FakeWindow[]) => {
    site.addVm(name, 'host-1', { stats: stats() })
    dirtyRates.set(name, windows)
    return reader.read(parseVmId(name), HOST_1)
  }
  const told = async (name: string, windows: FakeWindow[]) => {
    const { dirtyMibPerSec, moreDirtyWindows, cpuMsPerSec } = factsIn(await read(name, windows))
    assert.equal(cpuMsPerSec, 0)
    return [dirtyMibPerSec, ...(moreDirtyWindows ?? []).map(({ mibPerSec }) => mibPerSec)]
  }
  assert.deepEqual(await told('refused', [8, 'refused']), [8])
  assert.deepEqual(await told('late', [8, 9]), [8, 9])
  assert.deepEqual(await told('gap', [8, 'untold', 9, 'untold', 10]), [8, 9, 10])
  assert.deepEqual(await told('first', ['untold', 9, 10, 11, 12]), [9, 10, 11, 12])
  assert.deepEqual(
    await told(
      'none',
      Array.from({ length: 5 }, (): FakeWindow => 'untold'),
    ),
    [undefined],
  )
  assert.match(reasonIn(await read('never', ['refused'])), /still in progress/)
})

test('an old measurement is not taken for a new one, and a host that measures nothing is given up', async (context) => {
  const { site, driver, dispose } = await aDrivenSite()
  context.after(dispose)
  const measured = [
    { field: 'dirtyrate.calc_status', value: 2 },
    { field: 'dirtyrate.calc_start_time', value: 7n },
    { field: 'dirtyrate.megabytes_per_second', value: 99n },
  ]
  site.addVm('web-1', 'host-1', { stats: stats(measured) })
  site.addVm('off', 'host-1', { state: 3 })
  const reader = new LibvirtMoveFacts(driver.hosts, { hosts: [] }, QUICK)
  assert.match(reasonIn(await reader.read(parseVmId('web-1'), HOST_1)), /did not tell within 300 ms how fast web-1/)
  site.host('host-1').dirtyRates.set('web-1', 3)
  assert.equal(factsIn(await reader.read(parseVmId('web-1'), HOST_1)).dirtyMibPerSec, 3)
  assert.match(reasonIn(await reader.read(parseVmId('off'), HOST_1)), /does not run on host-1/)
  assert.match(reasonIn(await reader.read(parseVmId('nobody'), HOST_1)), /does not run on host-1/)
  assert.match(reasonIn(await reader.read(parseVmId('web-1'), parseHostId('host-9'))), /no host of this site/)
  await site.kill('host-2')
  assert.match(reasonIn(await reader.read(parseVmId('web-1'), HOST_2)), /host-2/)
})

test('a host samples one VM at a time', async (context) => {
  const { site, driver, dispose } = await aDrivenSite()
  context.after(dispose)
  for (const name of ['web-1', 'web-2']) site.addVm(name, 'host-1', { stats: stats() })
  const host = site.host('host-1')
  const reader = new LibvirtMoveFacts(driver.hosts, { hosts: [] }, QUICK)
  const first = reader.read(parseVmId('web-1'), HOST_1)
  host.dirtyRates.set('web-2', 5)
  const second = reader.read(parseVmId('web-2'), HOST_1)
  assert.match(reasonIn(await first), /did not tell/)
  assert.equal(host.server.calls.filter(({ number }) => number === 427).length, 1)
  assert.equal(factsIn(await second).dirtyMibPerSec, 5)
})

test('of two hosts the slower link counts', async (context) => {
  const { site, driver, dispose } = await aDrivenSite()
  context.after(dispose)
  const { hosts } = site.configuration
  const limits = [1000, 400]
  const limited = hosts.map((host, i) => ({ ...host, linkMbitPerSec: limits[i] }))
  const reader = new LibvirtMoveFacts(new Map(limited.map((host) => [host.id, { host } as never])), { hosts: limited })
  assert.equal(reader.linkMbitPerSec(HOST_1, HOST_2), 400)
  assert.equal(new LibvirtMoveFacts(driver.hosts, { hosts }).linkMbitPerSec(HOST_1, HOST_2), undefined)
})
