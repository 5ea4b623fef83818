/** Hosts of fake daemons that hand VMs over to each other, well or badly, as a test tells them. For tests and nowhere else. */
import { join } from 'node:path'
import { parseHostId } from '../../../terms/ids.ts'
import { type Domain, LIBVIRT_ERROR } from '../rpc/libvirt.ts'
import { EVENT_KINDS } from '../rpc/events.ts'
import { aFakeDomain, type FakeDomain, type FakeHost, serveHost } from '../rpc/fake-host.ts'
import { FakeCut, FakeRefusal, FakeServer, silence } from '../rpc/fake-server.ts'
import { openLibvirt } from '../rpc/libvirt.ts'
import type { PerformRequest } from '../rpc/migration.ts'
import { DOMAIN_PROCEDURES, type JobStats } from '../rpc/procedures-domain.ts'
import { MIGRATION_PROCEDURES, POST_COPY_PROCEDURES } from '../rpc/procedures-migration.ts'
import type { TypedParameter } from '../rpc/typed-parameters.ts'
import { serveFacts } from './fake-host-facts.ts'
import type { LinkOptions } from './host-link.ts'
import { OPERATION } from './presence.ts'
import type { LibvirtSite } from './sites.ts'

/** How one move goes. `moves` and `fails` wait for `finish`; `reply-lost` does so after the connection of the order was cut; `never-heard` cuts it before
 *  anything is done; `hangs` ends only when it is cancelled. */
export type FakeFate = 'moves' | 'refused' | 'fails' | 'reply-lost' | 'never-heard' | 'hangs' | 'post-copy-breaks'

/** As libvirt says it where it is said: numbers of virDomainState and its reasons. */
export const FAKE_STATE = {
  running: { state: 1, reason: 1 },
  runningMigrated: { state: 1, reason: 2 },
  runningPostCopy: { state: 1, reason: 10 },
  pausedByUser: { state: 3, reason: 1 },
  handingOver: { state: 3, reason: 2 },
  incoming: { state: 3, reason: 11 },
  postCopySource: { state: 3, reason: 12 },
  postCopyFailed: { state: 3, reason: 13 },
  offMigrated: { state: 5, reason: 4 },
} as const

/** What one window of page sampling comes to, in MiB/s; `untold`: it ends without a figure. */
export type FakeWindow = number | 'untold' | 'refused'

type Job = 'out' | 'in' | { readonly operation: number }

/** One host: what its daemon tells, and what a test changes of it. */
export interface FakeSiteHost {
  readonly name: string
  readonly peerUri: string
  readonly path: string
  server: FakeServer
  facts: FakeHost
  readonly jobs: Map<string, Job>
  readonly completed: Map<string, readonly TypedParameter[]>
  readonly transient: Set<string>
  /** virCPUCompareResult of both comparisons: 0 incompatible, 1 identical, 2 superset. */
  cpuResult: number
  freeKib: number
  capabilities: string
  isUp: boolean
  /** Cores that the host keeps busy. */
  busyCores: number
  /** How fast VMs write, by name, in MiB/s: told once it was asked to be measured, of a list the next each time. Without one it is never measured. */
  readonly dirtyRates: Map<string, number | FakeWindow[]>
}

interface FakeMove {
  readonly domain: Domain
  readonly source: FakeSiteHost
  readonly target: FakeSiteHost
  readonly flags: number
  readonly end: (how: 'finish' | 'cancel') => void
  readonly ended: Promise<'finish' | 'cancel'>
}

const UNDEFINE_SOURCE = 1 << 4
const PERSIST_DESTINATION = 1 << 3
const MACHINE = 'pc-q35-7.2'

export const FIGURES: readonly TypedParameter[] = [
  { field: 'operation', value: OPERATION.migrationOut },
  { field: 'time_elapsed', value: 1400n },
  { field: 'downtime', value: 154n },
  { field: 'data_processed', value: 113_246_208n },
  { field: 'memory_iteration', value: 3n },
  { field: 'success', value: true },
]

export class FakeSite {
  readonly hosts: readonly FakeSiteHost[]
  readonly moves: FakeMove[] = []
  /** Of moves to come, in their order; `moves` where there is none. */
  readonly fates: FakeFate[] = []
  /** Orders that came to a daemon. */
  readonly performed: PerformRequest[] = []
  private vms = 0

  private constructor(hosts: readonly FakeSiteHost[]) {
    this.hosts = hosts
  }

