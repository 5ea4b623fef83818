import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Preflight } from '../../../world/migration-driver.ts'
import { LIBVIRT_ERROR } from '../rpc/libvirt.ts'
import { FakeRefusal } from '../rpc/fake-server.ts'
import { HOST_PROCEDURES } from '../rpc/procedures-host.ts'
import { aDrivenSite, anIntent, type DrivenSite } from './builders.ts'
import { aCapabilitiesXml, aDomainXml, type DomainXmlParts, type FakeSite } from './fake-site.ts'
import { LibvirtDriver, type LibvirtDriverOptions } from './libvirt-driver.ts'
import type { LibvirtSite } from './sites.ts'

function refuse(): never {
  throw new FakeRefusal(LIBVIRT_ERROR.notSupported, 'this function is not supported')
}

interface Case {
  readonly xml?: DomainXmlParts
  readonly site?: Partial<LibvirtSite>
  readonly options?: LibvirtDriverOptions
  readonly arrange?: (site: FakeSite) => void | Promise<void>
  readonly mode?: 'precopy' | 'postcopy'
}

async function look(context: TestContext, { xml, site: changes, options, arrange, mode }: Case): Promise<Preflight> {
  const driven: DrivenSite = await aDrivenSite(changes, options)
  context.after(driven.dispose)
  const { uuid } = driven.site.addVm('web-1', 'host-1')
  driven.site.change('web-1', 'host-1', { xml: aDomainXml('web-1', uuid, xml) })
  await arrange?.(driven.site)
  const found = await driven.driver.preflight(anIntent('web-1', { mode: mode ?? 'precopy' }))
  assert.equal(driven.site.performed.length, 0)
  return found
}

/** What is lacking, or said, for a VM with such a piece. */
function finds(
  what: string,
  given: Case,
  refusals: readonly (readonly [string, RegExp])[],
  warnings: readonly RegExp[],
): void {
  test(what, async (context) => {
    const found = await look(context, given)
    const said = JSON.stringify(found, undefined, 1)
    assert.deepEqual(
      found.refusals.map(({ lacking }) => lacking),
      refusals.map(([lacking]) => lacking),
      said,
    )
    for (const [i, [, pattern]] of refusals.entries()) assert.match(found.refusals[i]?.reason ?? '', pattern)
    assert.equal(found.warnings.length, warnings.length, said)
    for (const [i, pattern] of warnings.entries()) assert.match(found.warnings[i], pattern)
  })
}

const local = (path: string, more = ''): string =>
  `<disk type='file' device='disk'><source file='${path}'/><target dev='vdb'/>${more}</disk>`
const READ_ONLY = '<readonly/>'

finds('a VM on shared storage and a known bridge may go, with a lock manager without a word', {}, [], [])

finds(
  'shared storage without a lock manager that anybody knows of is a warning',
  { site: { lockManager: 'none' } },
  [],
  [/web-1 writes to shared storage, and no lock manager keeps it from running twice \(there is none\)/],
)
finds(
  'a disk of its host alone',
  { xml: { devices: local('/var/lib/a.qcow2') } },
  [['storage', /vdb of web-1 is \/var/]],
  [],
)
finds(
  'a path that leads out of the shared folder',
  { xml: { devices: local('/srv/shared/../a') } },
  [['storage', /\.\./]],
  [],
)
finds('a folder that only begins alike', { xml: { devices: local('/srv/shared2/a') } }, [['storage', /shared2/]], [])
finds(
  'a read-only file that may be there too',
  { xml: { devices: local('/iso/a.iso', READ_ONLY) } },
  [],
  [/vdb of web-1 reads \/iso\/a\.iso; whether the same is on host-2/],
)
finds(
  'a layer below a shared disk that may not be there, and a chain of shared ones',
  {
    xml: {
      devices: local(
        '/srv/shared/top.qcow2',
        "<backingStore type='file'><source file='/srv/shared/b'/><backingStore type='file'><source file='/base'/></backingStore></backingStore>",
      ),
    },
  },
  [],
  [/layer 2 below vdb of web-1 reads \/base; whether/],
)
finds(
  'a disk that is being copied',
  { xml: { devices: local('/srv/shared/a', '<mirror/>') } },
  [['in-flight', /copied/]],
  [],
)
finds(
  'a disk that forgets',
  { xml: { devices: local('/srv/shared/a', '<transient/>') } },
  [['storage', /until the VM ends/]],
  [],
)
finds('an empty drive', { xml: { devices: "<disk type='file' device='cdrom'><target dev='sda'/></disk>" } }, [], [])
finds(
  'a disk from the network',
  {
    xml: {
      devices:
        "<disk type='network'><source protocol='rbd' name='p/v'><host name='ceph-1'/></source><target dev='vdb'/></disk>",
    },
  },
  [],
  [],
)
finds(
  "a disk from its host's own server",
  {
    xml: {
      devices:
        "<disk type='network'><source protocol='nbd'><host name='localhost'/></source><target dev='vdb'/></disk>",
    },
  },
  [['storage', /localhost/]],
  [],
)
const VOLUME = "<disk type='volume'><source pool='fast' volume='a'/><target dev='vdb'/></disk>"
finds('a volume of a pool that nobody declared', { xml: { devices: VOLUME } }, [['storage', /pool fast/]], [])
finds('a volume of a shared pool', { xml: { devices: VOLUME }, site: { sharedPools: ['fast'] } }, [], [])
finds(
  'a disk of hardware',
  { xml: { devices: "<disk type='nvme'><source type='pci'/><target dev='vdb'/></disk>" } },
  [['storage', /kind nvme/]],
  [],
)

