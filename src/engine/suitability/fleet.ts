import { type HostCharacteristics, hostCapacityRefCores, wattsAt } from '../../terms/host.ts'
import { type HostSpeeds, measureSpeeds } from './speeds.ts'

/** Columns parallel to the list of hosts, and which hosts are alike: worked out once per roster of hosts. */
export interface Fleet {
  readonly capacity: Float64Array
  readonly idleWatts: Float64Array
  /** Hosts of one number are interchangeable when empty. */
  readonly kind: Int32Array
  readonly kinds: number
  /** CPU flags of the hosts of each kind; empty where nobody knows them. */
  readonly flagsOfKind: readonly ReadonlySet<string>[]
  /** Absent: no host has benchmarks. */
  readonly speeds?: HostSpeeds
  /** Watts per reference core at the load where that is least: how well work could be done here at best. */
  readonly bestWattsPerCore: Float64Array
}

export function measureFleet(hosts: readonly HostCharacteristics[]): Fleet {
  const speeds = measureSpeeds(hosts)
  const kindOf = new Map<string, number>()
  const kind = new Int32Array(hosts.length)
  const flagsOfKind: ReadonlySet<string>[] = []
  hosts.forEach((host, h) => {
    const key = speeds === undefined ? describeKind(host) : describeKind(host) + JSON.stringify(host.benchmarks)
    const known = kindOf.get(key) ?? kindOf.size
    if (known === kindOf.size) {
      kindOf.set(key, known)
      flagsOfKind.push(new Set(host.cpuFlags))
    }
    kind[h] = known
  })
  return {
    capacity: Float64Array.from(hosts, hostCapacityRefCores),
    idleWatts: Float64Array.from(hosts, (host) => host.powerWatts[0]),
    kind,
    kinds: kindOf.size,
    flagsOfKind,
    ...(speeds === undefined ? {} : { speeds }),
    bestWattsPerCore: Float64Array.from(hosts, bestWattsPerCore),
  }
}

function describeKind(host: HostCharacteristics): string {
  return JSON.stringify([
    host.model,
    host.cpuType,
    host.cores,
    host.refCoresPerCore,
    host.memoryBytes,
    host.networkBytesPerSec,
    host.powerWatts,
    host.cpuFlags,
  ])
}

/** Least watts per unit of work over the eleven points: on servers since 2013 that is at 70 or 80 % load, not at 100. */
function bestWattsPerCore(host: HostCharacteristics): number {
  const capacity = hostCapacityRefCores(host)
  let best = Infinity
  for (let tenth = 1; tenth <= 10; tenth++) {
    best = Math.min(best, wattsAt(host.powerWatts, tenth / 10) / ((capacity * tenth) / 10))
  }
  return best
}