  /** @param folder for the sockets */
  static async open(folder: string, count = 2): Promise<FakeSite> {
    const hosts = await Promise.all(Array.from({ length: count }, (_, i) => openHost(folder, `host-${i + 1}`)))
    const site = new FakeSite(hosts)
    for (const host of hosts) site.serve(host)
    return site
  }

  /** As an operator would write it down. */
  get configuration(): LibvirtSite {
    const hosts = this.hosts.map(({ name, path, peerUri }) => ({
      id: parseHostId(name),
      uri: `qemu+unix:///system?socket=${path}`,
      peerUri,
      networks: ['br0'],
    }))
    return { hosts, sharedPaths: ['/srv/shared'], lockManager: 'lockd' }
  }

  /** Leads from peers' URIs to the sockets, and does not wait long. */
  get linkOptions(): LinkOptions {
    const open: typeof openLibvirt = (uri, options) => {
      const host = this.hosts.find(({ peerUri }) => peerUri === uri)
      return openLibvirt(host === undefined ? uri : `qemu+unix:///system?socket=${host.path}`, options)
    }
    return { open, firstWaitMs: 1, probeEveryMs: 20, connectTimeoutMs: 20_000, callTimeoutMs: 20_000 }
  }

  host(name: string): FakeSiteHost {
    const host = this.hosts.find((one) => one.name === name)
    if (host === undefined) throw new Error(`No host ${name} in this site`)
    return host
  }

  /** A VM that runs there. */
  addVm(name: string, on: string, changes: Partial<FakeDomain> & { readonly isTransient?: boolean } = {}): Domain {
    const host = this.host(on)
    const number = ++this.vms
    const uuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
    const domain = { name, uuid, id: number }
    const { isTransient = true, ...fields } = changes
    host.facts.domains.set(uuid, aFakeDomain({ xml: aDomainXml(name, uuid), ...fields, domain }))
    if (isTransient) host.transient.add(uuid)
    return domain
  }

  /** Changes what a host says of a VM. */
  change(name: string, on: string, changes: Partial<FakeDomain>): void {
    const { facts } = this.host(on)
    const found = [...facts.domains.values()].find(({ domain }) => domain.name === name)
    if (found !== undefined) facts.domains.set(found.domain.uuid, { ...found, ...changes })
  }

  /** Where its CPU runs in truth. */
  runsOn(name: string): readonly string[] {
    const runs = ({ facts }: FakeSiteHost): boolean =>
      [...facts.domains.values()].some(({ domain, state }) => domain.name === name && state === 1)
    return this.hosts.filter(runs).map((host) => host.name)
  }

  /** Lets the moves under way come to their end. */
  async finish(): Promise<void> {
    for (const move of this.moves.splice(0)) move.end('finish')
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** The daemon dies; its VMs run on. */
  async kill(name: string): Promise<void> {
    const host = this.host(name)
    host.isUp = false
    await host.server.close()
  }

  async revive(name: string): Promise<void> {
    const host = this.host(name)
    if (host.isUp) return
    host.server = await FakeServer.listen({ path: host.path })
    host.isUp = true
    this.serve(host)
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.filter(({ isUp }) => isUp).map(({ server }) => server.close()))
  }

  private serve(host: FakeSiteHost): void {
    const { server } = host
    const facts = serveHost(server, [...host.facts.domains.values()])
    facts.hostname = host.name
    host.facts = facts
    serveLists(host)
    serveFacts(host)
    server.on(MIGRATION_PROCEDURES.perform, (request) => this.perform(host, request as PerformRequest))
    server.on(MIGRATION_PROCEDURES.abortJob, (domain) => this.abort(host, domain))
    server.on(MIGRATION_PROCEDURES.setMaxDowntime, () => undefined)
    server.on(MIGRATION_PROCEDURES.startDirtyRate, ({ domain }) => this.measure(host, domain))
    server.on(POST_COPY_PROCEDURES.start, ({ domain }) => this.beginPostCopy(host, domain))
  }

  /** At once, as no daemon is: a second passes for the counters that a real one takes a second for. */
  private measure(host: FakeSiteHost, { name, uuid }: Domain): undefined {
    const rates = host.dirtyRates.get(name)
    const rate = Array.isArray(rates) ? rates.shift() : rates
    const stats = host.facts.domains.get(uuid)?.stats ?? []
    if (rate === undefined) return undefined
    if (rate === 'refused') throw new FakeRefusal(LIBVIRT_ERROR.operationInvalid, 'still in progress')
    const start = Number(stats.find(({ field }) => field === 'dirtyrate.calc_start_time')?.value ?? 100)
    const measured: readonly TypedParameter[] = [
      { field: 'dirtyrate.calc_status', value: 2 },
      { field: 'dirtyrate.calc_start_time', value: BigInt(start + 1) },
      ...(rate === 'untold' ? [] : [{ field: 'dirtyrate.megabytes_per_second', value: BigInt(rate) }]),
    ]
    this.change(name, host.name, {
      stats: [...stats.filter(({ field }) => !field.startsWith('dirtyrate.')), ...measured],
    })
    return undefined
  }

