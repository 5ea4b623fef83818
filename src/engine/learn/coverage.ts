/** Whether forecasts may be trusted: an interval that is to hold nine of ten must hold about that many. */
import type { Policy } from '../../terms/policy.ts'
import type { TurnContext } from '../context.ts'
import type { CoverageState, EngineState } from '../state.ts'

/** Half the width of a normal's 90 % interval, in standard deviations. */
const HALF_WIDTH_SD = 1.645
/** Sums that differ by less, as a share of capacity, are the same: a load that never changes has an interval without width. */
const NOISE_SHARE = 0.005
/** Fewer checks say nothing yet. */
const CHECKS_MIN = 100
/** About so many of the last checks count. */
const CHECKS_WEIGHING = 1000

export function initialCoverage(): CoverageState {
  return { lastMean: new Float32Array(0), lastSd: new Float32Array(0), share: 1, checked: 0 }
}

/** Compares the last turn's intervals with what came, on hosts whose VMs are still the same.
 *  @param demand of each host in the newest window, in reference cores
 *  @param isSame 1 for hosts that hold the VMs for which the forecast was made */
export function learnCoverage(
  was: CoverageState,
  demand: Float64Array,
  isSame: Uint8Array,
  fleet: EngineState['fleet'],
): CoverageState {
  if (was.lastMean.length !== demand.length) return was
  let { share, checked } = was
  for (let h = 0; h < demand.length; h++) {
    const mean = was.lastMean[h]
    if (mean !== mean || isSame[h] === 0) continue
    const reach = HALF_WIDTH_SD * was.lastSd[h] + NOISE_SHARE * fleet.capacity[h]
    checked++
    const hit = Math.abs(demand[h] - mean) <= reach ? 1 : 0
    share += Math.max(1 / checked, 1 / CHECKS_WEIGHING) * (hit - share)
  }
  return { ...was, share, checked }
}

/** Remembers this turn's forecasts, to be checked in the next. */
export function rememberForecasts(context: TurnContext, was: CoverageState): CoverageState {
  const hosts = context.fleet.capacity.length
  const lastMean = new Float32Array(hosts).fill(NaN)
  const lastSd = new Float32Array(hosts).fill(NaN)
  for (let h = 0; h < hosts; h++) {
    if (context.loads.count[h] === 0) continue
    lastMean[h] = context.loads.mean[h] - (context.hostCheck?.ownRefCores[h] ?? 0)
    lastSd[h] = context.loads.sd(h)
  }
  return { ...was, lastMean, lastSd }
}

/** False: forecasts hold too little of what comes, or are so wide that they say nothing. Then moves must promise twice as much more than they cost, no
 *  host is emptied for energy, and nothing is done at once. */
export function isTrusted({ share, checked }: CoverageState, { safety }: Policy): boolean {
  if (safety === undefined || checked < CHECKS_MIN) return true
  return share >= safety.coverageMin && share <= safety.coverageMax
}
