/** What a move relieves at least, and what it harms at most: quantiles over possible futures instead of expectations. */
import { type Fraction, HOUR_MS } from '../../terms/units.ts'
import { HALF_LIFE_WINDOWS } from '../profile/levels.ts'
import type { HostLoads } from './host-loads.ts'

/** A future lasts so long: what a move earns it earns while the VM stays, and four hours of that are counted. */
export const FUTURE_MS = 4 * HOUR_MS
/** Share of the futures that may be worse than what is called sure: the lower bound of 95 %. */
const UNSURE_SHARE = 0.05
/** One low window is no room: the higher of the last two is taken for what is now. */
const ROOM_WINDOWS = 2
/** What demand is now differs from what it was at a future's beginning: so much of that is left a window later, as in the levels of VMs. */
const FADE = 0.5 ** (1 / HALF_LIFE_WINDOWS)

/** How a host's demand ahead is worked out, for answers: the same stretches as below. */
export const DEMAND_MODEL = 'look-back-futures'

/** Demand of a host ahead, by quantile and step, in reference cores, as all futures have it: each a stretch of the look-back that sets out from the newest
 *  window. Undefined where nobody measured yet.
 *  @param ahead.steps how many there are, each of so many windows */
export function demandAhead(
  loads: HostLoads,
  host: number,
  ahead: { readonly steps: number; readonly windowsPerStep: number; readonly quantiles: readonly Fraction[] },
): readonly Float64Array[] | undefined {
  const { windows } = loads
  if (windows === 0) return undefined
  const sums = Float64Array.from({ length: windows }, (_, k) => loads.sumAt(host, k))
  const now = sums[windows - 1]
  const found = ahead.quantiles.map(() => new Float64Array(ahead.steps))
  const demands = new Float64Array(futuresOf(loads))
  for (let step = 0; step < ahead.steps; step++) {
    const passed = (step + 1) * ahead.windowsPerStep
    const left = FADE ** passed
    for (let start = 0; start < demands.length; start++)
      demands[start] = Math.max(0, sums[(start + passed) % windows] + left * (now - sums[start]))
    demands.sort()
    ahead.quantiles.forEach((share, q) => (found[q][step] = demands[Math.floor(share * demands.length)]))
  }
  return found
}

/** Who comes or goes, where, and how far ahead is looked. */
export interface Passage {
  readonly vm: number
  readonly host: number
  /** Demand above this is not served, in reference cores. */
  readonly limit: number
  /** Windows that a future lasts. */
  readonly steps: number
  /** So many of the last windows may stand for what is now: as many as contention must last before it is acted on. */
  readonly nowWindows: number
}

/** Shortage that the VM's leaving takes from its host in at least 95 of 100 futures, in reference cores, mean over the future. */
export function reliefAtLeast(loads: HostLoads, passage: Passage): number {
  return quantile(differences(loads, passage, -1), UNSURE_SHARE)
}

/** Shortage that the VM's coming brings to a host in at most 95 of 100 futures, in reference cores, mean over the future. */
export function harmAtMost(loads: HostLoads, passage: Passage): number {
  const nowWindows = Math.max(ROOM_WINDOWS, passage.nowWindows)
  return -quantile(differences(loads, { ...passage, nowWindows }, 1), UNSURE_SHARE)
}

/** Share of its length that a future lasts, in at least 95 of 100, until one of the hosts is asked for more than its limit. 1: none is within it.
 *  @param limits of each of the hosts, in reference cores */
export function calmShareAtLeast(
  loads: HostLoads,
  hosts: readonly number[],
  limits: readonly number[],
  steps: number,
): Fraction {
  const firsts = Float64Array.from({ length: futuresOf(loads) }, () => steps)
  hosts.forEach((host, i) => {
    const sums = Float64Array.from({ length: loads.windows }, (_, k) => loads.sumAt(host, k))
    const now = nowOf(sums, 1, ROOM_WINDOWS)
    firsts.forEach((first, start) => {
      let apart = sums[now] - sums[start]
      for (let step = 1; step <= first; step++) {
        apart *= FADE
        if (sums[(start + step) % sums.length] + apart <= limits[i]) continue
        firsts[start] = step - 1
        return
      }
    })
  })
  return firsts.length === 0 ? 0 : quantile(firsts, UNSURE_SHARE) / steps
}

/** For each future, what is short as things stand less what is short once the VM has come or gone. A future is a stretch of the look-back, wrapping
 *  around, that sets out from where demand is now: by how much that differs from the stretch's beginning fades.
 *
 *  "Now" is one of the last windows: that with least demand where the VM would leave, that with most where it would come. One high sample proves
 *  no need where contention has to last longer, and one low sample no room. */
function differences(loads: HostLoads, passage: Passage, sign: 1 | -1): Float64Array {
  const { vm, host, limit, steps, nowWindows } = passage
  const { windows } = loads
  const as = Float64Array.from({ length: windows }, (_, k) => loads.sumAt(host, k))
  const past = loads.past(vm)
  const then = as.map((sum, k) => sum + sign * past[k])
  const now = nowOf(as, sign, nowWindows)
  return Float64Array.from({ length: futuresOf(loads) }, (_, start) => {
    let short = 0
    let apart = as[now] - as[start]
    let apartThen = then[now] - then[start]
    for (let step = 1; step <= steps; step++) {
      const k = (start + step) % windows
      apart *= FADE
      apartThen *= FADE
      short += Math.max(0, as[k] + apart - limit) - Math.max(0, then[k] + apartThen - limit)
    }
    return short / steps
  })
}

/** Each window begins one but the last: nobody saw what came after it. */
function futuresOf({ windows }: HostLoads): number {
  return windows > 1 ? windows - 1 : windows
}

/** Which of the last windows is taken for what is now: the highest where demand would come (1), the lowest where it would leave. */
function nowOf(sums: Float64Array, sign: 1 | -1, among: number): number {
  let now = sums.length - 1
  for (let k = now - 1; k >= Math.max(0, sums.length - among); k--) if (sign * (sums[k] - sums[now]) > 0) now = k
  return now
}

/** The value that the given share of them lies below; the least where that is less than one. 0 of none. */
function quantile(values: Float64Array, share: number): number {
  return values.length === 0 ? 0 : values.sort()[Math.floor(share * values.length)]
}
