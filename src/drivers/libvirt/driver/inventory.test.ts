/** What hosts are and have, asked of fake daemons, whole ones, silent ones and hostile ones. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseHostId } from '../../../terms/ids.ts'
import { KiB } from '../../../terms/units.ts'
import { silence } from '../rpc/fake-server.ts'
import { HOST_PROCEDURES } from '../rpc/procedures-host.ts'
import { aDrivenSite, type DrivenSite } from './builders.ts'
import { arrangeHardware, aSharedPool } from './fake-inventory.ts'
import { HostLoads } from './host-load.ts'
import { type HostInventory, takeInventory, type ToldHost } from './inventory.ts'
import { checkWholeSite } from './site-check.ts'

const HOST_1 = parseHostId('host-1')
const HOST_2 = parseHostId('host-2')
const OTHER_UUID = '00000000-0000-4000-8000-00000000000b'

async function driven(context: TestContext): Promise<DrivenSite> {
  const made = await aDrivenSite({ sharedPools: ['vms'] })
  context.after(made.dispose)
  return made
}

async function lookAt({ driver }: DrivenSite, waitMs?: number): Promise<HostInventory> {
  const link = driver.hosts.get(HOST_1)
  assert.ok(link !== undefined)
  return takeInventory(link, waitMs)
}

async function toldBy(made: DrivenSite): Promise<ToldHost> {
  const host = await lookAt(made)
  assert.ok(host.kind === 'told', JSON.stringify(host))
  return host
}

test('a host is told with versions, processors, memory, CPU with all features, VMs, networks and storage', async (context) => {
  const made = await driven(context)
  const host = made.site.host('host-1')
  arrangeHardware(host, { pools: new Map([['vms', aSharedPool('vms', 'nfs-1')]]) })
  made.site.addVm('web-1', 'host-1')
  made.site.addVm('off', 'host-1', { state: 5 })
  made.site.change('off', 'host-1', { domain: { name: 'off', uuid: OTHER_UUID, id: -1 } })
  const told = await toldBy(made)
  assert.deepEqual(
    [told.hostname, told.libvirtVersion, told.hypervisorVersion, told.node?.cpus],
    ['host-1', '9.0.0', '0.0.2', 16],
  )
  assert.deepEqual([told.memoryBytes, told.memoryFreeBytes], [33_554_432 * KiB, 16_777_216 * KiB])
  assert.deepEqual(told.guestFeatures, ['avx', 'avx2', 'avx512f'])
  assert.deepEqual([told.guestCpus?.virtualisation, told.guestCpus?.hostModel?.model], ['kvm', 'Skylake-Server'])
  assert.deepEqual([told.vms, told.networks, told.untold], [['web-1'], ['default'], []])
  const pool = { name: 'vms', type: 'netfs', source: 'nfs-1:/export', path: '/srv/shared', capacityBytes: 1000 }
  assert.deepEqual(told.pools, [pool])
})

test('what a daemon refuses to tell is absent, and said with why', async (context) => {
  const told = await toldBy(await driven(context))
  assert.deepEqual([told.pools, told.networks, told.guestCpus], [undefined, undefined, undefined])
  for (const what of [/^Not told: its storage\. /, /^Not told: its networks\. /, /^Not told: guests' CPUs\. /])
    assert.ok(
      told.untold.some((text) => what.test(text)),
      told.untold.join('\n'),
    )
})

test('nonsense in one answer takes nothing from the others', async (context) => {
  const made = await driven(context)
  const host = made.site.host('host-1')
  arrangeHardware(host, {
    pools: new Map([
      ['bad', '<pool'],
      ['vms', aSharedPool('vms', 'nfs-1')],
    ]),
  })
  host.server.on(HOST_PROCEDURES.domainCapabilities, () => '<!DOCTYPE x [<!ENTITY a "b">]><domainCapabilities>&a;')
  const told = await toldBy(made)
  assert.deepEqual(
    told.pools?.map(({ name }) => name),
    ['vms'],
  )
  assert.deepEqual([told.guestCpus, told.hostFeatures?.length], [undefined, 3])
  assert.equal(told.untold.length, 2)
})

test('a question that a host hangs over is told as such, and the others as ever', async (context) => {
  const made = await driven(context)
  const { server } = made.site.host('host-1')
  arrangeHardware(made.site.host('host-1'), {
    pools: new Map(['a', 'b'].map((name) => [name, aSharedPool(name, 's')])),
  })
  server.on(HOST_PROCEDURES.poolXml, silence)
  const host = await lookAt(made, 3000)
  assert.ok(host.kind === 'told', JSON.stringify(host))
  assert.deepEqual([host.pools, host.guestFeatures?.length], [[], 3])
  assert.deepEqual(host.untold, ['Not told: pool a. It did not answer in time.'])
})

test('a host that is dead, or tells nothing in time, is unreachable with why', async (context) => {
  const made = await driven(context)
  made.site.host('host-1').server.on(HOST_PROCEDURES.hostname, silence)
  const late = await lookAt(made, 50)
  assert.ok(late.kind === 'unreachable' && late.reason.includes('within 50 ms'), JSON.stringify(late))
  await made.site.kill('host-1')
  const dead = await lookAt(made)
  assert.ok(dead.kind === 'unreachable' && dead.reason.startsWith('host-1: '), JSON.stringify(dead))
})

test('a site is checked whole: who answers, whose VMs whose CPU can take, what to set, and what is dangerous', async (context) => {
  const made = await driven(context)
  const { site, driver } = made
  const baseline = "<cpu mode='custom'><model>Haswell</model></cpu>"
  arrangeHardware(site.host('host-1'), {
    baseline,
    usableModels: ['Haswell'],
    pools: new Map([['vms', aSharedPool('vms', 'nfs-1')]]),
  })
  arrangeHardware(site.host('host-2'), {
    uuid: OTHER_UUID,
    baseline,
    model: 'Haswell',
    usableModels: ['Haswell'],
    features: ['avx', 'avx2'],
    networks: [],
    pools: new Map([['vms', aSharedPool('vms', 'nfs-2')]]),
  })
  const check = await checkWholeSite({ ...site.configuration, sharedPools: ['vms'] }, driver.hosts, { loadSpanMs: 1 })
  assert.deepEqual(
    check.cpus.pairs.map(({ from, to, verdict }) => `${from.hosts[0]} ${to.hosts[0]} ${verdict}`).toSorted(),
    ['host-1 host-2 no', 'host-2 host-1 yes'],
  )
  assert.equal(check.baseline?.model, 'Haswell')
  assert.match(check.cpuRemedy ?? '', /^Set VMs' CPU to Haswell /)
  const text = check.warnings.join('\n')
  for (const told of [
    /plain TCP/,
    /Memory of VMs travels in the clear/,
    /network default is not active on host-2/,
    /Pool vms is declared shared and is not the same everywhere: nfs-1:\/export \(host-1\); nfs-2:\/export \(host-2\)/,
  ])
    assert.match(text, told)
  assert.doesNotMatch(text, /lock manager|one UUID/)
})

test('hosts of one UUID are told, and one that is dead hides no other', async (context) => {
  const { site, driver } = await driven(context)
  arrangeHardware(site.host('host-1'))
  arrangeHardware(site.host('host-2'))
  const options = { loadSpanMs: 1 }
  const twins = await checkWholeSite(site.configuration, driver.hosts, options)
  assert.match(twins.warnings.join('\n'), /host-1, host-2 have one UUID/)
  await site.kill('host-1')
  const { hosts, cpus } = await checkWholeSite(site.configuration, driver.hosts, options)
  assert.deepEqual(
    hosts.map(({ kind }) => kind),
    ['unreachable', 'told'],
  )
  assert.deepEqual([cpus.kinds[0]?.hosts, cpus.pairs], [[HOST_2], []])
})

test('only reads are sent, and nothing that begins or ends a VM', async (context) => {
  const { site, driver } = await driven(context)
  arrangeHardware(site.host('host-1'), { pools: new Map([['vms', aSharedPool('vms', 'nfs-1')]]) })
  await checkWholeSite(site.configuration, driver.hosts, { loadSpanMs: 1 })
  const sent = [...new Set(site.host('host-1').server.calls.map(({ number }) => number))]
  const reads = new Set([1, 4, 6, 7, 59, 60, 66, 88, 157, 162, 227, 228, 273, 281, 283, 342, 344, 394])
  assert.deepEqual(
    sent.filter((number) => !reads.has(number)),
    [],
  )
})

/** A clock that goes on by a second with each look at it. */
function ticking(): () => number {
  let seconds = 0
  return () => 1000 * seconds++
}

