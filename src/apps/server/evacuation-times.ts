/** When the VMs of a host that is emptied may begin to leave: so many at a time, in a turn and within an hour, less what the hour has seen already. */
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
  }: { readonly limits: LeavingLimits; readonly log: readonly MoveLogEntry[]; readonly now: EpochMs },
): readonly number[] {
  const hour = new Hour()
  for (const entry of log)
    if (entry.class === 'evacuation' && now - entry.at < HOUR_MS)
      hour.note(entry.at - now, [entry.from, ...(entry.to === undefined ? [] : [entry.to])])
  const freeAt = Array.from({ length: limits.atOnce }, () => 0)
  let before = 0
  return leaves.map(({ to, durationMs }, i) => {
    const lane = freeAt.indexOf(Math.min(...freeAt))
    const ordered = Math.floor(i / ORDERS_MAX) * TURN_MS
    const start = Math.max(before, freeAt[lane], ordered, hour.roomAt([from, to], limits))
    hour.note(start, [from, to])
    freeAt[lane] = start + durationMs
    before = start
    return start
  })
}
