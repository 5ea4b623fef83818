/** What a site's safety policy still leaves in this turn: concurrency, moves of the last hour, hosts that have not settled. Planned moves are counted as
 *  they are decided. */
import type { SafetyPolicy } from '../../terms/policy.ts'
import type { MigrationInFlight } from '../../terms/cluster.ts'
import type { MoveClass } from '../../terms/move.ts'
import type { Observation } from '../../terms/turn.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { EngineState, MoveLogEntry } from '../state.ts'

/** Links from here on are fast (10 Gbit/s), in bytes per second. */
const FAST_LINK_BYTES_PER_SEC = 1.25e9

/** Moves that people or an emptied host ask for: their budget is another one. */
export function isAskedFor(moveClass: MoveClass | undefined): boolean {
  return moveClass === 'evacuation' || moveClass === 'operator'
}

/** Moves within an hour in the whole cluster: the number, or the share of its VMs if that is less; one at least. */
export function clusterHourMax({ movesPerClusterHourMax, movesShareHourMax }: SafetyPolicy, vms: number): number {
  return Math.min(movesPerClusterHourMax, Math.max(1, Math.floor(movesShareHourMax * vms)))
}

/** Migrations that a host's link takes at a time, in and out together. */
export function linkMax({ migrationsPerSlowLinkMax }: SafetyPolicy, networkBytesPerSec: number): number {
  return networkBytesPerSec < FAST_LINK_BYTES_PER_SEC ? migrationsPerSlowLinkMax : Infinity
}

export class Budgets {
  private readonly safety: SafetyPolicy
  private readonly hourMax: number
  private readonly linkMax: Float64Array
  /** Migrations of each host, under way and planned. */
  private readonly copies: Uint16Array
  private readonly outbound: Uint16Array
  private flights = 0
  /** Moves of the last hour that each host took part in, and all of them; those that are asked for are not among them. */
  private readonly ofHost: Uint16Array
  private ofCluster = 0
  /** The same of those that are asked for. */
  private readonly askedOfHost: Uint16Array
  private askedOfCluster = 0
  /** Instant from which each host may receive; Infinity while somebody is on the way to it. */
  private readonly settledAt: Float64Array
  private readonly at: number

  constructor(safety: SafetyPolicy, state: EngineState, { at, inventory, samples }: Observation) {
    const { hosts, vms, migrations } = inventory
    this.safety = safety
    this.at = at
    this.hourMax = clusterHourMax(safety, vms.length)
    this.linkMax = Float64Array.from(hosts, ({ networkBytesPerSec }) => linkMax(safety, networkBytesPerSec))
    this.copies = new Uint16Array(hosts.length)
    this.outbound = new Uint16Array(hosts.length)
    this.ofHost = new Uint16Array(hosts.length)
    this.askedOfHost = new Uint16Array(hosts.length)
    this.settledAt = new Float64Array(hosts.length).fill(-Infinity)
    for (const entry of state.moveLog) this.countLogged(entry, state, samples.windowMs)
    for (const flight of migrations) this.countFlight(flight, state)
  }

  /** Moves that may still be planned in the whole cluster. */
  get left(): number {
    return Math.max(0, Math.min(this.safety.migrationsPerClusterMax - this.flights, this.hourMax - this.ofCluster))
  }

  /** Moves that may still be planned off the host. */
  leftFrom(host: number): number {
    return Math.max(0, Math.min(this.safety.outboundPerHostMax - this.outbound[host], this.leftOf(host)))
  }

  /** Moves towards the host that may still be planned, settling aside. */
  leftTo(host: number): number {
    return Math.max(0, this.leftOf(host))
  }

  /** Milliseconds until the host may receive again; Infinity: somebody is on the way to it. Not above 0: now. */
  settlesInMs(host: number): number {
    return this.settledAt[host] - this.at
  }

  /** Whether one more move that is asked for may begin: at a time as many as of any, within the hour by a budget of its own. */
  mayBeAsked(from: number, to: number): boolean {
    const { safety } = this
    if (this.flights >= safety.migrationsPerClusterMax || this.outbound[from] >= safety.outboundPerHostMax) return false
    if (this.askedOfCluster >= safety.evacuationsPerClusterHourMax) return false
    return [from, to].every(
      (host) => this.copies[host] < this.linkMax[host] && this.askedOfHost[host] < safety.evacuationsPerHostHourMax,
    )
  }

  /** Counts a move that was decided. */
  count(from: number, to: number): void {
    this.fly(from, to)
    this.ofHost[from]++
    this.ofHost[to]++
    this.ofCluster++
  }

  private leftOf(host: number): number {
    return Math.min(this.linkMax[host] - this.copies[host], this.safety.movesPerHostHourMax - this.ofHost[host])
  }

  private countLogged(entry: MoveLogEntry, { hostIndex }: EngineState, windowMs: number): void {
    const to = entry.to === undefined ? undefined : hostIndex.get(entry.to)
    if (entry.end?.isDone === true && to !== undefined) {
      const settledAt = entry.end.at + this.safety.settleWindows * windowMs
      this.settledAt[to] = Math.max(this.settledAt[to], settledAt)
    }
    if (this.at - entry.at >= HOUR_MS) return
    const isAsked = isAskedFor(entry.class)
    if (isAsked) this.askedOfCluster++
    else this.ofCluster++
    const counts = isAsked ? this.askedOfHost : this.ofHost
    for (const host of [hostIndex.get(entry.from), to]) if (host !== undefined) counts[host]++
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
