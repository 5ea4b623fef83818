import { SECOND_MS } from '../../terms/units.ts'
import type { Balancer } from '../../terms/turn.ts'
import { type CloudsimState, startState } from './history.ts'
import {
  type DetectorMaker,
  INTERVAL_MS,
  interquartileRange,
  IQR_SAFETY,
  LR_SAFETY,
  MAD_SAFETY,
  medianAbsoluteDeviation,
  spreadThreshold,
  staticThreshold,
  THR_THRESHOLD,
  trendThreshold,
} from './overload.ts'
import { placeFirstFit, placeLeastPower } from './placement.ts'
import { consolidate } from './turn.ts'

/** CloudSim 3.0.3's policies as its PlanetLab examples run them, rewritten from their published rules. What they decide follows
 *  Beloglazov and Buyya, "Optimal online deterministic algorithms and adaptive heuristics ...", CCPE 24(13), 2012,
 *  doi 10.1002/cpe.1867, and where the program differs from the paper, the program. */

/** CloudSim's cloudlets start at 0.1 s (its smallest step between events), and it decides 300 s after, then every 300 s. */
const CADENCE = { firstMs: INTERVAL_MS + 0.1 * SECOND_MS, everyMs: INTERVAL_MS }

/** Non-power-aware: VMs stay where they were first put, and every host runs at full watts. */
export const npa: Balancer<CloudsimState> = { ...unmoving('npa'), isPowerAware: false }

/** Dynamic voltage and frequency scaling: VMs stay, hosts draw by their load, empty ones nothing. */
export const dvfs: Balancer<CloudsimState> = unmoving('dvfs')

/** Static threshold 0.8, minimum migration time. */
export const thrMmt = consolidating('thr-mmt', staticThreshold(THR_THRESHOLD))

/** Threshold from the median absolute deviation, minimum migration time. */
export const madMmt = consolidating(
  'mad-mmt',
  spreadThreshold(MAD_SAFETY, medianAbsoluteDeviation, 'demand (limit by MAD)'),
)

/** Threshold from the interquartile range, minimum migration time. */
export const iqrMmt = consolidating('iqr-mmt', spreadThreshold(IQR_SAFETY, interquartileRange, 'demand (limit by IQR)'))

/** Local regression, minimum migration time: the best of the paper. */
export const lrMmt = consolidating('lr-mmt', trendThreshold(LR_SAFETY))

function unmoving(name: string): Balancer<CloudsimState> {
  return {
    name,
    cadence: CADENCE,
    start: startState,
    placeNew: placeFirstFit,
    takeTurn: (state) => ({ state, events: [], orders: [] }),
  }
}

function consolidating(name: string, makeDetector: DetectorMaker): Balancer<CloudsimState> {
  return {
    name,
    cadence: CADENCE,
    start: startState,
    placeNew: placeLeastPower,
    takeTurn: (state, observation, policy) => consolidate(name, makeDetector, state, observation, policy),
  }
}
