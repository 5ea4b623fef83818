import { HOST_UNKNOWN, type Inventory } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import type { VmId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import type { Policy } from '../terms/policy.ts'
import type { Verdict } from '../terms/ranking.ts'
import type { DemandSeries } from '../terms/trace.ts'
import type { PlacementRequest } from '../terms/turn.ts'
import type { EpochMs } from '../terms/units.ts'
import type { Clock } from '../world/clock.ts'
import { HypervisorError } from '../world/errors.ts'
import type { Hypervisor } from '../world/hypervisor.ts'
import type { Telemetry, TelemetrySource } from '../world/telemetry-source.ts'
import { Account, type Figures, type Totals } from './account.ts'
import { sumDemand } from './contention.ts'
import { EnergyMeter } from './energy-meter.ts'
import { EventQueue } from './event-queue.ts'
import { HostPower } from './host-power.ts'
import type { CopyActivity } from './migration-physics.ts'
import { type MigrationStart, Migrations, type SimulatedMove } from './migrations.ts'
import { OrderDesk } from './order-desk.ts'
import { Placement } from './placement.ts'
import { Roster } from './roster.ts'
import type { SimulationRules } from './rules.ts'
import { SampleReader } from './sample-reader.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What to imagine. */
export interface SimulationOptions {
  readonly demand: DemandSeries
  readonly hosts: readonly HostCharacteristics[]
  readonly rules: SimulationRules
  readonly seed: number
  /** Chooses the first host of every VM, from sizes alone: called at step 0 and whenever VMs arrive. */
  readonly placeNew: (request: PlacementRequest) => Int32Array
  readonly policy: Policy
  /** False: every host is on and draws full watts all the time. Absent: true. */
  readonly isPowerAware?: boolean
  /** Called after the account of each sample; step 0 is taken within the constructor. */
  readonly onStep?: (step: StepView) => void
  /** Called when a copy starts. */
  readonly onMigrationStart?: (start: MigrationStart) => void
}

/** The imagined world at a sample. The arrays are reused from step to step: copy what you keep. */
export interface StepView {
  readonly step: number
  readonly at: EpochMs
  /** Index of the host on which each VM's demand counts, by row of the trace; -1 while it does not live. */
  readonly hostOf: Int32Array
  /** Demand of each host in reference cores. */
  readonly hostDemand: Float64Array
  /** 1 for each host that counts as on. */
  readonly hostOn: Uint8Array
  /** The account up to this sample: demand stands for the step that begins with it, energy for the one that ends. */
  readonly totals: Totals
}

/** A cluster that lives through a recorded demand: the world's interfaces over virtual time, which begins at 0 with the
 *  first sample. At one instant, first ends what ends, then VMs go and come, then the sample is taken; a turn comes
 *  after. */
export class Simulation implements Hypervisor, TelemetrySource, Clock {
  readonly name = 'simulator'
  /** Host of each VM when it came, by row of the trace; -1 for a VM that has not lived. */
  readonly initialPlacement: Int32Array
  private readonly options: SimulationOptions
  private readonly clock: VirtualClock
  private readonly events = new EventQueue()
  private readonly roster: Roster
  private readonly placement: Placement
  private readonly power: HostPower
  private readonly account: Account
  private readonly migrations: Migrations
  private readonly desk: OrderDesk
  private readonly reader: SampleReader
  private readonly hostDemand: Float64Array
  private nextStep = 0

  constructor(options: SimulationOptions) {
    const { demand, hosts, rules, seed, onMigrationStart, isPowerAware = true } = options
    const { events } = this
    this.options = options
    this.initialPlacement = new Int32Array(demand.vms.length).fill(HOST_UNKNOWN)
    this.hostDemand = new Float64Array(hosts.length)
    this.roster = new Roster(demand)
    this.reader = new SampleReader(demand)
    this.placement = new Placement(demand.vms, hosts.length)
    const { placement } = this
    const meter = new EnergyMeter(hosts.length)
    const { occupants } = placement
    const onReady = (host: number, at: EpochMs) => this.migrations.startWaiting(host, at)
    this.power = new HostPower({ hosts, rules, isPowerAware, meter, events, occupants, onReady })
    const { power } = this
    this.account = new Account({ hosts, rules, stepMs: demand.stepMs, meter, power })
    const { account } = this
    const activityOf = (vm: number, at: EpochMs): CopyActivity => this.reader.activityOf(vm, at)
    const { vms } = demand
    const physics = { rules, seed, activityOf, onMigrationStart }
    this.migrations = new Migrations({ vms, hosts, placement, power, account, events, ...physics })
    this.desk = new OrderDesk({ vms, hosts, rules, placement, migrations: this.migrations })
    this.clock = new VirtualClock(0, (until, tick) => this.liveThrough(until, tick))
    this.takeSample()
  }

  now(): EpochMs {
    return this.clock.now()
  }

  sleepUntil(at: EpochMs): Promise<void> {
    return this.clock.sleepUntil(at)
  }

  inventory(): Promise<Inventory> {
    return Promise.resolve({ ...this.look(), ended: this.migrations.takeEnded() })
  }

  async read(inventory: Inventory): Promise<Telemetry> {
    const samples = this.reader.read(inventory.vms, this.roster, this.now())
    return { samples, personalities: [] }
  }

  async preflight(order: MigrationOrder): Promise<Verdict> {
    const answer = this.desk.check(order)
    return answer.kind === 'refused' ? answer.verdict : { kind: 'fits' }
  }

  async begin(order: MigrationOrder): Promise<void> {
    if (this.migrations.isAccepted(order.id)) return
    const answer = this.desk.check(order)
    if (answer.kind === 'refused') throw new HypervisorError(answer.code, answer.verdict.reason)
    this.migrations.accept(order, answer.route, this.now())
  }

  async cancel(vmId: VmId): Promise<void> {
    const vm = this.desk.rowOf(vmId)
    if (vm !== undefined) this.migrations.giveUp(vm, 'cancelled', this.now())
  }

  /** What the run has come to so far. */
  figures(): Figures {
    return this.migrations.figures(this.now())
  }

  /** Migrations that count in the figures, in order; also those given up after their copy began. */
  get moves(): readonly SimulatedMove[] {
    return this.migrations.moves
  }

  private liveThrough(until: EpochMs, tick: (at: EpochMs) => void): void {
    const { stepMs, steps } = this.options.demand
    for (;;) {
      const sampleAt = this.nextStep < steps ? this.nextStep * stepMs : Infinity
      const eventAt = this.events.nextAt()
      const next = Math.min(sampleAt, eventAt)
      if (next > until) return
      tick(next)
      if (eventAt <= sampleAt) this.events.happenNext()
      else this.takeSample()
    }
  }

  private takeSample(): void {
    const { demand, onStep } = this.options
    const step = this.nextStep++
    const at = step * demand.stepMs
    const { migrations, hostDemand, account, power } = this
    migrations.countStarted()
    this.comeAndGo(step, at)
    if (step === 0) power.begin()
    const cpu = this.reader.cpuAt(step)
    const total = sumDemand(migrations.countedOn, cpu, hostDemand)
    account.takeSample(at, hostDemand, { demand: total, vms: this.roster.vms.length })
    const { hostOn, totals } = account
    onStep?.({ step, at, hostOf: migrations.countedOn, hostDemand, hostOn, totals })
    power.stopEmpty(at)
  }

  private comeAndGo(step: number, at: EpochMs): void {
    const { leaving, coming } = this.roster.advance(step)
    for (const vm of leaving) {
      this.migrations.giveUp(vm, 'failed', at)
      this.placement.depart(vm)
      this.migrations.countedOn[vm] = HOST_UNKNOWN
    }
    if (coming.length > 0) this.placeComing(coming, { at, isFirst: step === 0 })
  }

  private placeComing(coming: Int32Array, when: { readonly at: EpochMs; readonly isFirst: boolean }): void {
    const { demand, policy, placeNew } = this.options
    const { rows } = this.roster
    const placeOf = new Map<number, number>()
    rows.forEach((row, place) => placeOf.set(row, place))
    const newVms = Int32Array.from(coming, (row) => placeOf.get(row) ?? HOST_UNKNOWN)
    const hostOf = placeNew({ inventory: this.look(), newVms, policy })
    coming.forEach((row, i) => {
      const host = this.desk.checkFirstHost(demand.vms[row], hostOf[i])
      this.placement.arrive(row, host)
      this.migrations.countedOn[row] = host
      this.initialPlacement[row] = host
      if (!when.isFirst) this.power.wake(host, when.at)
    })
  }

  private look(): Inventory {
    const { hosts } = this.options
    const { rows, vms, isFull } = this.roster
    const { hostOf } = this.placement
    return {
      at: this.now(),
      hosts,
      hostStates: hosts.map((_, host) => this.power.stateOf(host)),
      vms,
      hostOf: isFull ? hostOf.slice() : rows.map((row) => hostOf[row]),
      migrations: this.migrations.list(),
      ended: [],
    }
  }
}
