/** What a site of fake daemons tells of itself, and which moves it says it would refuse. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Barriers } from '../../../terms/cluster.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import type { PlatformLook } from '../../../world/platform-reader.ts'
import { aDrivenSite, type DrivenSite } from './builders.ts'
import { arrangeHardware, aSharedPool, type FakeHardware } from './fake-inventory.ts'
import { aDomainXml, type DomainXmlParts } from './fake-site.ts'
import { openLibvirt } from '../rpc/libvirt.ts'
import type { LinkOptions } from './host-link.ts'
import { LibvirtPlatform } from './platform.ts'
import type { LibvirtSite } from './sites.ts'

const [HOST_1, HOST_2] = ['host-1', 'host-2'].map((id) => parseHostId(id))
const VM = parseVmId('web-1')

interface Arranged {
  readonly there?: Partial<FakeHardware>
  readonly site?: Partial<LibvirtSite>
  readonly vm?: DomainXmlParts
}

/** A VM on the first of two hosts, of which the second is as it is said. */
async function look(context: TestContext, { there = {}, site = {}, vm = {} }: Arranged = {}): Promise<PlatformLook> {
  const made = await aDrivenSite(site)
  context.after(made.dispose)
  arrangeHardware(made.site.host('host-1'), { pools: new Map([['vms', aSharedPool('vms', 'nfs-1')]]) })
  arrangeHardware(made.site.host('host-2'), {
    uuid: '00000000-0000-4000-8000-00000000000b',
    pools: new Map([['vms', aSharedPool('vms', 'nfs-1')]]),
    ...there,
  })
  const { uuid } = made.site.addVm('web-1', 'host-1')
  made.site.change('web-1', 'host-1', { xml: aDomainXml('web-1', uuid, vm) })
  return lookAt(made)
}

function lookAt({ driver, site }: DrivenSite): Promise<PlatformLook> {
  return new LibvirtPlatform(driver.site, site.linkOptions).look()
}

/** What bars the VM, by word, with the hosts it is barred from. */
function barring({ pairs, vms }: Barriers): readonly string[] {
  const ofPairs = [...pairs].flatMap(([from, to]) => [...to].map(([id, { lacking }]) => `${from}>${id} ${lacking}`))
  const own = (vms.get(VM) ?? []).map(
    ({ lacking, hosts }) => `${lacking} ${hosts === undefined ? 'all' : [...hosts].join()}`,
  )
  return [...ofPairs, ...own]
}

test('hosts that are alike are told in full, and bar nothing', async (context) => {
  const { hosts, barriers } = await look(context)
  const [first] = hosts.toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1))
  assert.ok(first.kind === 'told')
  const { at: _, ...told } = first
  assert.deepEqual(
    { ...told, memoryBytes: 0, memoryFreeBytes: 0 },
    {
      kind: 'told',
      hostId: HOST_1,
      hostname: 'host-1',
      version: '9.0.0',
      hypervisorVersion: '0.0.2',
      architecture: 'x86_64',
      cpuModel: 'Skylake-Server',
      cpuVendor: 'Intel',
      cpuFeatures: 3,
      virtualisation: 'kvm',
      threads: 16,
      memoryBytes: 0,
      memoryFreeBytes: 0,
      pools: [{ name: 'vms', type: 'netfs', source: 'nfs-1:/export' }],
      networks: ['default'],
      vms: ['web-1'],
      untold: [],
    },
  )
  assert.deepEqual(barring(barriers), [])
})

test('CPUs of two makers bar the pair both ways, whatever the VM; fewer features bar a VM that has its host’s CPU as it is', async (context) => {
  const other = await look(context, { there: { vendor: 'AMD', model: 'EPYC' } })
  assert.deepEqual(barring(other.barriers).toSorted(), ['host-1>host-2 cpu-flags', 'host-2>host-1 cpu-flags'])
  assert.match(other.barriers.pairs.get(HOST_1)?.get(HOST_2)?.reason ?? '', /The maker of its CPU is AMD, not Intel/)
  const there = { features: ['avx', 'avx2'] }
  assert.deepEqual(barring((await look(context, { there })).barriers), [])
  const own = await look(context, { there, vm: { cpu: "<cpu mode='host-passthrough'/>" } })
  assert.deepEqual(barring(own.barriers), ['cpu-flags host-2'])
  assert.match(own.barriers.vms.get(VM)?.[0].reason ?? '', /as it is\. It lacks avx512f\./)
})

