/** When the VMs of a host that is emptied may begin to leave: so many at a time, in a turn and within an hour, less what goes already. */
import { MOVE_LIMITS } from '../../engine/migration/start-guards.ts'
import type { MoveLogEntry } from '../../engine/state.ts'
import type { Policy } from '../../terms/policy.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { ORDERS_MAX } from './evacuation.ts'

/** Turns come so often, and order some of the VMs each. */
const TURN_MS = MINUTE_MS

/** What binds the leaving: the mover's own limits, or the policy's where those are lower. */
export interface LeavingLimits {
  readonly atOnce: number
  /** In the whole cluster. */
  readonly clusterAtOnce: number
  /** Moves off emptied hosts within an hour: that touch one host, and in all. */
  readonly hostPerHour: number
  readonly clusterPerHour: number
}

export function leavingLimits({ limits, safety }: Policy): LeavingLimits {
  const { outbound, cluster, evacuationHostPerHour, evacuationClusterPerHour } = MOVE_LIMITS
  const together = least(
    outbound,
    cluster,
    safety?.outboundPerHostMax,
    safety?.migrationsPerClusterMax,
    limits.migrationsPerHostMax,
  )
  return {
    atOnce: Math.max(1, together),
    clusterAtOnce: Math.max(1, least(cluster, safety?.migrationsPerClusterMax)),
    hostPerHour: least(evacuationHostPerHour, safety?.evacuationsPerHostHourMax),
    clusterPerHour: least(evacuationClusterPerHour, safety?.evacuationsPerClusterHourMax),
  }
}

/** Of those that there are. */
function least(...most: readonly (number | undefined)[]): number {
  return Math.floor(Math.min(...most.map((one) => one ?? Infinity)))
}

/** One that leaves: for where, and how long that takes. */
export interface Leave {
  readonly to: string
  readonly durationMs: number
}

/** A move that is under way, or begins with this turn. */
export interface UnderWay {
  readonly from: string
  /** From now on, as it was reckoned: 0 where it should have ended. */
  readonly endsInMs: number
}

/** So many go at a time: each place, and when it is free again. */
class Lanes {
  private readonly freeAt: number[]

  constructor(count: number, underWay: readonly UnderWay[]) {
    // Where more go than may, those that end last hold the places.
    const ends = underWay.map(({ endsInMs }) => endsInMs).sort((a, b) => b - a)
    this.freeAt = Array.from({ length: count }, (_, i) => ends[i] ?? 0)
  }

  get freeFrom(): number {
    return Math.min(...this.freeAt)
  }

  take(until: number): void {
    this.freeAt[this.freeAt.indexOf(this.freeFrom)] = until
  }
}

/** Starts that count against the hour, by whom they touch; oldest first. Instants are from now on: those of before are negative. */
class Hour {
  private readonly ofCluster: number[] = []
  private readonly ofHost = new Map<string, number[]>()

  note(at: number, hosts: readonly string[]): void {
    this.ofCluster.push(at)
    for (const host of hosts) {
      const known = this.ofHost.get(host)
      if (known === undefined) this.ofHost.set(host, [at])
      else known.push(at)
    }
  }

  /** The first instant at which there is room for one more between these hosts. */
  roomAt(hosts: readonly string[], { hostPerHour, clusterPerHour }: LeavingLimits): number {
    const ofHosts = hosts.map((host) => afterHour(this.ofHost.get(host) ?? [], hostPerHour))
    return Math.max(afterHour(this.ofCluster, clusterPerHour), ...ofHosts)
  }
}

/** When the oldest of the newest `most` is an hour ago. */
function afterHour(starts: readonly number[], most: number): number {
  const oldest = starts[starts.length - most]
  return oldest === undefined ? 0 : oldest + HOUR_MS
}

/** When each may begin, in milliseconds from now, in their order. At least one may within an hour. */
export function startsOf(
  from: string,
  leaves: readonly Leave[],
  {
    limits,
    log,
    now,
    underWay = [],
  }: {
    readonly limits: LeavingLimits
    readonly log: readonly MoveLogEntry[]
    readonly now: EpochMs
    readonly underWay?: readonly UnderWay[]
  },
): readonly number[] {
  const hour = new Hour()
  for (const entry of log)
    if (entry.class === 'evacuation' && now - entry.at < HOUR_MS)
      hour.note(entry.at - now, [entry.from, ...(entry.to === undefined ? [] : [entry.to])])
  const own = underWay.filter((move) => move.from === from)
  const lanes = [new Lanes(limits.atOnce, own), new Lanes(limits.clusterAtOnce, underWay)]
  let before = 0
  return leaves.map(({ to, durationMs }, i) => {
    const ordered = Math.floor(i / ORDERS_MAX) * TURN_MS
    const free = lanes.map(({ freeFrom }) => freeFrom)
    const start = Math.max(before, ...free, ordered, hour.roomAt([from, to], limits))
    hour.note(start, [from, to])
    for (const lane of lanes) lane.take(start + durationMs)
    before = start
    return start
  })
}
