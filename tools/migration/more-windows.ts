/** What page sampling would tell if it were done more often before a move: samples drawn anew from how each recorded guest truly wrote. */
import { type CostModel, promiseMove } from '../../src/engine/migration/cost-model.ts'
import { curveOf, SAMPLED_PAGES_PER_GIB } from '../../src/engine/migration/dirty-belief.ts'
import { CONVERGE_MIN_AUTOMATION } from '../../src/engine/migration/terms.ts'
import { Luck } from '../../src/terms/luck.ts'
import type { MoveFacts } from '../../src/terms/move-facts.ts'
import { MiB } from '../../src/terms/units.ts'
import type { FinishedMove } from './finished-moves.ts'
import { COST_MODEL, foldsOf, quantile } from './study.ts'
import { fitCostModel } from './fit.ts'

/** Windows in seconds, one after the other; the first is the one that a promise always has. */
export const WINDOWS: readonly (readonly number[])[] = [[1], [1, 1], [1, 1, 1], [1, 4], [1, 1, 4], [1, 1, 1, 1, 1]]

export interface WindowsRow {
  readonly windows: readonly number[]
  /** Median |promised / actual - 1| in percent, mean over rounds. */
  readonly bytes: number
  readonly total: number
  /** Percent of verdicts. */
  readonly wrong: number
  /** Moves that automation would begin, and that did not end. */
  readonly begun: number
}

const ROUNDS = 60

/** Each round draws the samples anew; every move is judged by a model that saw none of its group. @param later moves to be judged by what `moves` teach,
 *  instead of those themselves */
export function studyWindows(moves: readonly FinishedMove[], later?: readonly FinishedMove[]): readonly WindowsRow[] {
  const known = (later ?? moves).filter(({ truth }) => truth !== undefined)
  const models = later === undefined ? modelsOf(known) : modelsOf(moves, known)
  return WINDOWS.map((windows) => {
    const luck = new Luck(11)
    const rounds = Array.from({ length: ROUNDS }, () => judge(known, models, windows, luck))
    const mean = (figure: (round: (typeof rounds)[number]) => number): number =>
      rounds.reduce((sum, round) => sum + figure(round), 0) / ROUNDS
    return {
      windows,
      bytes: mean(({ bytes }) => bytes),
      total: mean(({ total }) => total),
      wrong: mean(({ wrong }) => wrong),
      begun: mean(({ begun }) => begun),
    }
  })
}

function modelsOf(moves: readonly FinishedMove[], later?: readonly FinishedMove[]): ReadonlyMap<string, CostModel> {
  if (later !== undefined) {
    const model = fitCostModel(moves, COST_MODEL.name)
    return new Map(later.map(({ group }) => [group, model]))
  }
  const folds = foldsOf([...new Set(moves.map(({ group }) => group))], 5, 1)
  return new Map(
    folds.flatMap((fold) => {
      const model = fitCostModel(
        moves.filter(({ group }) => !fold.has(group)),
        COST_MODEL.name,
      )
      return [...fold].map((group) => [group, model] as const)
    }),
  )
}

function judge(
  moves: readonly FinishedMove[],
  models: ReadonlyMap<string, CostModel>,
  windows: readonly number[],
  luck: Luck,
): Omit<WindowsRow, 'windows'> {
  const bytes: number[] = []
  const total: number[] = []
  let wrong = 0
  let begun = 0
  for (const move of moves) {
    const model = models.get(move.group)
    if (model === undefined) continue
    const promise = promiseMove(model, resampled(move, windows, luck))
    if (promise.pConverge >= 0.5 !== move.converged) wrong++
    if (promise.pConverge >= CONVERGE_MIN_AUTOMATION && !move.converged) begun++
    if (move.ended === undefined) continue
    bytes.push(100 * Math.abs(promise.bytesMib / move.ended.bytesMib - 1))
    total.push(100 * Math.abs(promise.totalMs / move.ended.totalMs - 1))
  }
  return { bytes: quantile(bytes, 0.5), total: quantile(total, 0.5), wrong: (100 * wrong) / moves.length, begun }
}

/** As QEMU tells it: pages of the sample that changed, in whole MiB/s. */
function resampled({ facts, truth }: FinishedMove, windows: readonly number[], luck: Luck): MoveFacts {
  if (truth === undefined) return facts
  const pages = Math.round((SAMPLED_PAGES_PER_GIB * facts.memoryMib) / 1024)
  const [first, ...more] = windows.map((windowSec) => {
    const share = curveOf(truth)(windowSec) / (facts.memoryMib * MiB)
    let hits = 0
    for (let page = 0; page < pages; page++) if (luck.fraction() < share) hits++
    return { windowSec, mibPerSec: Math.floor((hits / pages) * (facts.memoryMib / windowSec) + 1e-9) }
  })
  return { ...facts, dirtyMibPerSec: first.mibPerSec, dirtyWindowSec: first.windowSec, moreDirtyWindows: more }
}