test('loads come from the kernel where we are on the host, from the sum over VMs elsewhere, and say so', async (context) => {
  const { site, driver } = await driven(context)
  for (const host of site.hosts) host.busyCores = 0
  const root = mkdtempSync(join(tmpdir(), 'ethos-cgroup-'))
  context.after(() => rmSync(root, { recursive: true, force: true }))
  const scope = join(root, 'machine.slice', String.raw`machine-qemu\x2d1\x2dweb.scope`)
  mkdirSync(scope, { recursive: true })
  const account = (usec: number): void => writeFileSync(join(scope, 'cpu.stat'), `usage_usec ${usec}\n`)
  account(1_000_000)
  const loads = new HostLoads(driver.hosts, { ownName: 'host-1', cgroupRoot: root, monotonicMs: ticking() })
  const names = new Map([
    [HOST_1, 'host-1'],
    [HOST_2, 'host-2'],
  ])
  assert.deepEqual((await loads.look(names)).get(HOST_1), {})
  account(3_000_000)
  await new Promise((resolve) => setTimeout(resolve, 5))
  const second = await loads.look(names)
  const here = second.get(HOST_1)
  assert.equal(here?.vmCoresFrom, 'cgroup')
  // Two seconds of CPU between two readings of the ticking clock.
  assert.ok((here?.vmCores ?? 0) > 0 && (here?.vmCores ?? 9) <= 2, JSON.stringify(here))
  // No VM runs there: nothing was taken.
  assert.deepEqual([second.get(HOST_2)?.vmCoresFrom, second.get(HOST_2)?.vmCores], ['domains', 0])
  assert.equal(second.get(HOST_2)?.hostCores, 0)
})

test('a socket that leads to a host of another name is no host of ours', async (context) => {
  const { driver } = await driven(context)
  const loads = new HostLoads(driver.hosts, { ownName: hostname() })
  const names = new Map([[HOST_1, 'another']])
  await loads.look(names)
  await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal((await loads.look(names)).get(HOST_1)?.vmCoresFrom, 'domains')
})
