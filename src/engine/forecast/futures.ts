/** What a move relieves at least, and what it harms at most: quantiles over possible futures instead of expectations. */
import { HOUR_MS } from '../../terms/units.ts'
import type { HostLoads } from './host-loads.ts'

/** A future lasts so long: what a move earns it earns while the VM stays, and four hours of that are counted. */
export const FUTURE_MS = 4 * HOUR_MS
/** Share of the futures that may be worse than what is called sure: the lower bound of 95 %. */
const UNSURE_SHARE = 0.05
/** What demand is now differs from what it was at a future's beginning; of that half is left after so many windows, as in the levels of VMs. */
const FADE_HALF_WINDOWS = 8

/** Who comes or goes, where, and how far ahead is looked. */
export interface Passage {
  readonly vm: number
  readonly host: number
  /** Demand above this is not served, in reference cores. */
  readonly limit: number
  /** Windows that a future lasts. */
  readonly steps: number
}

/** Shortage that the VM's leaving takes from its host in at least 95 of 100 futures, in reference cores, mean over the future. */
export function reliefAtLeast(loads: HostLoads, passage: Passage): number {
  return quantile(differences(loads, passage, -1), UNSURE_SHARE)
}

/** Shortage that the VM's coming brings to a host in at most 95 of 100 futures, in reference cores, mean over the future. */
export function harmAtMost(loads: HostLoads, passage: Passage): number {
  return -quantile(differences(loads, passage, 1), UNSURE_SHARE)
}

/** For each future, what is short as things stand less what is short once the VM has come or gone. A future is a stretch of the look-back, wrapping
 *  around, that sets out from where demand is now: by how much that differs from the stretch's beginning fades.
 *
 *  "Now" is one of the last two windows: that with less demand where the VM would leave, that with more where it would come. One high sample proves
 *  no need, and one low sample no room. */
function differences(loads: HostLoads, { vm, host, limit, steps }: Passage, sign: 1 | -1): Float64Array {
  const { windows } = loads
  const as = Float64Array.from({ length: windows }, (_, k) => loads.sumAt(host, k))
  const past = loads.past(vm)
  const then = as.map((sum, k) => sum + sign * past[k])
  const last = windows - 1
  const isEarlier = windows > 1 && sign * (as[last - 1] - as[last]) > 0
  const now = isEarlier ? last - 1 : last
  const fade = 0.5 ** (1 / FADE_HALF_WINDOWS)
  return Float64Array.from({ length: windows }, (_, start) => {
    let short = 0
    let apart = as[now] - as[start]
    let apartThen = then[now] - then[start]
    for (let step = 1; step <= steps; step++) {
      apart *= fade
      apartThen *= fade
      const k = (start + step) % windows
      short += Math.max(0, as[k] + apart - limit) - Math.max(0, then[k] + apartThen - limit)
    }
    return short / steps
  })
}

/** The value that the given share of them lies below; the least where that is less than one. 0 of none. */
function quantile(values: Float64Array, share: number): number {
  return values.length === 0 ? 0 : values.sort()[Math.floor(share * values.length)]
}
