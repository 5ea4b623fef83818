/** What hosts measure of themselves, beside what their VMs add up to. */
import type { Observation } from '../../terms/turn.ts'
import type { Fleet } from '../suitability/fleet.ts'

/** Columns parallel to the hosts. */
export interface HostCheck {
  /** Work that is no VM's, in reference cores: it comes on top of the VMs' demand. */
  readonly ownRefCores: Float64Array
  /** Measured busy cores; NaN absent. */
  readonly measuredRefCores: Float64Array
  /** What the host's VMs add up to, at most its capacity. */
  readonly vmRefCores: Float64Array
  /** By how much the two contradict each other, as a share of the larger, or of capacity for the host's own work; 0: they agree. */
  readonly doubt: Float64Array
  /** Memory in use as measured; NaN absent. Missing: no host tells. */
  readonly memoryUsedBytes?: Float64Array
  /** Configured memory of the VMs that were there when it was measured, in bytes. */
  readonly memoryThereBytes: Float64Array
}

/** A host that measures more than this share apart from its VMs is not believed: metrics that lag, stand still, or are in another unit. */
const DOUBT_MIN = 0.15
/** Below this share of capacity differences are noise. */
const NOISE_SHARE = 0.05

/** Undefined where no host measures itself.
 *  @param newest demand of every VM in the last window, in reference cores; NaN is absent */
export function checkHosts(
  observation: Observation,
  fleet: Fleet,
  newest: Float32Array | undefined,
): HostCheck | undefined {
  const { hostSamples, inventory } = observation
  if (hostSamples === undefined) return undefined
  const hosts = fleet.capacity.length
  const vmRefCores = new Float64Array(hosts)
  const isWhole = new Uint8Array(hosts).fill(1)
  const memoryThereBytes = new Float64Array(hosts)
  inventory.vms.forEach((vm, v) => {
    const host = inventory.hostOf[v]
    if (host < 0) return
    memoryThereBytes[host] += vm.memoryBytes
    const demand = newest?.[v] ?? NaN
    if (Number.isNaN(demand)) isWhole[host] = 0
    else vmRefCores[host] += demand
  })
  const measuredRefCores = new Float64Array(hosts).fill(NaN)
  hostSamples.cpuRefCores?.forEach((cores, h) => (measuredRefCores[h] = cores))
  const ownRefCores = new Float64Array(hosts)
  const doubt = new Float64Array(hosts)
  for (let h = 0; h < hosts; h++) {
    const capacity = fleet.capacity[h]
    // Demand beyond capacity waits, and is not work that the host does.
    vmRefCores[h] = Math.min(vmRefCores[h], capacity)
    const pair = { measured: measuredRefCores[h], vms: vmRefCores[h], capacity, isWhole: isWhole[h] === 1 }
    doubt[h] = doubtOf(pair)
    if (pair.isWhole) ownRefCores[h] = ownWork(pair)
  }
  const { memoryUsedBytes } = hostSamples
  const check = { ownRefCores, measuredRefCores, vmRefCores, doubt, memoryThereBytes }
  return memoryUsedBytes === undefined ? check : { ...check, memoryUsedBytes }
}

interface Measured {
  /** In reference cores; NaN absent. */
  readonly measured: number
  readonly vms: number
  readonly capacity: number
  /** Every VM of the host was measured. */
  readonly isWhole: boolean
}

/** A host can't do less than its VMs do in it; nor, in all, more than it has; nor is much of its work its own. */
function doubtOf({ measured, vms, capacity, isWhole }: Measured): number {
  if (measured !== measured) return 0
  if (!(measured >= 0 && measured <= capacity * (1 + DOUBT_MIN))) return 1
  const apart = measured - vms
  if (Math.abs(apart) <= NOISE_SHARE * capacity) return 0
  const share = apart < 0 ? -apart / vms : isWhole ? apart / capacity : 0
  return share > DOUBT_MIN ? Math.min(1, share) : 0
}

function ownWork({ measured, vms, capacity }: Measured): number {
  return measured > vms ? Math.min(measured, capacity) - vms : 0
}
