/** What a host gives when its VMs want more than it has. */

/** Demand is kept in 32-bit floats: a sum that exceeds capacity by less than this share of it is equal to it. */
const ROUNDING_SHARE = 1e-6

/** Adds up the demand of every VM by host, and in all. A VM without a host, or that nobody measured, demands nothing.
 *  */
export function sumDemand(hostOf: Int32Array, cpu: Float32Array, hostDemand: Float64Array): number {
  hostDemand.fill(0)
  let total = 0
  for (let vm = 0; vm < hostOf.length; vm++) {
    const host = hostOf[vm]
    const demand = cpu[vm]
    if (host < 0 || !(demand > 0)) continue
    hostDemand[host] += demand
    total += demand
  }
  return total
}

/** True where demand is more than the host has, so that somebody waits. */
export function isOverloaded(demand: number, capacity: number): boolean {
  return demand > capacity * (1 + ROUNDING_SHARE)
}

/** Demand that is not served. Capacity is shared out fairly, so it does not matter here whose it is. */
export function unserved(demand: number, capacity: number): number {
  return isOverloaded(demand, capacity) ? demand - capacity : 0
}