  private async perform(source: FakeSiteHost, request: PerformRequest): Promise<Uint8Array> {
    this.performed.push(request)
    const fate = this.fates.shift() ?? 'moves'
    if (fate === 'never-heard') throw new FakeCut()
    if (fate === 'refused') throw new FakeRefusal(LIBVIRT_ERROR.operationFailed, 'migration was refused')
    const target = this.hosts.find(({ peerUri }) => peerUri === request.destinationUri)
    const vm = source.facts.domains.get(request.domain.uuid)
    if (target?.isUp !== true || vm === undefined) {
      throw new FakeRefusal(LIBVIRT_ERROR.systemError, 'unable to connect to server at the destination', 38)
    }
    const { promise: ended, resolve: end } = Promise.withResolvers<'finish' | 'cancel'>()
    const move = { domain: request.domain, source, target, flags: request.flags, end, ended }
    this.moves.push(move)
    source.jobs.set(vm.domain.uuid, 'out')
    target.jobs.set(vm.domain.uuid, 'in')
    const arriving = { ...vm.domain, id: vm.domain.id + 100 }
    target.facts.domains.set(vm.domain.uuid, { ...vm, ...FAKE_STATE.incoming, domain: arriving })
    if (fate === 'reply-lost') {
      this.end(move, fate).catch(() => undefined)
      throw new FakeCut()
    }
    return this.end(move, fate)
  }

  private async end(move: FakeMove, fate: FakeFate): Promise<Uint8Array> {
    const { domain, source, target, flags } = move
    const how = await move.ended
    const isHanging = fate === 'hangs' && how === 'finish'
    if (isHanging) return silence()
    source.jobs.delete(domain.uuid)
    target.jobs.delete(domain.uuid)
    if (how === 'cancel' || fate === 'fails') {
      target.facts.domains.delete(domain.uuid)
      const text = how === 'cancel' ? 'operation aborted: migration out: canceled by client' : 'client socket is closed'
      throw new FakeRefusal(how === 'cancel' ? LIBVIRT_ERROR.operationAborted : LIBVIRT_ERROR.internal, text)
    }
    if (fate === 'post-copy-breaks') {
      this.change(domain.name, source.name, FAKE_STATE.postCopyFailed)
      this.change(domain.name, target.name, FAKE_STATE.runningPostCopy)
      throw new FakeRefusal(LIBVIRT_ERROR.operationFailed, 'job failed in post-copy phase')
    }
    this.change(domain.name, target.name, FAKE_STATE.runningMigrated)
    if ((flags & PERSIST_DESTINATION) === 0) target.transient.add(domain.uuid)
    if (source.transient.delete(domain.uuid) || (flags & UNDEFINE_SOURCE) !== 0) {
      source.facts.domains.delete(domain.uuid)
    } else {
      this.change(domain.name, source.name, { ...FAKE_STATE.offMigrated, domain: { ...domain, id: -1 } })
    }
    source.server.emit(EVENT_KINDS.jobCompleted, { domain, parameters: FIGURES })
    target.completed.set(domain.uuid, FIGURES)
    return new Uint8Array()
  }

  private abort(host: FakeSiteHost, { uuid }: Domain): undefined {
    const at = this.moves.findIndex(({ source, domain }) => source === host && domain.uuid === uuid)
    if (at < 0) throw new FakeRefusal(LIBVIRT_ERROR.operationInvalid, 'no job is active on the domain')
    this.moves.splice(at, 1)[0].end('cancel')
    return undefined
  }

  private beginPostCopy(host: FakeSiteHost, { name, uuid }: Domain): undefined {
    const move = this.moves.find(({ source, domain }) => source === host && domain.uuid === uuid)
    if (move === undefined) throw new FakeRefusal(LIBVIRT_ERROR.operationInvalid, 'no migration')
    this.change(name, host.name, FAKE_STATE.postCopySource)
    this.change(name, move.target.name, FAKE_STATE.runningPostCopy)
    return undefined
  }
}

