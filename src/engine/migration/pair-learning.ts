/** What the moves of one pair of hosts, in one direction, teach beyond the shipped model: by which factors its promises are to be corrected,
 *  and how sure that is. State in, state out.
 *
 *  Per figure a normal distribution of ln(actual / promised) whose mean is unknown: each move sharpens it, old moves count less and less, and a
 *  pair that nobody has seen keeps the model's promise (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.5). Verdicts on convergence are
 *  calibrated by how often the promised ones came true. */
import type { Fraction } from '../../terms/units.ts'
import { normalQuantile } from '../numbers.ts'
import type { MovePromise } from './cost-model.ts'

/** Evidence of one figure, on the scale of logarithms. */
export interface FactorBelief {
  /** Moves that it rests on, old ones counted for less. */
  readonly moves: number
  readonly mean: number
  /** Mean square of a single move around `mean`. */
  readonly variance: number
}

export interface PairLearning {
  readonly total: FactorBelief
  readonly downtime: FactorBelief
  readonly bytes: FactorBelief
  /** Log-odds by which the pair's moves end in time more often than promised, and moves behind it. */
  readonly ends: { readonly shift: number; readonly moves: number }
}

export interface MoveEnd {
  readonly ended: boolean
  /** Absent where it was given up or nobody measured it. */
  readonly totalMs?: number
  readonly downtimeMs?: number
  readonly bytesMib?: number
}

/** Spread of a pair's true factor around one, and of single moves, before anything is known of the pair: from the moves that ship. */
const PRIOR = {
  total: { pair: 0.1, move: 0.08 },
  downtime: { pair: 0.2, move: 0.3 },
  bytes: { pair: 0.05, move: 0.05 },
} as const
/** A move's weight after each later one: about thirty moves are remembered. */
const MEMORY = 0.97
/** Beyond so many standard deviations a move is counted as one so far off (Huber 1981): most moves that are late are late by accident. */
const STRAY_DEVIATIONS = 1
/** Step of the verdict's log-odds per move, shrinking as moves add up. */
const VERDICT_STEP = 0.6
const VERDICT_SHIFT_MAX = 3
/** Tenth and ninetieth of hundred of a standard normal. */
const TAIL = 0.9

export function newPair(): PairLearning {
  return {
    total: unknown('total'),
    downtime: unknown('downtime'),
    bytes: unknown('bytes'),
    ends: { shift: 0, moves: 0 },
  }
}

function unknown(figure: keyof typeof PRIOR): FactorBelief {
  return { moves: 0, mean: 0, variance: PRIOR[figure].move ** 2 }
}

/** The pair after one more move.
 *  @param promise as the shipped model gave it, uncorrected: what is learned is the pair's factor, not the last correction's rest */
export function learnMove(pair: PairLearning, promise: MovePromise, end: MoveEnd): PairLearning {
  return {
    total: sharpened(pair.total, PRIOR.total.pair, { promised: promise.totalMs, actual: end.totalMs }),
    downtime: sharpened(pair.downtime, PRIOR.downtime.pair, { promised: promise.downtimeMs, actual: end.downtimeMs }),
    bytes: sharpened(pair.bytes, PRIOR.bytes.pair, { promised: promise.bytesMib, actual: end.bytesMib }),
    ends: shifted(pair.ends, promise.pConverge, end.ended),
  }
}

/** The promise as this pair's moves correct it: figures, their ranges and the verdict. */
export function correctPromise(pair: PairLearning, promise: MovePromise): MovePromise {
  const total = factorOf(pair.total, PRIOR.total.pair)
  const downtime = factorOf(pair.downtime, PRIOR.downtime.pair)
  const bytes = factorOf(pair.bytes, PRIOR.bytes.pair)
  return {
    totalMs: promise.totalMs * total.middle,
    downtimeMs: promise.downtimeMs * downtime.middle,
    bytesMib: promise.bytesMib * bytes.middle,
    pConverge: withOdds(promise.pConverge, pair.ends.shift),
    totalMsRange: rangeOf(promise.totalMs, promise.totalMsRange, total),
    downtimeMsRange: rangeOf(promise.downtimeMs, promise.downtimeMsRange, downtime),
    bytesMibRange: rangeOf(promise.bytesMib, promise.bytesMibRange, bytes),
  }
}

function sharpened(
  belief: FactorBelief,
  pairSpread: number,
  { promised, actual }: { readonly promised: number; readonly actual: number | undefined },
): FactorBelief {
  if (actual === undefined || !(actual > 0) || !(promised > 0)) return belief
  const moves = MEMORY * belief.moves + 1
  const doubt = pairSpread ** 2 / moves
  const reach = STRAY_DEVIATIONS * Math.sqrt(belief.variance + doubt)
  const off = Math.log(actual / promised) - belief.mean
  const mean = belief.mean + Math.max(-reach, Math.min(reach, off)) / moves
  // The prior's variance counts as four moves, so that two alike don't make a certainty; a stray move counts as three times the reach.
  const square = Math.min(Math.abs(off), 3 * reach) ** 2
  return { moves, mean, variance: belief.variance + (square - belief.variance) / (moves + 4) }
}

interface Factor {
  readonly middle: number
  /** Moves known, 0 where nothing is: how much of the range is the pair's own. */
  readonly own: Fraction
  /** Standard deviation of ln(actual / corrected). */
  readonly spread: number
}

/** The pair's mean, drawn towards one by how little it rests on. */
function factorOf({ moves, mean, variance }: FactorBelief, pairSpread: number): Factor {
  const known = moves / (moves + variance / pairSpread ** 2)
  const doubt = (1 - known) * pairSpread ** 2
  return { middle: Math.exp(known * mean), own: moves / (moves + 5), spread: Math.sqrt(variance + doubt) }
}

/** Between the model's range and the pair's own, by how many moves the pair has. */
function rangeOf(promised: number, [low, high]: readonly [number, number], factor: Factor): readonly [number, number] {
  const reach = normalQuantile(TAIL) * factor.spread
  const mix = (end: number, own: number): number =>
    promised * factor.middle * Math.exp((1 - factor.own) * Math.log(end / promised) + factor.own * own)
  return [mix(low, -reach), mix(high, reach)]
}

function shifted(ends: PairLearning['ends'], promised: Fraction, ended: boolean): PairLearning['ends'] {
  const said = withOdds(promised, ends.shift)
  const step = VERDICT_STEP / Math.sqrt(1 + ends.moves)
  const shift = ends.shift + step * ((ended ? 1 : 0) - said)
  return { shift: Math.max(-VERDICT_SHIFT_MAX, Math.min(VERDICT_SHIFT_MAX, shift)), moves: MEMORY * ends.moves + 1 }
}

function withOdds(share: Fraction, shift: number): Fraction {
  if (share <= 0 || share >= 1) return share
  return 1 / (1 + Math.exp(-(Math.log(share / (1 - share)) + shift)))
}
