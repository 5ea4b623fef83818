/** The table of `npm run bench:migration`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { courseOfCopy } from '../../src/engine/migration/copy-course.ts'
import { promiseMove } from '../../src/engine/migration/cost-model.ts'
import { Luck } from '../../src/terms/luck.ts'
import { commitName, REPOSITORY, runProgram } from '../repository.ts'
import { MEMORY_OVER_BANDWIDTH, RESIDENT_OVER_BANDWIDTH, STOP_RULE_ONLY, TEXTBOOK_ROUNDS } from './baselines.ts'
import { type FinishedMove, readFinishedMoves } from './finished-moves.ts'
import { fitCostModel } from './fit.ts'
import { studyWindows, type WindowsRow } from './more-windows.ts'
import { noiseFloor } from './noise-floor.ts'
import { OWN_MOVES_PATH, studyOwnMoves, verdictsText } from './own-moves.ts'
import { type PairStudy, studyPairs } from './pairs.ts'
import { COST_MODEL, runStudy, type Spread, type StudyRow } from './study.ts'
import { compareSynthetic, drawCase, type SyntheticResult } from './synthetic.ts'

const RESULT = join(REPOSITORY, 'docs', 'results', 'migration-cost.json')
const SEEDS = [1, 2, 3, 4, 5, 6]
const FOLDS = 5
const WIDTHS = [19, 11, 21, 21, 19, 13, 13]

export function keepReport(
  moves: readonly FinishedMove[],
  { cases, isKept }: { readonly cases: number; readonly isKept: boolean },
): string {
  // Before anything is kept: what is written is a change itself.
  const commit = commitName()
  const promisers = [COST_MODEL, STOP_RULE_ONLY, TEXTBOOK_ROUNDS, RESIDENT_OVER_BANDWIDTH, MEMORY_OVER_BANDWIDTH]
  const request = { moves, seeds: SEEDS, folds: FOLDS }
  const rows = runStudy({ ...request, promisers, groupOf: ({ group }) => group })
  const strict = runStudy({ ...request, promisers: [COST_MODEL], groupOf: ({ guest }) => guest })
  const floor = noiseFloor(moves)
  const synthetic = compareSynthetic(cases, 1)
  const speed = speedOf(moves)
  const pairs = studyPairs(moves, { folds: FOLDS, seed: 1 })
  const verdicts = studyOwnMoves(moves, SEEDS)
  const windows = studyWindows(moves)
  const windowsLater = studyWindows(moves, readFinishedMoves(OWN_MOVES_PATH))
  if (isKept) {
    const result = {
      commit,
      moves: moves.length,
      seeds: SEEDS,
      folds: FOLDS,
      rows,
      strict,
      floor,
      synthetic,
      speed,
      pairs,
      verdicts,
      windows,
      windowsLater,
    }
    writeFileSync(RESULT, `${JSON.stringify(result, short, 2)}\n`)
    runProgram('biome', ['format', '--write', RESULT])
  }
  return [
    `commit ${commit}: ${moves.length} recorded moves, ${FOLDS} folds, seeds ${SEEDS.join(' ')}; mean over seeds (lowest to highest)`,
    'median |promised / actual - 1| of moves not learned from',
    '',
    line(['', 'total', '90 of 100', 'downtime', 'bytes', 'wrong verdict', 'did not end', 'Brier x 100']),
    ...rows.map(rowText),
    ...strict.map((row) => rowText({ ...row, name: 'cost model, guests held out whole' })),
    line(['noise floor', percent(floor.total), '', percent(floor.downtime), percent(floor.bytes)]),
    line(['goal', '<= 4 %', '', '<= 12 %', '<= 1.5 %', '<= 0.5 %', '0']),
    '',
    'verdicts, with the moves of traces/live-migrations/own-moves.csv: many can not end',
    verdictsText(verdicts),
    '',
    'samples drawn anew from how the recorded guests truly wrote, in so many windows of so many seconds',
    ...windows.map(windowsText),
    'the same for the moves of own-moves.csv, by what the recorded ones teach',
    ...windowsLater.map(windowsText),
    '',
    pairsText(pairs),
    syntheticText(synthetic),
    `${speed.courseMicros.toFixed(1)} us a course (goal 20), ${speed.promiseMicros.toFixed(0)} us a promise with its belief and corrections`,
    '',
  ].join('\n')
}

/** CPU time, not time on the wall. */
function speedOf(moves: readonly FinishedMove[]): { readonly courseMicros: number; readonly promiseMicros: number } {
  const luck = new Luck(2)
  const drawn = Array.from({ length: 2000 }, () => drawCase(luck))
  let checksum = 0
  const courses = microsOf(10, drawn.length, () => {
    for (const one of drawn) {
      const terms = { bytesPerSec: one.bytesPerSec, downtimeLimitMs: one.downtimeLimitMs, mode: 'precopy' as const }
      checksum += courseOfCopy({ ...one, dirtied: one.curve }, { ...terms, timeoutMs: 600_000 }).rounds
    }
  })
  const model = fitCostModel(moves, 'speed')
  const promises = microsOf(10, moves.length, () => {
    for (const { facts } of moves) checksum += promiseMove(model, facts).pConverge
  })
  if (!Number.isFinite(checksum)) throw new Error('a promise is no number')
  return { courseMicros: courses, promiseMicros: promises }
}