async function openHost(folder: string, name: string): Promise<FakeSiteHost> {
  const path = join(folder, name)
  const server = await FakeServer.listen({ path })
  return {
    name,
    path,
    peerUri: `qemu+tcp://${name}.invalid/system`,
    server,
    facts: serveHost(server, []),
    jobs: new Map(),
    completed: new Map(),
    transient: new Set(),
    cpuResult: 1,
    freeKib: 16_777_216,
    capabilities: aCapabilitiesXml([MACHINE]),
    isUp: true,
    busyCores: 0.5,
    dirtyRates: new Map(),
  }
}

function serveLists(host: FakeSiteHost): void {
  const all = (): readonly FakeDomain[] => [...host.facts.domains.values()]
  host.server.on(DOMAIN_PROCEDURES.listAll, ({ flags }) => {
    const isWanted = ({ domain, state }: FakeDomain): boolean =>
      ((flags & 1) === 0 || domain.id >= 0) &&
      ((flags & 4) === 0 || !host.transient.has(domain.uuid)) &&
      ((flags & 16) === 0 || state === 1)
    const domains = all()
      .filter(isWanted)
      .map(({ domain }) => domain)
    return { domains, count: domains.length }
  })
  host.server.on(DOMAIN_PROCEDURES.allStats, ({ flags }) =>
    all()
      .filter(({ domain }) => (flags & 1) === 0 || domain.id >= 0)
      .map(({ domain, state, reason, stats }) => ({
        domain,
        parameters: [
          { field: 'state.state', value: state },
          { field: 'state.reason', value: reason },
          ...stats.filter(({ field }) => !field.startsWith('state.')),
        ],
      })),
  )
  host.server.on(DOMAIN_PROCEDURES.jobStats, ({ domain, flags }) => jobStats(host, domain, (flags & 1) !== 0))
}

function jobStats({ jobs, completed, facts }: FakeSiteHost, { uuid }: Domain, isCompleted: boolean): JobStats {
  if (!facts.domains.has(uuid)) throw new FakeRefusal(LIBVIRT_ERROR.noDomain, `Domain not found: ${uuid}`)
  if (isCompleted) return { type: completed.has(uuid) ? 3 : 0, parameters: completed.get(uuid) ?? [] }
  const job = jobs.get(uuid)
  if (job === undefined) return { type: 0, parameters: [] }
  if (job === 'in') {
    throw new FakeRefusal(
      LIBVIRT_ERROR.operationUnsupported,
      'migration statistics are available only on the source host',
    )
  }
  if (job !== 'out') return { type: 2, parameters: [{ field: 'operation', value: job.operation }] }
  const parameters = [
    { field: 'operation', value: OPERATION.migrationOut },
    { field: 'time_elapsed', value: 700n },
    { field: 'data_processed', value: 56_623_104n },
    { field: 'data_remaining', value: 56_623_104n },
    { field: 'memory_iteration', value: 1n },
    { field: 'memory_bps', value: 117_000_000n },
    { field: 'memory_dirty_rate', value: 2500n },
    { field: 'memory_page_size', value: 4096n },
    { field: 'auto_converge_throttle', value: 20 },
  ]
  return { type: 2, parameters }
}

/** @param machines that the host's QEMU knows */
export function aCapabilitiesXml(machines: readonly string[]): string {
  const known = machines.map((machine) => `<machine maxCpus='288'>${machine}</machine>`).join('')
  const arch = `<arch name='x86_64'><wordsize>64</wordsize>${known}<domain type='qemu'/></arch>`
  const cpu = '<cpu><arch>x86_64</arch><model>EPYC</model></cpu>'
  return `<capabilities><host>${cpu}</host><guest><os_type>hvm</os_type>${arch}</guest></capabilities>`
}

export interface DomainXmlParts {
  /** Beside the ones that every VM here has: a disk on shared storage and a card on br0. */
  readonly devices?: string
  /** At the top, like metadata. */
  readonly more?: string
  readonly cpu?: string
}

/** As libvirt describes a running VM, in short. */
export function aDomainXml(name: string, uuid: string, { devices = '', more = '', cpu }: DomainXmlParts = {}): string {
  const disk = `<disk type='file' device='disk'><source file='/srv/shared/${name}.raw'/><target dev='vda'/></disk>`
  const card = "<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>"
  const model = cpu ?? "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>EPYC</model></cpu>"
  const parts = [
    `<name>${name}</name><uuid>${uuid}</uuid>`,
    "<memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>1048576</currentMemory><vcpu>2</vcpu>",
    `<os><type arch='x86_64' machine='${MACHINE}'>hvm</type></os>`,
    model,
    `<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${disk}${card}${devices}</devices>`,
  ]
  return `<domain type='qemu' id='1'>${parts.join('')}${more}</domain>`
}
