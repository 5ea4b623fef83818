/** A host for the fake daemon to speak of, much like libvirt's own `test:///default`. For tests and nowhere else. */
import type { Domain } from './domain.ts'
import { LIBVIRT_ERROR } from './errors.ts'
import { FakeRefusal, type FakeServer } from './fake-server.ts'
import { DOMAIN_PROCEDURES, type DomainState } from './procedures-domain.ts'
import { HOST_PROCEDURES, type NodeInfo } from './procedures-host.ts'
import type { TypedParameter } from './typed-parameters.ts'

export interface FakeDomain extends DomainState {
  readonly domain: Domain
  readonly xml: string
  readonly stats: readonly TypedParameter[]
  /** XML by namespace. */
  readonly metadata: ReadonlyMap<string, string>
}

/** What a test changes while the daemon runs. */
export interface FakeHost {
  hostname: string
  nodeInfo: NodeInfo
  readonly domains: Map<string, FakeDomain>
}

export function aFakeDomain(changes: Partial<FakeDomain> = {}): FakeDomain {
  const domain = changes.domain ?? { name: 'test', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 }
  const { name, uuid } = domain
  return {
    state: 1,
    reason: 1,
    xml: `<domain type='test'><name>${name}</name><uuid>${uuid}</uuid></domain>`,
    stats: [
      { field: 'state.state', value: 1 },
      { field: 'state.reason', value: 1 },
    ],
    metadata: new Map(),
    ...changes,
    domain,
  }
}

const NODE: NodeInfo = {
  model: 'i686',
  memoryKib: 3_145_728,
  cpus: 16,
  mhz: 1400,
  numaNodes: 2,
  socketsPerNode: 2,
  coresPerSocket: 2,
  threadsPerCore: 2,
}

const CPU_STATS = ['user', 'kernel', 'idle', 'iowait'].map((field, i) => ({ field, value: 1_000_000_000 * (i + 1) }))

/** Has the daemon answer whatever looks at a host. Moves and jobs are left to the test. */
export function serveHost(server: FakeServer, domains: readonly FakeDomain[] = [aFakeDomain()]): FakeHost {
  const host: FakeHost = {
    hostname: 'fake-1',
    nodeInfo: NODE,
    domains: new Map(domains.map((one) => [one.domain.uuid, one])),
  }
  serveFacts(server, host)
  serveDomains(server, host)
  return host
}

function serveFacts(server: FakeServer, host: FakeHost): void {
  server.on(HOST_PROCEDURES.open, ({ name }) => {
    if (!/^((test|qemu):.*)?$/.test(name ?? '')) {
      throw new FakeRefusal(LIBVIRT_ERROR.invalidArgument, `no connection driver available for ${name}`)
    }
  })
  server.on(HOST_PROCEDURES.hostname, () => host.hostname)
  server.on(HOST_PROCEDURES.uri, () => 'test:///default')
  server.on(HOST_PROCEDURES.version, () => 2)
  server.on(HOST_PROCEDURES.libraryVersion, () => 9_000_000)
  server.on(
    HOST_PROCEDURES.capabilities,
    () => '<capabilities><host><cpu><arch>i686</arch></cpu></host></capabilities>',
  )
  server.on(HOST_PROCEDURES.nodeInfo, () => host.nodeInfo)
  server.on(HOST_PROCEDURES.nodeCpuStats, ({ count }) => {
    if (count !== 0 && count !== CPU_STATS.length) {
      throw new FakeRefusal(LIBVIRT_ERROR.invalidArgument, `nparams in must be equal to ${CPU_STATS.length}`)
    }
    return { stats: count === 0 ? [] : CPU_STATS, count: CPU_STATS.length }
  })
}

function serveDomains(server: FakeServer, host: FakeHost): void {
  const find = ({ uuid }: { readonly uuid: string }): FakeDomain => {
    const found = host.domains.get(uuid)
    if (found === undefined) throw new FakeRefusal(LIBVIRT_ERROR.noDomain, `Domain not found: ${uuid}`)
    return found
  }
  server.on(DOMAIN_PROCEDURES.listAll, () => {
    const domains = [...host.domains.values()].map(({ domain }) => domain)
    return { domains, count: domains.length }
  })
  server.on(DOMAIN_PROCEDURES.lookupByUuid, (uuid) => find({ uuid }).domain)
  server.on(DOMAIN_PROCEDURES.lookupByName, (name) => {
    const found = [...host.domains.values()].find(({ domain }) => domain.name === name)
    if (found === undefined) throw new FakeRefusal(LIBVIRT_ERROR.noDomain, `Domain not found: ${name}`)
    return found.domain
  })
  server.on(DOMAIN_PROCEDURES.xml, ({ domain }) => find(domain).xml)
  server.on(DOMAIN_PROCEDURES.state, ({ domain }) => {
    const { state, reason } = find(domain)
    return { state, reason }
  })
  server.on(DOMAIN_PROCEDURES.info, (domain) => {
    const { state } = find(domain)
    return { state, memoryMaxKib: 8_388_608, memoryKib: 2_097_152, cpus: 2, cpuTimeNs: 1_795_813_493_167_749_000n }
  })
  server.on(DOMAIN_PROCEDURES.metadata, ({ domain, uri }) => {
    const xml = find(domain).metadata.get(uri ?? '')
    if (xml === undefined) throw new FakeRefusal(LIBVIRT_ERROR.noDomainMetadata, 'metadata not found')
    return xml
  })
  server.on(DOMAIN_PROCEDURES.blockInfo, ({ domain, path }) => {
    find(domain)
    throw new FakeRefusal(LIBVIRT_ERROR.invalidArgument, `invalid path ${path} not assigned to domain`)
  })
  server.on(DOMAIN_PROCEDURES.allStats, ({ domains }) => {
    const wanted = domains.length === 0 ? [...host.domains.values()] : domains.map(find)
    return wanted.map(({ domain, stats }) => ({ domain, parameters: stats }))
  })
}
