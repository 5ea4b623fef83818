/** A client of libvirt that needs nothing but Node: `openLibvirt('qemu+tls://host/system')`. It looks, and it moves VMs; it can not start, stop, pause,
 *  resume, reset, define or undefine one. See docs/libvirt.md. */
import { parseAddress } from './address.ts'
import { authenticate } from './authenticate.ts'
import { type CallOptions, RpcConnection, type RpcOptions } from './connection.ts'
import { dial } from './dial.ts'
import type { Domain } from './domain.ts'
import { LibvirtError } from './errors.ts'
import {
  DomainEvents,
  EVENT_KINDS,
  type JobCompletedEvent,
  type LifecycleEvent,
  type MigrationIterationEvent,
  type Subscription,
} from './events.ts'
import { type Migration, migrationEnd, type MigrationOptions, performRequest } from './migration.ts'
import type { Procedure } from './procedure.ts'
import {
  type BlockInfo,
  DOMAIN_PROCEDURES,
  type DomainInfo,
  type DomainState,
  type DomainStatsRecord,
  type JobInfo,
  type JobStats,
} from './procedures-domain.ts'
import { type CpuOf, HOST_PROCEDURES, type Named, type NodeInfo, type NodeStat } from './procedures-host.ts'
import { MIGRATION_PROCEDURES } from './procedures-migration.ts'

export { isNoDomain, LIBVIRT_ERROR, LibvirtError, LibvirtRemoteError } from './errors.ts'
export { parseAddress } from './address.ts'
export { startPostCopy } from './post-copy.ts'
export type { CallFate, LibvirtErrorCode } from './errors.ts'
export type { Migration, MigrationEnd, MigrationOptions } from './migration.ts'
export type { JobCompletedEvent, LifecycleEvent, MigrationIterationEvent, Subscription } from './events.ts'
export type { TypedParameter } from './typed-parameters.ts'
export type {
  BlockInfo,
  Domain,
  DomainInfo,
  DomainState,
  DomainStatsRecord,
  JobInfo,
  JobStats,
  Named,
  NodeInfo,
  NodeStat,
}

export interface LibvirtOptions extends RpcOptions {
  /** Opens the daemon's read-only side: nothing can be moved then. */
  readonly isReadOnly?: boolean
  /** Until the daemon can be spoken to: socket, TLS, and its word on our certificate. */
  readonly connectTimeoutMs?: number
  /** What a handler of events threw. By default it is thrown where nobody catches it, as from any callback of Node. */
  readonly onHandlerError?: (error: unknown) => void
}

/** Groups of statistics: virDomainStatsTypes. `dirtyRate` is the last measurement, not a new one. */
export const DOMAIN_STATS = {
  state: 1 << 0,
  cpu: 1 << 1,
  balloon: 1 << 2,
  vcpu: 1 << 3,
  interface: 1 << 4,
  block: 1 << 5,
  perf: 1 << 6,
  ioThread: 1 << 7,
  memory: 1 << 8,
  dirtyRate: 1 << 9,
} as const

/** What a host can be asked about its connection: VIR_DRV_FEATURE. */
export const FEATURE = { migrationPeerToPeer: 4, keepalive: 10, migrationParameters: 13, eventCallback: 14 } as const

/** Only domains that run, or only those that do not: virConnectListAllDomainsFlags. */
export const DOMAIN_LIST = { active: 1 << 0, inactive: 1 << 1 } as const

interface Expanded {
  readonly isExpanded?: boolean
}

/** Answers of a comparison: virCPUCompareResult. */
export type CpuComparison = 'incompatible' | 'identical' | 'superset'

const CONNECT_TIMEOUT_MS = 10_000
const READ_ONLY = 1 << 0
const STATS_NO_WAIT = 1 << 29
const XML_INACTIVE = 1 << 1
const COMPLETED = 1 << 0
/** Of pools and networks alike: VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE, VIR_CONNECT_LIST_NETWORKS_ACTIVE. */
const LIST_ACTIVE = 1 << 1
const EXPAND_FEATURES = 1 << 0
const METADATA_ELEMENT = 2
const SECONDS_MAX = 60

