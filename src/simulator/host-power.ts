import type { HostState } from '../terms/cluster.ts'
import { type HostCharacteristics, wattsAt } from '../terms/host.ts'
import type { EpochMs, Fraction } from '../terms/units.ts'
import type { EnergyMeter } from './energy-meter.ts'
import type { EventQueue } from './event-queue.ts'
import type { SimulationRules } from './rules.ts'

const STATES = ['off', 'starting', 'on', 'stopping'] as const satisfies readonly HostState[]
const [OFF, STARTING, ON, STOPPING] = [0, 1, 2, 3]

interface PowerSetup {
  readonly hosts: readonly HostCharacteristics[]
  readonly rules: SimulationRules
  readonly isPowerAware: boolean
  readonly meter: EnergyMeter
  readonly events: EventQueue
  /** VMs on each host and on their way to it. */
  readonly occupants: Int32Array
  /** A host has come on. */
  readonly onReady: (host: number, at: EpochMs) => void
}

/** Which hosts are on, and what switching them takes. */
export class HostPower {
  private readonly setup: PowerSetup
  private readonly state: Uint8Array
  /** When the switching under way ends. */
  private readonly readyAt: Float64Array
  private readonly isByState: boolean

  constructor(setup: PowerSetup) {
    this.setup = setup
    this.state = new Uint8Array(setup.hosts.length)
    this.readyAt = new Float64Array(setup.hosts.length)
    this.isByState = setup.rules.hostPower === 'by-state'
  }

  /** The state of things at the start: hosts with VMs are on, and so are all if nobody cares for power. */
  begin(): void {
    const { occupants, isPowerAware } = this.setup
    for (let host = 0; host < this.state.length; host++) {
      this.state[host] = occupants[host] > 0 || !isPowerAware ? ON : OFF
    }
  }

  stateOf(host: number): HostState {
    if (this.isByState) return STATES[this.state[host]]
    return this.setup.occupants[host] > 0 || !this.setup.isPowerAware ? 'on' : 'off'
  }

  /** VMs can run and be copied here now. */
  isReady(host: number): boolean {
    return !this.isByState || this.state[host] === ON
  }

  /** How much of the `windowMs` from `at` the host will not run its VMs because it is still coming on. */
  absentMs(host: number, at: EpochMs, windowMs: number): number {
    if (this.isReady(host)) return 0
    const turningBackMs = this.state[host] === STOPPING ? this.setup.rules.powerOnMs : 0
    return Math.min(windowMs, Math.max(0, this.readyAt[host] - at + turningBackMs))
  }

  /** Watts at a load, in the state the host is in. */
  wattsOf(host: number, load: Fraction): number {
    const curve = this.setup.hosts[host].powerWatts
    if (!this.setup.isPowerAware) return curve[10]
    if (!this.isByState) return load <= 0 ? 0 : wattsAt(curve, load)
    if (this.state[host] === OFF) return 0
    return this.state[host] === ON ? wattsAt(curve, load) : curve[10]
  }

  /** Someone is going to need the host. One that is going off finishes that first, and then finds that it has
   *  occupants. */
  wake(host: number, at: EpochMs): void {
    if (this.isByState && this.state[host] === OFF) this.start(host, at)
  }

  /** Switches off what stands empty. */
  stopEmpty(at: EpochMs): void {
    if (!this.isByState || !this.setup.isPowerAware) return
    const { occupants, meter, events, hosts, rules } = this.setup
    for (let host = 0; host < this.state.length; host++) {
      if (this.state[host] !== ON || occupants[host] > 0) continue
      const fullWatts = hosts[host].powerWatts[10]
      meter.charge(host, at, hosts[host].powerWatts[0], fullWatts)
      this.state[host] = STOPPING
      this.readyAt[host] = at + rules.powerOffMs
      events.schedule(at + rules.powerOffMs, (offAt) => this.finishStopping(host, offAt))
    }
  }

  private start(host: number, at: EpochMs): void {
    const { meter, events, hosts, rules } = this.setup
    meter.charge(host, at, 0, hosts[host].powerWatts[10])
    this.state[host] = STARTING
    this.readyAt[host] = at + rules.powerOnMs
    events.schedule(this.readyAt[host], (onAt) => this.finishStarting(host, onAt))
  }

  private finishStarting(host: number, at: EpochMs): void {
    const curve = this.setup.hosts[host].powerWatts
    this.setup.meter.charge(host, at, curve[10], curve[0])
    this.state[host] = ON
    this.setup.onReady(host, at)
  }

  private finishStopping(host: number, at: EpochMs): void {
    this.setup.meter.charge(host, at, this.setup.hosts[host].powerWatts[10], 0)
    this.state[host] = OFF
    if (this.setup.occupants[host] > 0) this.start(host, at)
  }
}
