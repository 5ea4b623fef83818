/** What a site's safety policy still leaves in this turn: concurrency, moves of the last hour, hosts that have not settled. Planned moves are counted as
 *  they are decided. */
import type { SafetyPolicy } from '../../terms/policy.ts'
import type { MigrationInFlight } from '../../terms/cluster.ts'
import type { MoveClass } from '../../terms/move.ts'
import type { Observation } from '../../terms/turn.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { EngineState, MoveLogEntry } from '../state.ts'

/** Links from here on are fast (10 Gbit/s), in bytes per second. */
export const FAST_LINK_BYTES_PER_SEC = 1.25e9

/** Classes of moves that nobody asks for. What is for energy comes last. */
export type VoluntaryClass = 'contention' | 'energy'

/** Moves that people or an emptied host ask for: their budget is another one. */
export function isAskedFor(moveClass: MoveClass | undefined): boolean {
  return moveClass === 'evacuation' || moveClass === 'operator'
}

/** Moves within an hour in the whole cluster: the number, or the share of its VMs if that is less; one at least. */
export function clusterHourMax(
  { movesPerClusterHourMax, movesShareHourMax }: Pick<SafetyPolicy, 'movesPerClusterHourMax' | 'movesShareHourMax'>,
  vms: number,
): number {
  return Math.min(movesPerClusterHourMax, Math.max(1, Math.floor(movesShareHourMax * vms)))
}

/** The same of moves for energy: no more than half of it, one at least, so that there is always something left for hosts that suffer. */
export function energyHourMax(safety: SafetyPolicy, vms: number): number {
  return energyPartMax(safety.energyMovesPerClusterHourMax, clusterHourMax(safety, vms))
}

/** Of so many moves within an hour, those that may be for energy. */
export function energyPartMax(energyMost: number, hourMax: number): number {
  return Math.min(energyMost, Math.max(1, Math.floor(hourMax / 2)))
}

/** Migrations that a host's link takes at a time, in and out together. */
export function linkMax({ migrationsPerSlowLinkMax }: SafetyPolicy, networkBytesPerSec: number): number {
  return networkBytesPerSec < FAST_LINK_BYTES_PER_SEC ? migrationsPerSlowLinkMax : Infinity
}

/** Moves of the last hour of one class. */
interface Hour {
  readonly ofHost: Uint16Array
  ofCluster: number
}

/** Each class of moves has a budget of its own: evacuations, what people order, and voluntary moves, of which those for energy may take a part. */
export class Budgets {
  private readonly safety: SafetyPolicy
  private readonly hourMax: number
  private readonly energyMax: number
  private readonly linkMax: Float64Array
  /** Migrations of each host, under way and planned. */
  private readonly copies: Uint16Array
  private readonly outbound: Uint16Array
  private flights = 0
  private readonly hours: Readonly<Record<MoveClass, Hour>>
  /** Instant from which each host may receive; Infinity while somebody is on the way to it. */
  private readonly settledAt: Float64Array
  private readonly at: number

  constructor(safety: SafetyPolicy, state: EngineState, { at, inventory, samples }: Observation) {
    const { hosts, vms, migrations } = inventory
    this.safety = safety
    this.at = at
    this.hourMax = clusterHourMax(safety, vms.length)
    this.energyMax = energyHourMax(safety, vms.length)
    this.linkMax = Float64Array.from(hosts, ({ networkBytesPerSec }) => linkMax(safety, networkBytesPerSec))
    this.copies = new Uint16Array(hosts.length)
    this.outbound = new Uint16Array(hosts.length)
    const hour = (): Hour => ({ ofHost: new Uint16Array(hosts.length), ofCluster: 0 })
    this.hours = { evacuation: hour(), operator: hour(), contention: hour(), energy: hour() }
    this.settledAt = new Float64Array(hosts.length).fill(-Infinity)
    for (const entry of state.moveLog) this.countLogged(entry, state, samples.windowMs)
    for (const flight of migrations) this.countFlight(flight, state)
  }

  /** Moves that may still be planned in the whole cluster. */
  left(moveClass: MoveClass = 'contention'): number {
    return Math.max(0, Math.min(this.safety.migrationsPerClusterMax - this.flights, this.leftOfCluster(moveClass)))
  }

