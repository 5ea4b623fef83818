/** What learning per pair of hosts is worth: the recorded moves in their order, each promised by a model that saw none of its group, then corrected by
 *  what the pair's earlier moves taught. */
import { correctPromise, learnMove, newPair, type PairLearning } from '../../src/engine/migration/pair-learning.ts'
import { type MovePromise, promiseMove } from '../../src/engine/migration/cost-model.ts'
import type { FinishedMove } from './finished-moves.ts'
import { fitCostModel } from './fit.ts'
import { foldsOf, quantile } from './study.ts'

/** Median errors of the total in percent, and the share of totals within the promised eight-of-ten range, before and after correction. */
export interface PairStudy {
  readonly plain: number
  readonly corrected: number
  readonly plainHeld: number
  readonly correctedHeld: number
  /** The same where every move takes a third longer than it did: a pair that is slower than those the model was learned from. */
  readonly slowerPlain: number
  readonly slowerCorrected: number
}

const SLOWER = 4 / 3

export function studyPairs(
  moves: readonly FinishedMove[],
  { folds, seed }: { readonly folds: number; readonly seed: number },
): PairStudy {
  const promises = new Map<FinishedMove, MovePromise>()
  for (const fold of foldsOf([...new Set(moves.map(({ group }) => group))], folds, seed)) {
    const model = fitCostModel(
      moves.filter(({ group }) => !fold.has(group)),
      'a fold',
    )
    for (const move of moves) if (fold.has(move.group)) promises.set(move, promiseMove(model, move.facts))
  }
  const asMeasured = replay(moves, promises, 1)
  const slower = replay(moves, promises, SLOWER)
  return {
    plain: asMeasured.plain,
    corrected: asMeasured.corrected,
    plainHeld: asMeasured.plainHeld,
    correctedHeld: asMeasured.correctedHeld,
    slowerPlain: slower.plain,
    slowerCorrected: slower.corrected,
  }
}

function replay(moves: readonly FinishedMove[], promises: ReadonlyMap<FinishedMove, MovePromise>, factor: number) {
  const pairs = new Map<string, PairLearning>()
  const errors = { plain: [] as number[], corrected: [] as number[] }
  let plainHeld = 0
  let correctedHeld = 0
  for (const move of moves) {
    const promise = promises.get(move)
    if (promise === undefined) continue
    const pair = pairs.get(move.pair) ?? newPair()
    const corrected = correctPromise(pair, promise)
    const totalMs = move.ended === undefined ? undefined : factor * move.ended.totalMs
    if (totalMs !== undefined) {
      errors.plain.push(100 * Math.abs(promise.totalMs / totalMs - 1))
      errors.corrected.push(100 * Math.abs(corrected.totalMs / totalMs - 1))
      if (isWithin(totalMs, promise.totalMsRange)) plainHeld++
      if (isWithin(totalMs, corrected.totalMsRange)) correctedHeld++
    }
    const end = { ended: move.converged, ...move.ended, ...(totalMs === undefined ? {} : { totalMs }) }
    pairs.set(move.pair, learnMove(pair, promise, end))
  }
  const share = (held: number): number => (100 * held) / errors.plain.length
  return {
    plain: quantile(errors.plain, 0.5),
    corrected: quantile(errors.corrected, 0.5),
    plainHeld: share(plainHeld),
    correctedHeld: share(correctedHeld),
  }
}

function isWithin(value: number, [low, high]: readonly [number, number]): boolean {
  return value >= low && value <= high
}
