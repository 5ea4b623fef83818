import { type HostCharacteristics, hostCapacityRefCores } from '../terms/host.ts'
import { DAY_MS, type EpochMs, type Fraction, JOULES_PER_KWH } from '../terms/units.ts'
import { isOverloaded, unserved } from './contention.ts'
import type { EnergyMeter } from './energy-meter.ts'
import type { HostPower } from './host-power.ts'
import type { Copy } from './migration-physics.ts'
import { COPY_SLOWDOWN } from './migration-physics.ts'
import type { SimulationRules } from './rules.ts'

/** What a run came to. */
export interface Figures {
  readonly energyKwh: number
  /** SLATAH: share of active host time in which demand exceeded capacity. */
  readonly overloadTimeFraction: Fraction
  /** Demand above capacity over all demand. */
  readonly unservedFraction: Fraction
  /** PDM: demand lost to running migrations over all demand. */
  readonly migrationDegradationFraction: Fraction
  readonly migrations: number
  readonly migrationsPerVmDay: number
  readonly copiedBytes: number
  /** `by-demand`: hosts with demand, `by-state`: hosts that are on; mean over the samples. */
  readonly hostsOnMean: number
}

/** What a run has come to so far, as sums that only rise: what lies between two looks is a span's own. */
export interface Totals {
  readonly joules: number
  /** Demand above capacity, in reference-core seconds. */
  readonly unserved: number
  /** Seconds of hosts with demand, and of these with more than they have. */
  readonly activeSeconds: number
  readonly overloadSeconds: number
  readonly migrations: number
}

interface AccountSetup {
  readonly hosts: readonly HostCharacteristics[]
  readonly rules: SimulationRules
  readonly stepMs: number
  readonly meter: EnergyMeter
  readonly power: HostPower
}

/** Adds up what a run costs and what its VMs suffer. Times are in seconds, demand in reference cores. */
export class Account {
  /** 1 for each host that counted as on at the latest sample. */
  readonly hostOn: Uint8Array
  private readonly setup: AccountSetup
  private readonly capacity: Float64Array
  private readonly stepSeconds: number
  private samples = 0
  private activeSeconds = 0
  private overloadSeconds = 0
  private requested = 0
  private unserved = 0
  private lostToCopies = 0
  private hostsOn = 0
  private vmSamples = 0
  private migrations = 0
  private copiedBytes = 0

  constructor(setup: AccountSetup) {
    this.setup = setup
    this.hostOn = new Uint8Array(setup.hosts.length)
    this.capacity = Float64Array.from(setup.hosts, hostCapacityRefCores)
    this.stepSeconds = setup.stepMs / 1000
  }

  /** One sample: the demand of each host stands for the step that begins, power for the one that ends. */
  takeSample(at: EpochMs, hostDemand: Float64Array, total: { readonly demand: number; readonly vms: number }): void {
    const { power, meter, stepMs, rules } = this.setup
    const isByState = rules.hostPower === 'by-state'
    const isFirst = this.samples === 0
    for (let host = 0; host < hostDemand.length; host++) {
      const demand = hostDemand[host]
      const watts = power.wattsOf(host, demand / this.capacity[host])
      if (isFirst) meter.begin(host, at - stepMs, watts)
      meter.charge(host, at, watts)
      this.hostOn[host] = (isByState ? power.isReady(host) : demand > 0) ? 1 : 0
      this.hostsOn += this.hostOn[host]
      if (demand > 0) this.takeLoad(host, demand, power.absentMs(host, at, stepMs) / 1000)
    }
    this.requested += total.demand * this.stepSeconds
    this.vmSamples += total.vms
    this.samples++
  }

  get totals(): Totals {
    const { unserved, activeSeconds, overloadSeconds, migrations } = this
    return { joules: this.setup.meter.joules, unserved, activeSeconds, overloadSeconds, migrations }
  }

  /** A migration counts from now on. */
  countMigration(): void {
    this.migrations++
  }

  /** What a copy, or the `share` of it that was made, sent and took from its VM, which is not served at all while it
   *  is down. */
  chargeCopy(copy: Copy, demand: number, share: Fraction = 1): void {
    this.copiedBytes += copy.copiedBytes * share
    this.lostToCopies += lostTo(copy, demand) * share
  }

  /** The sum so far, with the part of the copies still under way. */
  figures(underWay: readonly { readonly copy: Copy; readonly demand: number; readonly share: Fraction }[]): Figures {
    let { copiedBytes, lostToCopies } = this
    for (const { copy, demand, share } of underWay) {
      copiedBytes += copy.copiedBytes * share
      lostToCopies += lostTo(copy, demand) * share
    }
    const vmDays = (this.vmSamples * this.setup.stepMs) / DAY_MS
    return {
      energyKwh: this.setup.meter.joules / JOULES_PER_KWH,
      overloadTimeFraction: ratio(this.overloadSeconds, this.activeSeconds),
      unservedFraction: ratio(this.unserved, this.requested),
      migrationDegradationFraction: ratio(lostToCopies, this.requested),
      migrations: this.migrations,
      migrationsPerVmDay: ratio(this.migrations, vmDays),
      copiedBytes,
      hostsOnMean: ratio(this.hostsOn, this.samples),
    }
  }

  private takeLoad(host: number, demand: number, absentSeconds: number): void {
    const capacity = this.capacity[host]
    const presentSeconds = this.stepSeconds - absentSeconds
    this.activeSeconds += this.stepSeconds
    this.unserved += unserved(demand, capacity) * presentSeconds + demand * absentSeconds
    this.overloadSeconds += isOverloaded(demand, capacity) ? this.stepSeconds : absentSeconds
  }
}

/** Reference-core seconds. CloudSim's copy has no downtime, so this is its tenth of demand for the length of the
 *  copy. */
function lostTo(copy: Copy, demand: number): number {
  const copyingSeconds = (copy.durationMs - copy.downtimeMs) / 1000
  return COPY_SLOWDOWN * demand * copyingSeconds + demand * (copy.downtimeMs / 1000)
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0
}