test('disks of the host alone bar a VM from everywhere, a shared pool that is not active there from that host', async (context) => {
  const local = await look(context, { site: { sharedPaths: ['/elsewhere'] } })
  assert.deepEqual(barring(local.barriers), ['storage all'])
  const devices = "<disk type='volume' device='disk'><source pool='vms' volume='a'/><target dev='vdb'/></disk>"
  const pool = { vm: { devices }, site: { sharedPools: ['vms'] } }
  assert.deepEqual(barring((await look(context, pool)).barriers), [])
  const without = await look(context, { ...pool, there: { pools: new Map() } })
  assert.deepEqual(barring(without.barriers), ['storage host-2'])
})

test('a network that is not there bars a VM: as people declared bridges, and as libvirt tells of its own', async (context) => {
  const devices = "<interface type='network'><source network='blue' bridge='virbr7'/></interface>"
  const told = await look(context, { vm: { devices } })
  assert.deepEqual(barring(told.barriers), ['network host-2'])
  assert.match(told.barriers.vms.get(VM)?.[0].reason ?? '', /web-1 is on the network blue, which is not there/)
  const both = await look(context, { vm: { devices }, there: { networks: ['default', 'blue'] } })
  assert.deepEqual(barring(both.barriers), [])
})

test('hardware passed through keeps a VM where it is', async (context) => {
  const { barriers } = await look(context, { vm: { devices: "<hostdev mode='subsystem' type='pci'/>" } })
  assert.deepEqual(barring(barriers), ['pinned all'])
})

test('a host that can not be asked is told so, and bars nothing: its preflight says why', async (context) => {
  const made = await aDrivenSite()
  context.after(made.dispose)
  arrangeHardware(made.site.host('host-1'))
  await made.site.host('host-2').server.close()
  const { hosts, barriers } = await lookAt(made)
  assert.deepEqual(new Map(hosts.map(({ hostId, kind }) => [hostId, kind])).get(HOST_2), 'unreachable')
  assert.deepEqual(barring(barriers), [])
})

test('a host whose answers nobody can make sense of hides no other, and every connection is closed', async (context) => {
  const made = await aDrivenSite()
  context.after(made.dispose)
  for (const name of ['host-1', 'host-2']) arrangeHardware(made.site.host(name))
  made.site.addVm('web-1', 'host-1')
  const { open = openLibvirt } = made.site.linkOptions
  let [opened, closed] = [0, 0]
  const options: LinkOptions = {
    ...made.site.linkOptions,
    open: async (uri, about) => {
      const libvirt = await open(uri, about)
      opened++
      const close = libvirt.close.bind(libvirt)
      libvirt.close = async () => {
        await close()
        closed++
        throw new RangeError('the socket is gone')
      }
      if (uri !== made.driver.site.hosts.find(({ id }) => id === HOST_1)?.uri) return libvirt
      // Its VMs are listed for the inventory, and once more to be described.
      const domains = libvirt.domains.bind(libvirt)
      let asked = 0
      libvirt.domains = (flags) => (asked++ === 0 ? domains(flags) : Promise.reject(new RangeError('out of stack')))
      return libvirt
    },
  }
  const { hosts } = await new LibvirtPlatform(made.driver.site, options).look()
  const told = new Map(hosts.map((host) => [host.hostId, host.kind === 'told' ? host.untold : host.reason]))
  assert.deepEqual(told.get(HOST_1), ['Not told: what its VMs are made of. RangeError: out of stack'])
  assert.deepEqual(told.get(HOST_2), [])
  assert.deepEqual([opened, closed], [2, 2])
})