/** Connects, proves who we are, and opens. Rejects with a `LibvirtError`; then nothing is left open. */
export async function openLibvirt(uri: string, options: LibvirtOptions = {}): Promise<Libvirt> {
  const { isReadOnly = false, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const address = parseAddress(uri, { isReadOnly })
  const connection = new RpcConnection(await dial(address, connectTimeoutMs), options)
  try {
    await authenticate(connection)
    if (await connection.call(HOST_PROCEDURES.supportsFeature, FEATURE.keepalive)) connection.startKeepalive()
    await connection.call(HOST_PROCEDURES.open, { name: address.name, flags: isReadOnly ? READ_ONLY : 0 })
  } catch (error) {
    connection.destroy()
    throw notOpened(uri, error)
  }
  return new Libvirt(uri, connection, options)
}

/** Nothing of consequence was asked so far, so nothing's fate is unknown. */
function notOpened(uri: string, error: unknown): unknown {
  if (!(error instanceof LibvirtError) || error.code === 'refused' || error.code === 'unauthorised') return error
  const code = error.code === 'lost' || error.code === 'timeout' ? 'unreachable' : error.code
  // Why the connection ended says more than that a call failed with it.
  const reason = error.cause instanceof LibvirtError ? error.cause.message : error.message
  return new LibvirtError(code, `${uri} could not be opened. ${reason}`, { cause: error })
}

/** One open connection to one host's libvirt. Every method rejects with a `LibvirtError`. */
export class Libvirt {
  readonly uri: string
  /** Fulfilled when the connection has ended, with why; never rejected. */
  readonly ended: Promise<LibvirtError>
  private readonly connection: RpcConnection
  private readonly options: LibvirtOptions
  private readonly events: DomainEvents

  constructor(uri: string, connection: RpcConnection, options: LibvirtOptions = {}) {
    this.uri = uri
    this.connection = connection
    this.options = options
    this.ended = connection.ended
    this.events = new DomainEvents(connection, options.onHandlerError)
  }

  get isOpen(): boolean {
    return this.connection.isOpen
  }

  /** Any procedure of this client with its bare arguments, and a time of its own. */
  call<Args, Result>(procedure: Procedure<Args, Result>, args: Args, options?: CallOptions): Promise<Result> {
    return this.connection.call(procedure, args, options)
  }

  /** Takes leave and ends the connection. Calls in work have an unknown fate then. */
  async close(): Promise<void> {
    try {
      await this.call(HOST_PROCEDURES.close, undefined, { timeoutMs: 1000 })
    } catch {
      // It ends either way.
    }
    this.connection.destroy()
  }

  hostname(): Promise<string> {
    return this.call(HOST_PROCEDURES.hostname, undefined)
  }

  /** The daemon's own name for what was opened. */
  canonicalUri(): Promise<string> {
    return this.call(HOST_PROCEDURES.uri, undefined)
  }

  /** Of the hypervisor: 7 002 022 is 7.2.22. */
  version(): Promise<number> {
    return this.call(HOST_PROCEDURES.version, undefined)
  }

  /** Of libvirt: 9 000 000 is 9.0.0. */
  libraryVersion(): Promise<number> {
    return this.call(HOST_PROCEDURES.libraryVersion, undefined)
  }

  /** XML: the host's CPU, memory, and what it can run. */
  capabilities(): Promise<string> {
    return this.call(HOST_PROCEDURES.capabilities, undefined)
  }

  /** XML: what a domain of such an emulator and machine may have here. */
  domainCapabilities(of: Partial<CpuOf> = {}): Promise<string> {
    return this.call(HOST_PROCEDURES.domainCapabilities, { ...anyCpu(of), flags: 0 })
  }

  nodeInfo(): Promise<NodeInfo> {
    return this.call(HOST_PROCEDURES.nodeInfo, undefined)
  }

  /** Nanoseconds since boot by kind: kernel, user, idle, iowait. @param cpu -1 for all together */
  async nodeCpuStats(cpu = -1): Promise<readonly NodeStat[]> {
    // The daemon wants to be told exactly as many as it has.
    const { count } = await this.call(HOST_PROCEDURES.nodeCpuStats, { cpu, count: 0, flags: 0 })
    return (await this.call(HOST_PROCEDURES.nodeCpuStats, { cpu, count, flags: 0 })).stats
  }

  /** KiB by kind: total, free, buffers, cached. @param cell a NUMA node; -1 for all together */
  async nodeMemoryStats(cell = -1): Promise<readonly NodeStat[]> {
    const { count } = await this.call(HOST_PROCEDURES.nodeMemoryStats, { count: 0, cell, flags: 0 })
    return (await this.call(HOST_PROCEDURES.nodeMemoryStats, { count, cell, flags: 0 })).stats
  }

  supportsFeature(feature: number): Promise<boolean> {
    return this.call(HOST_PROCEDURES.supportsFeature, feature)
  }

  /** Whether this host's CPU can do what the CPU in `xml` can. */
  async compareCpu(xml: string): Promise<CpuComparison> {
    return comparison(await this.call(HOST_PROCEDURES.compareCpu, { xml, flags: 0 }))
  }

  /** The same for what this host's *hypervisor* can give a guest: the better question. */
  async compareHypervisorCpu(xml: string, of: Partial<CpuOf> = {}): Promise<CpuComparison> {
    return comparison(await this.call(HOST_PROCEDURES.compareHypervisorCpu, { ...anyCpu(of), xml, flags: 0 }))
  }

  /** The CPU that all of these can do, as XML. @param isExpanded with every feature by name, those of the model included */
  baselineCpu(cpus: readonly string[], { isExpanded = false }: Expanded = {}): Promise<string> {
    return this.call(HOST_PROCEDURES.baselineCpu, { cpus, flags: isExpanded ? EXPAND_FEATURES : 0 })
  }

  baselineHypervisorCpu(
    cpus: readonly string[],
    of: Partial<CpuOf> = {},
    { isExpanded = false }: Expanded = {},
  ): Promise<string> {
    const flags = isExpanded ? EXPAND_FEATURES : 0
    return this.call(HOST_PROCEDURES.baselineHypervisorCpu, { ...anyCpu(of), cpus, flags })
  }

  /** Storage pools that are active. */
  async pools(): Promise<readonly Named[]> {
    return (await this.call(HOST_PROCEDURES.listPools, { needResults: 1, flags: LIST_ACTIVE })).list
  }

  /** libvirt's own networks that are active; bridges of the host are not among them. */
  async networks(): Promise<readonly Named[]> {
    return (await this.call(HOST_PROCEDURES.listNetworks, { needResults: 1, flags: LIST_ACTIVE })).list
  }

  /** XML: kind, size, where it comes from and where it is. What it logs in with is named and not told. */
  poolXml(pool: Named): Promise<string> {
    return this.call(HOST_PROCEDURES.poolXml, { pool, flags: 0 })
  }

  /** @param flags 0 for all, or of `DOMAIN_LIST` */
  async domains(flags = 0): Promise<readonly Domain[]> {
    return (await this.call(DOMAIN_PROCEDURES.listAll, { needResults: 1, flags })).domains
  }

  domainByUuid(uuid: string): Promise<Domain> {
    return this.call(DOMAIN_PROCEDURES.lookupByUuid, uuid)
  }

  domainByName(name: string): Promise<Domain> {
    return this.call(DOMAIN_PROCEDURES.lookupByName, name)
  }

  /** @param isInactive as it will be when it is started next, instead of as it runs. What is secret, like passwords, is never asked for: neither plainly
   *  nor by the flag "migratable", which brings it too. */
  domainXml(domain: Domain, { isInactive = false }: { readonly isInactive?: boolean } = {}): Promise<string> {
    return this.call(DOMAIN_PROCEDURES.xml, { domain, flags: isInactive ? XML_INACTIVE : 0 })
  }

  domainState(domain: Domain): Promise<DomainState> {
    return this.call(DOMAIN_PROCEDURES.state, { domain, flags: 0 })
  }

  domainInfo(domain: Domain): Promise<DomainInfo> {
    return this.call(DOMAIN_PROCEDURES.info, domain)
  }

  /** The XML that somebody put into the domain's metadata under a namespace. Rejects with `noDomainMetadata` where there is none. */
  domainMetadata(domain: Domain, namespaceUri: string): Promise<string> {
    const args = { domain, type: METADATA_ELEMENT, uri: namespaceUri, flags: 0 }
    return this.call(DOMAIN_PROCEDURES.metadata, args)
  }

  blockInfo(domain: Domain, path: string): Promise<BlockInfo> {
    return this.call(DOMAIN_PROCEDURES.blockInfo, { domain, path, flags: 0 })
  }

  /** Statistics in one call. @param groups of `DOMAIN_STATS`, added up; 0 for all
   *  @param of these domains; empty for all. With `isNoWait` a domain that is busy with something else tells only what it can at once. */
  domainStats(
    groups = 0,
    { of = [], isNoWait = false }: { readonly of?: readonly Domain[]; readonly isNoWait?: boolean } = {},
  ): Promise<readonly DomainStatsRecord[]> {
    return this.call(DOMAIN_PROCEDURES.allStats, { domains: of, stats: groups, flags: isNoWait ? STATS_NO_WAIT : 0 })
  }

  jobInfo(domain: Domain): Promise<JobInfo> {
    return this.call(DOMAIN_PROCEDURES.jobInfo, domain)
  }

  jobStats(domain: Domain): Promise<JobStats> {
    return this.call(DOMAIN_PROCEDURES.jobStats, { domain, flags: 0 })
  }

  /** Of the last job that ended; asking makes the daemon forget them. After post-copy they come in the event only. */
  completedJobStats(domain: Domain): Promise<JobStats> {
    return this.call(DOMAIN_PROCEDURES.jobStats, { domain, flags: COMPLETED })
  }

  /** Ends whatever job the domain has, and the VM runs on. Look at the job first: it may be somebody else's backup. */
  abortJob(domain: Domain): Promise<void> {
    return this.call(MIGRATION_PROCEDURES.abortJob, domain)
  }

  /** Only while it migrates. */
  setMaxDowntime(domain: Domain, downtimeMs: number): Promise<void> {
    return this.call(MIGRATION_PROCEDURES.setMaxDowntime, { domain, downtimeMs, flags: 0 })
  }

  /** In ms. */
  maxDowntime(domain: Domain): Promise<number> {
    return this.call(MIGRATION_PROCEDURES.maxDowntime, { domain, flags: 0 })
  }

  setMaxSpeed(domain: Domain, mibPerSec: number): Promise<void> {
    return this.call(MIGRATION_PROCEDURES.setMaxSpeed, { domain, mibPerSec, flags: 0 })
  }

  /** In MiB/s; without a limit a number beyond 10^12. */
  maxSpeed(domain: Domain): Promise<number> {
    return this.call(MIGRATION_PROCEDURES.maxSpeed, { domain, flags: 0 })
  }

  /** Begins to measure how fast memory is written, by sampling pages: other ways crash QEMU where it has no KVM. The result comes with `domainStats`. */
  startDirtyRate(domain: Domain, seconds: number): Promise<void> {
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > SECONDS_MAX) {
      const message = `${seconds} s of measuring the dirty rate; 1 to ${SECONDS_MAX} whole seconds may be.`
      return Promise.reject(new LibvirtError('argument', message))
    }
    return this.call(MIGRATION_PROCEDURES.startDirtyRate, { domain, seconds, flags: 0 })
  }

  /** @param domain only of this one */
  onLifecycle(handler: (event: LifecycleEvent) => void, domain?: Domain): Promise<Subscription> {
    return this.events.subscribe(EVENT_KINDS.lifecycle, handler, domain)
  }

  onMigrationIteration(handler: (event: MigrationIterationEvent) => void, domain?: Domain): Promise<Subscription> {
    return this.events.subscribe(EVENT_KINDS.migrationIteration, handler, domain)
  }

  onJobCompleted(handler: (event: JobCompletedEvent) => void, domain?: Domain): Promise<Subscription> {
    return this.events.subscribe(EVENT_KINDS.jobCompleted, handler, domain)
  }

  /** Moves a VM from this host, live and peer to peer, over a connection of its own: the call takes as long as the move. Fulfilled once the order was
   *  sent; rejects if it never was. @param destinationUri as this host's daemon reaches the other's */
  async beginMigration(domain: Domain, destinationUri: string, options: MigrationOptions): Promise<Migration> {
    const request = performRequest(domain, destinationUri, options)
    if (this.options.isReadOnly === true) {
      throw new LibvirtError('argument', `${this.uri} was opened read-only: no VM can be moved from there.`)
    }
    const own = await openLibvirt(this.uri, this.options)
    const answer = own.call(MIGRATION_PROCEDURES.perform, request, { timeoutMs: Number.POSITIVE_INFINITY })
    const ended = answer.then(() => ({ kind: 'succeeded' }) as const, migrationEnd)
    void ended.then(() => own.close())
    return { domain, destinationUri, ended, forget: () => own.connection.destroy() }
  }
}

function anyCpu({ emulator, architecture, machine, virtualisation }: Partial<CpuOf>): CpuOf {
  return { emulator, architecture, machine, virtualisation }
}

function comparison(result: number): CpuComparison {
  const name = (['incompatible', 'identical', 'superset'] as const)[result]
  if (name === undefined) throw new LibvirtError('protocol', `The host compared CPUs with ${result}; 0 to 2 are known.`)
  return name
}
