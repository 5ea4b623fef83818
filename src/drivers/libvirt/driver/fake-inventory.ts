/** What a fake host tells of its hardware. For tests and nowhere else. */
import { LIBVIRT_ERROR, type Named } from '../rpc/libvirt.ts'
import { FakeRefusal } from '../rpc/fake-server.ts'
import { HOST_PROCEDURES } from '../rpc/procedures-host.ts'
import type { FakeSiteHost } from './fake-site.ts'

export interface FakeHardware {
  readonly uuid: string
  readonly vendor: string
  readonly model: string
  readonly features: readonly string[]
  readonly usableModels: readonly string[]
  readonly machines: readonly string[]
  readonly networks: readonly string[]
  /** Descriptions by name. */
  readonly pools: ReadonlyMap<string, string>
  /** What all hosts share, as this one answers; absent: it can't say. */
  readonly baseline?: string
}

const HARDWARE: FakeHardware = {
  uuid: '00000000-0000-4000-8000-00000000000a',
  vendor: 'Intel',
  model: 'Skylake-Server',
  features: ['avx', 'avx2', 'avx512f'],
  usableModels: ['qemu64', 'Skylake-Server'],
  machines: ['q35', 'pc-q35-7.2'],
  networks: ['default'],
  pools: new Map(),
}

/** Has a host answer with such hardware until it is served anew. */
export function arrangeHardware({ server }: FakeSiteHost, changes: Partial<FakeHardware> = {}): void {
  const hardware = { ...HARDWARE, ...changes }
  server.on(HOST_PROCEDURES.capabilities, () => capabilitiesOf(hardware))
  server.on(HOST_PROCEDURES.domainCapabilities, () => domainCapabilitiesOf(hardware))
  server.on(HOST_PROCEDURES.baselineCpu, () => cpuOf(hardware))
  server.on(HOST_PROCEDURES.baselineHypervisorCpu, ({ flags }) => {
    if ((flags & 1) !== 0) return cpuOf(hardware)
    if (hardware.baseline !== undefined) return hardware.baseline
    throw new FakeRefusal(LIBVIRT_ERROR.operationFailed, 'CPUs are incompatible')
  })
  server.on(HOST_PROCEDURES.listNetworks, () => listOf(hardware.networks))
  server.on(HOST_PROCEDURES.listPools, () => listOf([...hardware.pools.keys()]))
  server.on(HOST_PROCEDURES.poolXml, ({ pool }) => hardware.pools.get(pool.name) ?? '')
}

/** A share of an NFS server. */
export function aSharedPool(name: string, server: string): string {
  const source = `<source><host name='${server}'/><dir path='/export'/></source>`
  return `<pool type='netfs'><name>${name}</name><capacity unit='bytes'>1000</capacity>${source}<target><path>/srv/shared</path></target></pool>`
}

function listOf(names: readonly string[]): { readonly list: readonly Named[]; readonly count: number } {
  const list = names.map((name, i) => ({ name, uuid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}` }))
  return { list, count: list.length }
}

function capabilitiesOf({ uuid, vendor, model, machines }: FakeHardware): string {
  const known = machines.map((machine) => `<machine maxCpus='288'>${machine}</machine>`).join('')
  const cpu = `<cpu><arch>x86_64</arch><model>${model}</model><vendor>${vendor}</vendor></cpu>`
  const live =
    '<migration_features><live/><uri_transports><uri_transport>tcp</uri_transport></uri_transports></migration_features>'
  const guest = `<guest><os_type>hvm</os_type><arch name='x86_64'>${known}<domain type='qemu'/><domain type='kvm'/></arch></guest>`
  return `<capabilities><host><uuid>${uuid}</uuid>${cpu}${live}</host>${guest}</capabilities>`
}

function domainCapabilitiesOf({ vendor, model, usableModels }: FakeHardware): string {
  const usable = usableModels.map((name) => `<model usable='yes'>${name}</model>`).join('')
  const hostModel = `<mode name='host-model' supported='yes'><model fallback='forbid'>${model}</model><vendor>${vendor}</vendor></mode>`
  return `<domainCapabilities><domain>kvm</domain><cpu>${hostModel}<mode name='custom' supported='yes'>${usable}</mode></cpu></domainCapabilities>`
}

function cpuOf({ model, features }: FakeHardware): string {
  const all = features.map((name) => `<feature policy='require' name='${name}'/>`).join('')
  return `<cpu mode='custom'><model>${model}</model>${all}<feature policy='disable' name='mpx'/></cpu>`
}