function microsOf(rounds: number, pieces: number, work: () => void): number {
  work()
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round++) work()
  return process.cpuUsage(before).user / rounds / pieces
}

function rowText(row: StudyRow): string {
  const { name, total, totalP90, downtime, bytes, wrong, neverEnds, brier } = row
  return line([
    name,
    spread(total),
    `${totalP90.mean.toFixed(1)} %`,
    spread(downtime),
    spread(bytes),
    spread(wrong),
    neverEnds.mean.toFixed(1),
    brier.mean.toFixed(2),
  ])
}

function pairsText(pairs: PairStudy): string {
  return (
    `learned per pair of hosts: total off by ${pairs.plain.toFixed(2)} %, corrected ${pairs.corrected.toFixed(2)} %; in range ` +
    `${pairs.plainHeld.toFixed(0)} %, corrected ${pairs.correctedHeld.toFixed(0)} % (promised 80 %); ` +
    `a pair a third slower ${pairs.slowerPlain.toFixed(1)} %, corrected ${pairs.slowerCorrected.toFixed(1)} %`
  )
}

function syntheticText(result: SyntheticResult): string {
  return [
    `${result.cases} synthetic dirty curves against a simulation slice by slice (the model sees the curve at 19 points):`,
    `  total time off by ${result.totalMean.toFixed(3)} % on average (median ${result.totalMedian.toFixed(3)} %, 99 of 100 within ` +
      `${result.totalP99.toFixed(2)} %; ${result.within1.toFixed(1)} % of cases within 1 %), bytes median ${result.bytesMedian.toFixed(3)} %,`,
    `  downtime median ${result.downtimeMedian.toFixed(2)} %, other verdict in ${result.wrongVerdicts.toFixed(3)} % ` +
      `(${(100 * result.endsShare).toFixed(0)} % end in time); goal <= 1 %`,
  ].join('\n')
}

function windowsText({ windows, total, bytes, wrong, begun }: WindowsRow): string {
  return line([
    windows.join(' + '),
    percent(total),
    '',
    '',
    percent(bytes),
    percent(wrong),
    `${begun.toFixed(2)} begun`,
  ])
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`
}

function line([name, ...cells]: readonly string[]): string {
  return `${name.padEnd(38)}${cells.map((cell, i) => cell.padStart(WIDTHS[i])).join('')}`.trimEnd()
}

function spread({ mean, low, high }: Spread): string {
  return `${mean.toFixed(2)} % (${low.toFixed(1)}-${high.toFixed(1)})`
}

function short(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}
