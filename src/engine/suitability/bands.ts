/** How sure a prediction of performance is, and in what a host is behind the best: for people who compare hosts. Planning asks neither. */
import { type MigrationScore, type Performance, SCORE_TERMS, type ScoreTerm } from '../../terms/ranking.ts'
import type { Fraction } from '../../terms/units.ts'
import type { TurnContext } from '../context.ts'
import { demandFactor } from './pace.ts'
import { coreShortShare, queueingFactor, wattsFor } from './score.ts'

/** By what performance is predicted, for answers: queueing on the host's cores, corrected by benchmarks. */
export const PERFORMANCE_MODEL = 'queue-and-benchmarks'

/** Standard deviations of a normal between which eight of ten values lie. */
const EIGHT_OF_TEN = 1.2816

/** Between these it lies in eight of ten cases. */
export interface Band {
  readonly p10: number
  readonly p90: number
}

export interface PerformanceBands {
  readonly latencyFactor: Band
  readonly throughput: Band
  readonly addedWatts: Band
}

/** Bands around what `predictPerformance` says of the same VM and host: by the spread of the host's demand with the VM there, of the VM's own demand, and
 *  of what benchmarks say of the speed. Latency's two reasons are independent: their logarithms add up by their squares. */
export function performanceBands(
  context: TurnContext,
  { vm, host }: { readonly vm: number; readonly host: number },
  told: Performance,
): PerformanceBands {
  const isThere = context.hostOf[vm] === host
  if (isThere) context.loads.bound(host)
  else context.loads.boundWith(host, vm)
  const { lastMean, lastSd } = context.loads
  const mean = lastMean + (isThere ? 0 : context.levels.mean[vm] * (demandFactor(context, vm, host) - 1))
  const low = Math.max(0, mean - EIGHT_OF_TEN * lastSd)
  const high = mean + EIGHT_OF_TEN * lastSd
  return {
    latencyFactor: latencyBand(context, host, { low, mean, high, told }),
    throughput: throughputBand(context.fleet.capacity[host], 1 - coreShortShare(context, vm, host), {
      low,
      high,
      told,
    }),
    addedWatts: wattsBand(context, { vm, host, mean, told }),
  }
}

interface Demand {
  readonly low: number
  readonly high: number
  readonly told: Performance
}

function latencyBand(context: TurnContext, host: number, demand: Demand & { readonly mean: number }): Band {
  const { low, mean, high, told } = demand
  const capacity = context.fleet.capacity[host]
  const { cores } = context.observation.inventory.hosts[host]
  const at = (refCores: number): number => Math.log(queueingFactor(refCores / capacity, cores))
  const speed = EIGHT_OF_TEN * (told.speed?.spread ?? 0)
  return {
    p10: told.latencyFactor * Math.exp(-Math.hypot(at(mean) - at(low), speed)),
    p90: told.latencyFactor * Math.exp(Math.hypot(at(high) - at(mean), speed)),
  }
}

/** What the host can serve of its demand. @param coresServe share of the VM's demand for which single cores there are fast enough, at any load */
function throughputBand(capacity: number, coresServe: Fraction, { low, high, told }: Demand): Band {
  const served = (refCores: number): number => (refCores <= capacity ? 1 : capacity / refCores)
  const { throughput } = told
  // What is expected is a mean over all cases: it may be less than what is served in eight of ten.
  return {
    p10: Math.min(throughput, coresServe * served(high)),
    p90: Math.max(throughput, coresServe * served(low)),
  }
}

function wattsBand(
  context: TurnContext,
  { vm, host, mean, told }: { vm: number; host: number; mean: number; told: Performance },
): Band {
  const { levels, loads, hostOf } = context
  const isThere = hostOf[vm] === host
  const factor = isThere ? 1 : demandFactor(context, vm, host)
  const own = levels.mean[vm] * factor
  const apart = EIGHT_OF_TEN * Math.sqrt(levels.variance[vm]) * factor
  const others = mean - own
  const isAlone = loads.count[host] - (isThere ? 1 : 0) <= 0
  const before = isAlone ? 0 : wattsFor(context, host, others)
  const at = (refCores: number): number => wattsFor(context, host, others + Math.max(0, refCores)) - before
  const ends = [at(own - apart), told.addedWatts, at(own + apart)]
  return { p10: Math.min(...ends), p90: Math.max(...ends) }
}

/** Why a host is below the best: by how much in all, and the term in which it is furthest behind, in the policy's currency. */
export interface Behind {
  readonly total: number
  readonly term: ScoreTerm
  readonly by: number
}

/** Undefined for the best itself. */
export function behindBest(score: MigrationScore, best: MigrationScore): Behind | undefined {
  if (score === best) return undefined
  let term: ScoreTerm = SCORE_TERMS[0]
  for (const one of SCORE_TERMS) if (apart(score, best, one) > apart(score, best, term)) term = one
  return { total: best.total - score.total, term, by: apart(score, best, term) }
}

function apart(score: MigrationScore, best: MigrationScore, term: ScoreTerm): number {
  return best.terms[term] - score.terms[term]
}
