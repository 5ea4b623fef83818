import type { HostId, OrderId, VmId } from '../terms/ids.ts'
import type { MigrationIntent, MoveProgress, Sighting } from '../terms/intent.ts'
import type { Luck } from '../terms/luck.ts'
import { GiB, MINUTE_MS, SECOND_MS } from '../terms/units.ts'
import { HypervisorError } from '../world/errors.ts'
import type { CallEnd, HostListing, MigrationDriver, MoveCall, Preflight } from '../world/migration-driver.ts'
import { ImaginedMachines } from './imagined-machines.ts'
import { ImaginedMigration, type MigrationCourse } from './imagined-migration.ts'
import type { StagedClock } from './staged-clock.ts'

/** What the platform does with the next call that moves. `lost-before`: it never hears it, and no answer comes. `lost-after`: it does it, sooner or
 *  later, and no answer comes. `queued`: it says yes at once and begins later. `liar`: it says yes whatever comes of it. `refusing`: it says no. `deaf`:
 *  the call hangs. `late`: it holds the call back beyond any time, and answers when it has done it. A process that died meanwhile can't know of that one, so
 *  it is none that luck draws. */
export const CALL_MANNERS = ['plain', 'lost-before', 'lost-after', 'queued', 'liar', 'refusing', 'deaf'] as const
export type CallManner = (typeof CALL_MANNERS)[number] | 'late'

export interface ImaginedPlatformOptions {
  readonly clock: StagedClock
  readonly hosts: readonly HostId[]
  /** Where each VM runs at the beginning. */
  readonly placed: ReadonlyMap<VmId, HostId>
  readonly luck: Luck
  readonly courseOf?: (intent: MigrationIntent) => MigrationCourse
  readonly mannerOf?: (intent: MigrationIntent) => CallManner
}

/** From order until a queueing platform begins. */
const QUEUED_MS = 20 * SECOND_MS
/** A call that the platform holds back begins after so long: beyond its time and five minutes. */
const HELD_BACK_MS = 8 * MINUTE_MS
const LATENCY_MS_MOST = 40
/** A call of which no answer comes begins within this. */
const LATE_MS_MOST = 30 * SECOND_MS

/** A platform that moves VMs in staged time, with everything that can go wrong, and with the truth of where each VM executes. It sends twice what it is
 *  asked twice, so that a test sees it. */
export class ImaginedPlatform implements MigrationDriver {
  readonly name = 'imagined platform'
  readonly machines: ImaginedMachines
  /** Calls that reached the driver, by order. */
  readonly calls = new Map<OrderId, number>()
  /** Migrations that the platform began, by order. */
  readonly tasks = new Map<OrderId, number>()
  /** Verbs asked for, in all. */
  readonly verbs = new Map<string, number>()
  readonly migrations: ImaginedMigration[] = []
  refusals: Preflight = { refusals: [], warnings: [] }
  private readonly options: ImaginedPlatformOptions
  private highestFence = 0

  constructor(options: ImaginedPlatformOptions) {
    this.options = options
    this.machines = new ImaginedMachines(options.hosts)
    for (const [vm, host] of options.placed) this.machines.put(host, vm, 'running')
  }

  async list(): Promise<readonly HostListing[]> {
    await this.answer('list')
    return this.machines.hosts.map((hostId) => {
      if (!this.machines.canBeAsked(hostId)) return { kind: 'unreachable', hostId, reason: 'no answer' }
      const vms = this.machines.vmsOn(hostId).map((vmId) => ({ vmId, sighting: this.lookAt(vmId, hostId) }))
      return { kind: 'listed', hostId, vms }
    })
  }

  async observe(vmId: VmId, hostId: HostId): Promise<Sighting> {
    await this.answer('observe')
    if (this.machines.canBeAsked(hostId)) return this.lookAt(vmId, hostId)
    return { kind: 'unreachable', at: this.options.clock.now(), reason: 'no answer' }
  }

  async preflight(intent: MigrationIntent): Promise<Preflight> {
    await this.answer('preflight')
    this.mustAnswer(intent.order.from)
    return this.refusals
  }

  async migrate(intent: MigrationIntent, fence: number, objection?: () => string | undefined): Promise<MoveCall> {
    const { order } = intent
    this.verbs.set('migrate', (this.verbs.get('migrate') ?? 0) + 1)
    if (fence < this.highestFence)
      return { kind: 'never-sent', reason: `Fence ${fence} is below ${this.highestFence}.` }
    this.highestFence = fence
    this.calls.set(order.id, (this.calls.get(order.id) ?? 0) + 1)
    await this.sleep(this.options.luck.fraction() * LATENCY_MS_MOST)
    if (!this.machines.canBeAsked(order.from)) return { kind: 'never-sent', reason: `${order.from} gives no answer.` }
    const reason = objection?.()
    if (reason !== undefined) return { kind: 'never-sent', reason }
    return this.carryOut(intent)
  }

  async progress(vmId: VmId, hostId: HostId): Promise<MoveProgress | undefined> {
    await this.answer('progress')
    this.mustAnswer(hostId)
    return this.underWay(vmId, hostId)?.progress()
  }

