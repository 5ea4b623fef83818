/** The seed's `MigrationThreshold`, which adjusts itself: how wide the demand band is drawn, and by how much gain must exceed cost. */
import type { Policy } from '../../terms/policy.ts'
import type { TurnEvent } from '../../terms/turn.ts'
import { hashPair } from '../../terms/luck.ts'
import type { TurnContext } from '../context.ts'
import { normalQuantile } from '../numbers.ts'
import type { EngineState, ThresholdState } from '../state.ts'
import { initialCoverage, isTrusted, learnCoverage, rememberForecasts } from './coverage.ts'

/** Real demand has heavier tails than the normal: the band starts this much wider than a normal's quantile. Chosen
 *  on PlanetLab 20110303; what comes corrects it. */
const HEAVY_TAIL = 1.4
/** How far one surprise moves the band, in standard deviations (online quantile tracking: Gibbs and Candes 2021). */
const STEP_SD = 0.02
const BAND_SD_MIN = 2
const BAND_SD_MAX = 6
/** Outcomes weigh into the average with this share; about the last fifty count. */
const OUTCOME_SHARE = 0.02
const OUTCOMES_MIN = 20
const WEIGHING = Math.round(1 / OUTCOME_SHARE)
const MARGIN_FACTOR_MAX = 4
/** What gain over cost must be, times the margin, while forecasts are not trusted. */
const UNTRUSTED_FACTOR = 2

export function initialThreshold(): ThresholdState {
  return {
    bandSd: NaN,
    lastBound: new Float32Array(0),
    lastMembers: new Float64Array(0),
    checked: 0,
    exceeded: 0,
    netGain: 0,
    outcomes: 0,
    marginFactor: 1,
    doubt: { moves: 0, net: 0 },
    strikes: 0,
    coverage: initialCoverage(),
  }
}

export interface MigrationThreshold {
  /** Standard deviations above the mean at which the upper bound of demand is drawn. */
  readonly bandSd: number
  /** Share by which gain must exceed cost. */
  readonly marginFraction: number
}

export function migrationThreshold(threshold: ThresholdState, policy: Policy): MigrationThreshold {
  const start = HEAVY_TAIL * normalQuantile(policy.forecast.quantile)
  const doubting = isTrusted(threshold.coverage, policy) ? 1 : UNTRUSTED_FACTOR
  return {
    bandSd: Number.isNaN(threshold.bandSd) ? start : threshold.bandSd,
    marginFraction: (1 + policy.gates.marginFraction) * threshold.marginFactor * doubting - 1,
  }
}

/** Compares the bounds drawn a turn ago with what came, on hosts whose VMs are still the same, and widens or narrows the band. */
export function learnBand(state: EngineState, hostOf: Int32Array, policy: Policy): ThresholdState {
  const was = state.threshold
  const bandSd = migrationThreshold(was, policy).bandSd
  const newest = state.cpuHistory.at(-1)
  if (was.lastBound.length === 0 || newest === undefined) return { ...was, bandSd }
  const demand = new Float64Array(was.lastBound.length)
  for (let v = 0; v < hostOf.length; v++) {
    if (hostOf[v] >= 0 && newest[v] === newest[v]) demand[hostOf[v]] += newest[v]
  }
  const members = memberKeys(hostOf, demand.length)
  const isSame = Uint8Array.from(members, (key, h) => (key === was.lastMembers[h] ? 1 : 0))
  let checked = 0
  let exceeded = 0
  for (let h = 0; h < demand.length; h++) {
    if (was.lastBound[h] !== was.lastBound[h] || isSame[h] === 0) continue
    checked++
    if (demand[h] > was.lastBound[h]) exceeded++
  }
  const surprise = exceeded - checked * (1 - policy.forecast.quantile)
  return {
    ...was,
    bandSd: Math.min(BAND_SD_MAX, Math.max(BAND_SD_MIN, bandSd + STEP_SD * surprise)),
    checked: was.checked + checked,
    exceeded: was.exceeded + exceeded,
    coverage: learnCoverage(was.coverage, demand, isSame, state.fleet),
  }
}

/** Remembers the bounds of this turn's plan, to be checked in the next. */
export function rememberBounds(context: TurnContext, threshold: ThresholdState): ThresholdState {
  const lastBound = new Float32Array(context.fleet.capacity.length).fill(NaN)
  for (let h = 0; h < lastBound.length; h++) {
    // Bounds are checked against what VMs want.
    const own = context.hostCheck?.ownRefCores[h] ?? 0
    if (context.loads.count[h] > 0) lastBound[h] = context.loads.bound(h) - own
  }
  const lastMembers = memberKeys(context.hostOf, lastBound.length)
  return { ...threshold, lastBound, lastMembers, coverage: rememberForecasts(context, threshold.coverage) }
}

/** Takes settled outcomes in: when moves do not earn what they cost, they must promise more. */
export function learnMargin(
  was: ThresholdState,
  nets: readonly number[],
): { threshold: ThresholdState; events: TurnEvent[] } {
  let { netGain, outcomes, marginFactor } = was
  for (const net of nets) {
    outcomes++
    netGain += Math.max(OUTCOME_SHARE, 1 / outcomes) * (net - netGain)
  }
  const events: TurnEvent[] = []
  if (nets.length > 0 && outcomes >= OUTCOMES_MIN) {
    const factor = netGain < 0 ? Math.min(MARGIN_FACTOR_MAX, marginFactor * 2) : Math.max(1, marginFactor / 2)
    if (factor !== marginFactor) {
      const reason = `The last ${Math.min(outcomes, WEIGHING)} settled moves earned ${netGain.toFixed(4)} each, net of cost.`
      events.push({ kind: 'threshold-adjusted', from: marginFactor, to: factor, reason })
      marginFactor = factor
      outcomes = 0
      netGain = 0
    }
  }
  return { threshold: { ...was, netGain, outcomes, marginFactor }, events }
}

/** A number per host that changes with its set of VMs. */
function memberKeys(hostOf: Int32Array, hosts: number): Float64Array {
  const keys = new Float64Array(hosts)
  for (let v = 0; v < hostOf.length; v++) if (hostOf[v] >= 0) keys[hostOf[v]] += hashPair(v, 0)
  return keys
}