const card = (type: string, source: string): string => `<interface type='${type}'><source ${source}/></interface>`
finds('a bridge that the target lacks', { xml: { devices: card('bridge', "bridge='br7'") } }, [['network', /br7/]], [])
finds(
  'a network that the target lacks',
  { xml: { devices: card('network', "network='n' bridge='br0'") } },
  [['network', /network n/]],
  [],
)
finds('a macvtap that the target lacks', { xml: { devices: card('direct', "dev='eth9'") } }, [['network', /eth9/]], [])
finds('a card that needs no network of its host', { xml: { devices: "<interface type='user'/>" } }, [], [])
finds('a card of hardware', { xml: { devices: card('hostdev', '') } }, [['pinned', /hardware/]], [])

test('networks of a target that nobody declared are a warning, unless another VM there uses them', async (context) => {
  const driven = await aDrivenSite()
  context.after(driven.dispose)
  const hosts = driven.site.configuration.hosts.map(({ id, uri, peerUri }) => ({ id, uri, peerUri: peerUri ?? '' }))
  const { site, driver } = driven
  site.addVm('web-1', 'host-1')
  const other = new LibvirtDriver({ ...site.configuration, hosts }, site.linkOptions)
  context.after(() => other.close())
  const [warning, ...more] = (await other.preflight(anIntent('web-1'))).warnings
  assert.match(warning, /web-1 is on bridge br0; whether host-2 has it can not be asked/)
  assert.deepEqual(more, [])
  site.addVm('web-2', 'host-2')
  assert.deepEqual((await other.preflight(anIntent('web-1'))).warnings, [])
  assert.deepEqual((await driver.preflight(anIntent('web-1'))).warnings, [])
})

for (const [what, devices, pattern] of [
  ['hardware passed through', "<hostdev mode='subsystem' type='pci'/>", /passed through \(pci\)/],
  ['a shared folder', "<filesystem type='mount'/>", /folder/],
  ['shared memory', "<shmem name='a'/>", /memory shared/],
  ['a smart card', "<smartcard mode='host'/>", /smart card/],
  ['a keyboard of the host', "<input type='evdev'/>", /input device/],
  ['a port of the host', "<serial type='dev'/>", /port/],
  ["the host's TPM", "<tpm><backend type='passthrough'/></tpm>", /TPM/],
  ['persistent memory', "<memory model='nvdimm'/>", /nvdimm/],
] as const)
  finds(`${what} stays where it is`, { xml: { devices } }, [['pinned', pattern]], [])

finds(
  'what moves with a VM is no trouble',
  {
    xml: {
      devices:
        "<smartcard mode='passthrough'/><input type='mouse'/><serial type='pty'/><memory model='dimm'/><memory model='virtio-mem'/>" +
        "<rng model='virtio'/><video/><redirdev type='spicevmc'/><controller type='usb'/>",
    },
  },
  [],
  [],
)
finds('sealed memory stays', { xml: { more: "<launchSecurity type='sev'/>" } }, [['pinned', /sev/]], [])
finds(
  'huge pages are not asked for',
  { xml: { more: '<memoryBacking><hugepages/></memoryBacking>' } },
  [],
  [/huge pages/],
)

finds(
  'a kernel that the target may lack',
  {
    arrange: (site) => {
      const xml = aDomainXml('web-1', '00000000-0000-4000-8000-000000000001')
      const boots = xml.replace('hvm</type>', 'hvm</type><kernel>/boot/vmlinuz</kernel><initrd>/srv/shared/i</initrd>')
      site.change('web-1', 'host-1', { xml: boots })
    },
  },
  [],
  [/web-1 boots \/boot\/vmlinuz; whether it is on host-2 can not be asked/],
)

