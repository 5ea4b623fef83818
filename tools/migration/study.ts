/** How good the cost model is on moves that it has not seen, beside what else one could promise. */
import { promiseMove } from '../../src/engine/migration/cost-model.ts'
import type { MoveFacts } from '../../src/terms/move-facts.ts'
import { hashText } from '../../src/terms/luck.ts'
import type { FinishedMove } from './finished-moves.ts'
import { fitCostModel } from './fit.ts'

/** Whoever promises what a move will take. */
export interface Promised {
  readonly totalMs: number
  readonly downtimeMs: number
  readonly bytesMib: number
  readonly pConverge: number
}
export interface Promiser {
  readonly name: string
  /** Learns from moves; what it gives back is asked of moves not among them. */
  readonly learn: (moves: readonly FinishedMove[]) => (facts: MoveFacts) => Promised
}

/** Figures of one promiser over all seeds. Errors are medians of |promised / actual - 1| over moves that ended, in percent. */
export interface StudyRow {
  readonly name: string
  readonly total: Spread
  readonly downtime: Spread
  readonly bytes: Spread
  /** Moves with the wrong verdict on ending in time, in percent; and how many of them were starts that did not end. */
  readonly wrong: Spread
  readonly neverEnds: Spread
  /** Mean square of the distance between the probability promised and what came (Brier 1950), in hundredths: lower is better. */
  readonly brier: Spread
  /** Ninetieth of hundred errors of the total. */
  readonly totalP90: Spread
}
export interface Spread {
  readonly mean: number
  readonly low: number
  readonly high: number
}

export interface StudyRequest {
  readonly moves: readonly FinishedMove[]
  readonly promisers: readonly Promiser[]
  readonly seeds: readonly number[]
  readonly folds: number
  /** What is never torn apart between learning and judging. */
  readonly groupOf: (move: FinishedMove) => string
}

export const COST_MODEL: Promiser = {
  name: 'cost model',
  learn: (moves) => {
    const model = fitCostModel(moves, 'a fold')
    return (facts) => promiseMove(model, facts)
  },
}

/** Cross-validation: every move is judged once per seed by a model that saw none of its group. */
export function runStudy(request: StudyRequest): readonly StudyRow[] {
  return request.promisers.map((promiser) => {
    const runs = request.seeds.map((seed) => judge(request, promiser, seed))
    const over = (figure: (run: Run) => number): Spread => spreadOf(runs.map(figure))
    return {
      name: promiser.name,
      total: over((run) => run.total),
      downtime: over((run) => run.downtime),
      bytes: over((run) => run.bytes),
      wrong: over((run) => run.wrong),
      neverEnds: over((run) => run.neverEnds),
      brier: over((run) => run.brier),
      totalP90: over((run) => run.totalP90),
    }
  })
}

interface Run {
  readonly total: number
  readonly downtime: number
  readonly bytes: number
  readonly wrong: number
  readonly neverEnds: number
  readonly brier: number
  readonly totalP90: number
}

function judge({ moves, folds, groupOf }: StudyRequest, promiser: Promiser, seed: number): Run {
  const errors = { total: [] as number[], downtime: [] as number[], bytes: [] as number[] }
  let wrong = 0
  let neverEnds = 0
  let brier = 0
  for (const fold of foldsOf([...new Set(moves.map(groupOf))], folds, seed)) {
    const promise = promiser.learn(moves.filter((move) => !fold.has(groupOf(move))))
    for (const move of moves.filter((one) => fold.has(groupOf(one)))) {
      const said = promise(move.facts)
      const isWrong = said.pConverge >= 0.5 !== move.converged
      brier += (said.pConverge - (move.converged ? 1 : 0)) ** 2
      if (isWrong) wrong++
      if (isWrong && !move.converged) neverEnds++
      if (move.ended === undefined) continue
      errors.total.push(errorOf(said.totalMs, move.ended.totalMs))
      errors.downtime.push(errorOf(said.downtimeMs, move.ended.downtimeMs))
      errors.bytes.push(errorOf(said.bytesMib, move.ended.bytesMib))
    }
  }
  return {
    total: quantile(errors.total, 0.5),
    downtime: quantile(errors.downtime, 0.5),
    bytes: quantile(errors.bytes, 0.5),
    totalP90: quantile(errors.total, 0.9),
    wrong: (100 * wrong) / moves.length,
    neverEnds,
    brier: (100 * brier) / moves.length,
  }
}

function errorOf(promised: number, actual: number): number {
  return 100 * Math.abs(promised / actual - 1)
}

/** Groups dealt out by a hash of name and seed. */
export function foldsOf(groups: readonly string[], folds: number, seed: number): readonly ReadonlySet<string>[] {
  const shuffled = groups.toSorted((a, b) => hashText(a, seed) - hashText(b, seed))
  return Array.from({ length: folds }, (_, k) => new Set(shuffled.filter((_, i) => i % folds === k)))
}

/** Linear between the two values beside it. NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted.length === 0 ? Number.NaN : sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low])
}

function spreadOf(values: readonly number[]): Spread {
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: Math.min(...values),
    high: Math.max(...values),
  }
}
