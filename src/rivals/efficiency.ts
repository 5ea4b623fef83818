import { type HostCharacteristics, hostCapacityRefCores } from '../terms/host.ts'
import type { Fraction } from '../terms/units.ts'

/** The load at which a host does most work for its watts. */
export interface BestLoad {
  /** Share of capacity: 1 on servers of 2011, 0.7 to 0.8 on those since 2016. */
  readonly load: Fraction
  /** Watts per reference core in use at that load: the lower, the more efficient the host. */
  readonly wattsPerRefCore: number
}

/** Looks at the ten busy points of the curve only: between two of them watts are linear in load, so watts over load
 *  rise or fall throughout and are least at an end. */
export function bestLoad(host: HostCharacteristics): BestLoad {
  const capacity = hostCapacityRefCores(host)
  let best: BestLoad = { load: 1, wattsPerRefCore: host.powerWatts[10] / capacity }
  for (let point = 9; point >= 1; point--) {
    const wattsPerRefCore = host.powerWatts[point] / (capacity * (point / 10))
    if (wattsPerRefCore < best.wattsPerRefCore) best = { load: point / 10, wattsPerRefCore }
  }
  return best
}

/** Host indices, the most efficient first; ties by index. */
export function byEfficiency(hosts: readonly HostCharacteristics[]): number[] {
  const watts = hosts.map((host) => bestLoad(host).wattsPerRefCore)
  return hosts.map((_, i) => i).sort((a, b) => watts[a] - watts[b] || a - b)
}