finds(
  'a target without room',
  { arrange: (site) => void (site.host('host-2').freeKib = 524_288) },
  // 1 GiB and 0.1 wanted, 0.5 there.
  [['memory', /needs 1\.1 GiB, QEMU's own included; host-2 has 0\.5 GiB free/]],
  [],
)
finds(
  'a target whose QEMU is older',
  { arrange: (site) => void (site.host('host-2').capabilities = aCapabilitiesXml(['pc-q35-5.2'])) },
  [['host-state', /no machine type pc-q35-7\.2/]],
  [],
)
finds(
  'a CPU that the target can not give and the source can',
  { arrange: (site) => void (site.host('host-2').cpuResult = 0) },
  [['cpu-flags', /EPYC/]],
  [],
)
finds(
  'a comparison that says no on both is worth nothing; the hosts differ as well',
  {
    arrange: (site) => {
      for (const { name } of site.hosts) site.host(name).cpuResult = 0
    },
  },
  [],
  [/Whether host-2 can give web-1 its CPU can not be told: the CPU of host-2 lacks/],
)
const PASSTHROUGH = { cpu: "<cpu mode='host-passthrough'/>" }
finds("its host's own CPU, and the same there", { xml: PASSTHROUGH }, [], [])
finds(
  "its host's own CPU, and more there",
  { xml: PASSTHROUGH, arrange: (site) => void (site.host('host-2').cpuResult = 2) },
  [],
  [/not the same/],
)
finds(
  "its host's own CPU, and less there",
  { xml: PASSTHROUGH, arrange: (site) => void (site.host('host-2').cpuResult = 0) },
  [['cpu-flags', /can not do all of it/]],
  [],
)
finds(
  'what a target refuses to tell is a warning',
  {
    arrange: (site) => {
      const { server } = site.host('host-2')
      for (const ask of [HOST_PROCEDURES.compareHypervisorCpu, HOST_PROCEDURES.compareCpu])
        server.on(ask as never, refuse)
      server.on(HOST_PROCEDURES.nodeMemoryStats, refuse)
      server.on(HOST_PROCEDURES.capabilities, refuse)
    },
  },
  [],
  [
    /memory host-2 has free can not be asked/,
    /What host-2 can run can not be asked/,
    /give web-1 its CPU can not be told/,
  ],
)

finds(
  'a VM that is paused by its user',
  { arrange: (site) => site.change('web-1', 'host-1', { state: 3, reason: 1 }) },
  [['host-state', /paused \(user\); only what runs is moved/]],
  [],
)
finds(
  'a backup under way',
  { arrange: (site) => void site.host('host-1').jobs.set('00000000-0000-4000-8000-000000000001', { operation: 9 }) },
  [['in-flight', /job \(backup\)/]],
  [],
)
finds(
  'the same VM running on both',
  { arrange: (site) => void site.addVm('web-1', 'host-2') },
  [['location-unknown', /twice/]],
  [],
)
finds(
  'another VM of its name over there, which is off',
  {
    arrange: (site) => {
      const domain = site.addVm('web-1', 'host-2')
      site.change('web-1', 'host-2', { state: 5, reason: 1, domain: { ...domain, id: -1 } })
    },
  },
  [['host-state', /another VM by the name web-1/]],
  [],
)
finds(
  'a definition of its own over there, which is off',
  {
    arrange: (site) => {
      const domain = { name: 'web-1', uuid: '00000000-0000-4000-8000-000000000001', id: -1 }
      const own = site.host('host-1').facts.domains.get(domain.uuid)
      if (own !== undefined) site.host('host-2').facts.domains.set(domain.uuid, { ...own, state: 5, reason: 4, domain })
    },
  },
  [],
  [],
)
finds(
  'a target that is down',
  { arrange: (site) => site.kill('host-2') },
  [['host-state', /host-2.*can not be reached/]],
  [],
)

finds('post-copy for a VM that did not ask for it', { mode: 'postcopy' }, [['pinned', /post-copy/]], [])
finds('post-copy for one that the site names', { mode: 'postcopy', site: { postCopyVms: ['web-1'] } }, [], [])
finds(
  'post-copy for one that says so itself',
  { mode: 'postcopy', xml: { more: "<metadata><e:vm xmlns:e='urn:ethos:vm' postcopy='on'/></metadata>" } },
  [],
  [],
)
for (const [what, more, pattern] of [
  ['a word misspelt', "<metadata><e:vm xmlns:e='urn:ethos:vm' migration='of'/></metadata>", /migration="of"/],
  ['a title', '<title>db ethos:stay</title>', /title/],
  ['a description', '<description>tuned by hand. [ethos:stay]</description>', /description/],
] as const)
  finds(`${what} keeps a VM where it is`, { xml: { more } }, [['pinned', pattern]], [])
finds(
  'words of others do not',
  { xml: { more: "<title>ethos:stayed</title><metadata><x:vm xmlns:x='urn:x' migration='off'/></metadata>" } },
  [],
  [],
)
finds('the configuration does', { site: { optOuts: ['web-1'] } }, [['pinned', /optOuts/]], [])

finds(
  'certificates of an encrypted move can not be asked for',
  { site: { isEncrypted: true } },
  [],
  [/TLS of QEMU; whether both have certificates/],
)
