/** How the cost model fares on moves that were recorded later, with many that can't end: by what the recorded ones teach, and all in folds.
 *  No regression is learned of them, but the cautious prior was chosen by their likelihood: for verdicts they are no hold-out. */
import { join } from 'node:path'
import { courseOfCopy } from '../../src/engine/migration/copy-course.ts'
import { type CostModel, PACE_MIB, promiseMove, TAIL_USED } from '../../src/engine/migration/cost-model.ts'
import { curveOf, levelOf } from '../../src/engine/migration/dirty-belief.ts'
import type { MoveFacts } from '../../src/terms/move-facts.ts'
import { type Fraction, MiB } from '../../src/terms/units.ts'
import { type FinishedMove, MOVES_FOLDER, readFinishedMoves } from './finished-moves.ts'
import { fitCostModel } from './fit.ts'
import { COST_MODEL, foldsOf, quantile } from './study.ts'

export const OWN_MOVES_PATH = join(MOVES_FOLDER, 'own-moves.csv')

/** Verdicts against what came, in moves (means over seeds where there are some), and the error of bytes. */
export interface Verdicts {
  readonly name: string
  readonly moves: number
  readonly endedAsSaid: number
  readonly refusedRightly: number
  /** Said not to end in time, and did. */
  readonly refusedWrongly: number
  /** Said to end in time, and did not. */
  readonly startedWrongly: number
  /** Median |promised / actual - 1| of those that ended, in percent. */
  readonly bytes: number
  /** Mean square of the distance between the probability promised and what came, in hundredths, as in the study's rows. */
  readonly brier: number
  /** The highest probability that was promised to a start that did not end. Absent: every one that was said to end did. */
  readonly surestMiss?: Fraction
}

interface Judged {
  readonly move: FinishedMove
  readonly pConverge: number
  readonly bytesMib: number
}

/** @param recorded what the shipped model is learned from */
export function studyOwnMoves(recorded: readonly FinishedMove[], seeds: readonly number[]): readonly Verdicts[] {
  const own = readFinishedMoves(OWN_MOVES_PATH)
  const model = fitCostModel(recorded, 'the recorded moves alone')
  const several = own.filter(({ facts }) => facts.moreDirtyWindows?.some(({ windowSec }) => windowSec > 1))
  const judged = (moves: readonly FinishedMove[], facts: (move: FinishedMove) => MoveFacts): readonly Judged[] =>
    moves.map((move) => ({ move, ...promised(model, facts(move)) }))
  return [
    verdictsOf('recorded, in folds', inFolds(recorded, seeds), seeds.length),
    verdictsOf('own, by what the recorded ones teach', judged(own, oneWindow), 1),
    verdictsOf('  those sampled in several windows: one read', judged(several, oneWindow), 1),
    verdictsOf(
      '  the same, all windows read',
      judged(several, ({ facts }) => facts),
      1,
    ),
    verdictsOf('both, in folds', inFolds([...recorded, ...own], seeds), seeds.length),
    verdictsOf('own, by the stop rule from how the guest truly wrote', byTruth(own), 1),
  ]
}

function promised(model: CostModel, facts: MoveFacts): Pick<Judged, 'pConverge' | 'bytesMib'> {
  const { pConverge, bytesMib } = promiseMove(model, facts)
  return { pConverge, bytesMib }
}

function oneWindow({ facts }: FinishedMove): MoveFacts {
  const { moreDirtyWindows: _, ...rest } = facts
  return rest
}

function inFolds(moves: readonly FinishedMove[], seeds: readonly number[]): readonly Judged[] {
  const asked = moves.map((move) => ({ ...move, facts: oneWindow(move) }))
  return seeds.flatMap((seed) =>
    foldsOf([...new Set(asked.map(({ group }) => group))], 5, seed).flatMap((fold) => {
      const promise = COST_MODEL.learn(asked.filter(({ group }) => !fold.has(group)))
      return asked.filter(({ group }) => fold.has(group)).map((move) => ({ move, ...promise(move.facts) }))
    }),
  )
}

/** By what only the guest knows: pages that it rewrote over the windows, and over how much memory it walked. */
function byTruth(own: readonly FinishedMove[]): readonly Judged[] {
  return own.flatMap((move) => {
    const { facts, truth } = move
    if (truth === undefined) return []
    const subject = {
      ramBytes: facts.memoryMib * MiB,
      usedBytes: Math.min(facts.memoryMib, move.usedMib) * MiB,
      tailUsed: TAIL_USED,
      dirtied: curveOf(truth),
      workingSetBytes: levelOf(truth),
    }
    const bytesPerSec = facts.linkMbitPerSec === undefined ? PACE_MIB * MiB : facts.probeBytesPerSec
    const { downtimeLimitMs, mode, timeoutSec } = facts
    const course = courseOfCopy(subject, { bytesPerSec, downtimeLimitMs, mode, timeoutMs: timeoutSec * 1000 })
    return [{ move, pConverge: course.converges ? 1 : 0, bytesMib: course.sentBytes / MiB }]
  })
}

/** @param rounds how often each move was judged */
export function verdictsOf(name: string, judged: readonly Judged[], rounds: number): Verdicts {
  const count = (says: boolean, came: boolean): number =>
    judged.filter(({ move, pConverge }) => pConverge >= 0.5 === says && move.converged === came).length / rounds
  const errors = judged.flatMap(({ move, bytesMib }) =>
    move.ended === undefined ? [] : [100 * Math.abs(bytesMib / move.ended.bytesMib - 1)],
  )
  const misses = judged.flatMap(({ move, pConverge }) => (pConverge >= 0.5 && !move.converged ? [pConverge] : []))
  const squares = judged.reduce((sum, { move, pConverge }) => sum + (pConverge - (move.converged ? 1 : 0)) ** 2, 0)
  return {
    name,
    moves: judged.length / rounds,
    endedAsSaid: count(true, true),
    refusedRightly: count(false, false),
    refusedWrongly: count(false, true),
    startedWrongly: count(true, false),
    bytes: quantile(errors, 0.5),
    brier: (100 * squares) / judged.length,
    ...(misses.length === 0 ? {} : { surestMiss: Math.max(...misses) }),
  }
}

export function verdictsText(rows: readonly Verdicts[]): string {
  const head = ['moves', 'ended as said', 'refused rightly', 'refused wrongly', 'started wrongly']
  const lines = [
    ['', ...head, 'bytes', 'Brier x 100', 'surest miss'],
    ...rows.map((row) => [
      row.name,
      ...[row.moves, row.endedAsSaid, row.refusedRightly, row.refusedWrongly, row.startedWrongly].map(countText),
      `${row.bytes.toFixed(2)} %`,
      row.brier.toFixed(2),
      row.surestMiss?.toFixed(3) ?? 'none',
    ]),
  ]
  return lines.map(([name, ...cells]) => name.padEnd(55) + cells.map((cell) => cell.padStart(17)).join('')).join('\n')
}

function countText(count: number): string {
  return Number.isInteger(count) ? String(count) : count.toFixed(1)
}