  async cancel(vmId: VmId, hostId: HostId): Promise<void> {
    await this.answer('cancel')
    this.mustAnswer(hostId)
    this.underWay(vmId, hostId)?.abort()
  }

  async close(): Promise<void> {
    await Promise.resolve()
  }

  /** A process dies: the VM's on one host. */
  killProcess(host: HostId, vm: VmId): void {
    this.machines.remove(host, vm)
    this.reactAll()
  }

  killHost(host: HostId): void {
    this.machines.turnOff(host)
    this.reactAll()
  }

  restoreHost(host: HostId): void {
    this.machines.turnOn(host)
  }

  restartDaemon(host: HostId, forMs: number): void {
    this.silenceFor(host, forMs)
    for (const migration of this.migrations) migration.daemonRestarted(host)
  }

  /** Only we can't reach it. */
  silenceFor(host: HostId, forMs: number): void {
    this.machines.silence(host, 1)
    this.options.clock.in(forMs, () => this.machines.silence(host, -1))
  }

  cutLinkFor(a: HostId, b: HostId, forMs: number): void {
    this.machines.cutLink(a, b)
    this.options.clock.in(forMs, () => this.machines.mendLink(a, b))
  }

  /** A person, or another balancer, moves it in an instant. */
  moveByHand(vm: VmId, to: HostId): void {
    for (const host of this.machines.hosts) this.machines.remove(host, vm)
    this.machines.put(to, vm, 'running')
  }

  private carryOut(intent: MigrationIntent): MoveCall {
    const manner = this.options.mannerOf?.(intent) ?? 'plain'
    const { promise: ended, resolve } = Promise.withResolvers<CallEnd>()
    const tell = (end: CallEnd): void =>
      this.options.clock.in(this.options.luck.fraction() * LATENCY_MS_MOST, () => resolve(end))
    const lost: CallEnd = { kind: 'unknown', reason: 'the connection was lost' }
    switch (manner) {
      case 'plain':
        this.begin(intent, tell)
        break
      case 'lost-before':
        tell(lost)
        break
      case 'lost-after':
        this.options.clock.in(this.options.luck.fraction() * LATE_MS_MOST, () => this.begin(intent, () => undefined))
        tell(lost)
        break
      case 'queued':
        tell({ kind: 'succeeded', reason: 'queued' })
        this.options.clock.in(QUEUED_MS, () => this.begin(intent, () => undefined))
        break
      case 'liar':
        this.begin(intent, () => tell({ kind: 'succeeded', reason: 'migration completed' }))
        break
      case 'refusing':
        tell({ kind: 'failed', reason: 'unsupported configuration' })
        break
      case 'late':
        this.options.clock.in(HELD_BACK_MS, () => this.begin(intent, tell))
        break
      case 'deaf':
        this.begin(intent, () => undefined)
        break
    }
    return { kind: 'sent', ended }
  }

  private begin(intent: MigrationIntent, onEnd: (end: CallEnd) => void): void {
    const { id, vmId, from, to } = intent.order
    const { machines } = this
    if (machines.at(from, vmId)?.presence !== 'running' || !machines.areLinked(from, to)) {
      onEnd({ kind: 'failed', reason: `${vmId} does not run on ${from}, or ${to} can't be reached` })
      return
    }
    this.tasks.set(id, (this.tasks.get(id) ?? 0) + 1)
    const course = this.options.courseOf?.(intent) ?? this.plainCourse(intent)
    const world = { machines, clock: this.options.clock, onEnd }
    this.migrations.push(new ImaginedMigration({ vm: vmId, from, to }, course, world))
  }

  private plainCourse({ terms }: MigrationIntent): MigrationCourse {
    const { luck } = this.options
    const course = {
      bytes: GiB,
      copyMs: 1000 + luck.fraction() * 20 * SECOND_MS,
      downtimeMs: 20 + luck.fraction() * 300,
      finishMs: 20 + luck.fraction() * 500,
      isStuck: false,
    }
    return terms.mode === 'postcopy' ? { ...course, postCopyMs: 500 + luck.fraction() * 5000 } : course
  }

  private underWay(vmId: VmId, hostId: HostId): ImaginedMigration | undefined {
    return this.migrations.find(({ vm, from, phase }) => vm === vmId && from === hostId && phase !== 'over')
  }

  private lookAt(vmId: VmId, hostId: HostId): Extract<Sighting, { kind: 'seen' }> {
    const held = this.machines.at(hostId, vmId)
    const presence = held?.presence ?? 'absent'
    return { kind: 'seen', at: this.options.clock.now(), presence, hasJob: held?.hasJob ?? false, detail: presence }
  }

  private reactAll(): void {
    for (const migration of this.migrations) migration.react()
  }

  private mustAnswer(host: HostId): void {
    if (!this.machines.canBeAsked(host)) throw new HypervisorError('unreachable', `${host} gives no answer.`)
  }

  private async answer(verb: string): Promise<void> {
    this.verbs.set(verb, (this.verbs.get(verb) ?? 0) + 1)
    await this.sleep(this.options.luck.fraction() * LATENCY_MS_MOST)
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.options.clock.in(ms, resolve)
    })
  }
}