  /** Moves that may still be planned off the host. */
  leftFrom(host: number, moveClass: MoveClass = 'contention'): number {
    return Math.max(0, Math.min(this.safety.outboundPerHostMax - this.outbound[host], this.leftOf(host, moveClass)))
  }

  /** Moves towards the host that may still be planned, settling aside. */
  leftTo(host: number, moveClass: MoveClass = 'contention'): number {
    return Math.max(0, this.leftOf(host, moveClass))
  }

  /** Moves of the class within the hour: of the host, or of the cluster. */
  spent(moveClass: MoveClass, host?: number): number {
    const { ofHost, ofCluster } = this.hours[moveClass]
    return host === undefined ? ofCluster : ofHost[host]
  }

  /** Milliseconds until the host may receive again; Infinity: somebody is on the way to it. Not above 0: now. */
  settlesInMs(host: number): number {
    return this.settledAt[host] - this.at
  }

  /** Whether one more move that is asked for may begin: at a time as many as of any, within the hour by the budget of its class. */
  mayBeAsked(from: number, to: number, moveClass: 'evacuation' | 'operator'): boolean {
    return Math.min(this.left(moveClass), this.leftFrom(from, moveClass), this.leftTo(to, moveClass)) > 0
  }

  /** Counts a move that was decided. */
  count(from: number, to: number, moveClass: MoveClass): void {
    this.fly(from, to)
    this.tally(moveClass, [from, to])
  }

  private tally(moveClass: MoveClass, hosts: readonly number[]): void {
    const hour = this.hours[moveClass]
    hour.ofCluster++
    for (const host of hosts) hour.ofHost[host]++
  }

  private leftOfCluster(moveClass: MoveClass): number {
    const { contention, energy } = this.hours
    if (isAskedFor(moveClass)) return this.safety.evacuationsPerClusterHourMax - this.spent(moveClass)
    const left = this.hourMax - contention.ofCluster - energy.ofCluster
    if (moveClass === 'energy') return Math.min(left, this.energyMax - energy.ofCluster)
    // Where the hour holds a single move, one for energy does not take it from hosts that suffer.
    return Math.max(left, contention.ofCluster === 0 ? Math.min(1, this.hourMax) : 0)
  }

  private leftOf(host: number, moveClass: MoveClass): number {
    return Math.min(this.linkMax[host] - this.copies[host], this.leftOfHour(host, moveClass))
  }

  private leftOfHour(host: number, moveClass: MoveClass): number {
    const { contention, energy } = this.hours
    const { movesPerHostHourMax, energyMovesPerHostHourMax, evacuationsPerHostHourMax } = this.safety
    if (isAskedFor(moveClass)) return evacuationsPerHostHourMax - this.spent(moveClass, host)
    const left = movesPerHostHourMax - contention.ofHost[host] - energy.ofHost[host]
    return moveClass === 'energy' ? Math.min(left, energyMovesPerHostHourMax - energy.ofHost[host]) : left
  }

  private countLogged(entry: MoveLogEntry, { hostIndex }: EngineState, windowMs: number): void {
    const to = entry.to === undefined ? undefined : hostIndex.get(entry.to)
    if (entry.end?.isDone === true && to !== undefined) {
      const settledAt = entry.end.at + this.safety.settleWindows * windowMs
      this.settledAt[to] = Math.max(this.settledAt[to], settledAt)
    }
    if (this.at - entry.at >= HOUR_MS) return
    const hosts = [hostIndex.get(entry.from), to].filter((host) => host !== undefined)
    this.tally(entry.class ?? 'contention', hosts)
  }

  private countFlight(flight: MigrationInFlight, { hostIndex }: EngineState): void {
    const from = hostIndex.get(flight.from)
    const to = hostIndex.get(flight.to)
    if (from === undefined || to === undefined) return
    this.fly(from, to)
  }

  private fly(from: number, to: number): void {
    this.flights++
    this.outbound[from]++
    this.copies[from]++
    this.copies[to]++
    this.settledAt[to] = Infinity
  }
}
