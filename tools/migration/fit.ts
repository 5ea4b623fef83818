/** Fits the cost model to finished moves. Nothing is drawn: the same moves give the same model. */
import {
  COST_MODEL_SCHEMA,
  type CopyOutlook,
  type CostModel,
  downtimeFeatures,
  type ErrorBand,
  firstGuessMib,
  memoryFeatures,
  outlookOf,
  PACE_MIB,
  paceFeatures,
  paceOf,
  sendingMs,
  sharpenedOdds,
  setUpFeatures,
  timeOf,
} from '../../src/engine/migration/cost-model.ts'
import { fitRobust, type SmoothFit, type SmoothModel } from '../../src/engine/migration/smooth-regression.ts'
import type { FinishedMove } from './finished-moves.ts'

/** Length scales in standard deviations of each feature, and noise over signal: chosen once by cross-validation on the moves that ship. */
const MEMORY = { lengths: [0.1, 1, 2, 1, 5, 2], noiseShare: 0.1 }
const SET_UP = { lengths: [2, 2], noiseShare: 1 }
const PACE = { lengths: [1, 1, 1], noiseShare: 0.3 }
const DOWNTIME = { lengths: [1, 1, 1, 1, 1, 1, 1], noiseShare: 0.5 }
/** Fewest moves, of each kind of link, that a regression is fitted to; below, its answer is the starting value. */
const MOVES_MIN = 8

interface Done {
  readonly move: FinishedMove
  readonly ended: NonNullable<FinishedMove['ended']>
  readonly outlook: CopyOutlook
}

export function fitCostModel(moves: readonly FinishedMove[], provenance: string): CostModel {
  const notZeroShare = notZeroShareOf(moves)
  const guesses = moves.map(({ facts }) => firstGuessMib(facts, notZeroShare))
  // Robust: a guest that takes fresh memory between the look and the end is not how others are.
  const memory = fitRobust(
    moves.map(({ facts }) => memoryFeatures(facts)),
    moves.map(({ usedMib }, i) => Math.log(usedMib / guesses[i])),
    MEMORY,
  )
  // What comes after is fitted to the memory as it would be told of a move not seen: else it would trust it too much.
  const outlooks = moves.map(({ facts }, i) =>
    outlookOf(facts, Math.min(facts.memoryMib, guesses[i] * Math.exp(memory.leftOut[i]))),
  )
  const done: readonly Done[] = moves.flatMap((move, i) =>
    move.ended === undefined ? [] : [{ move, ended: move.ended, outlook: outlooks[i] }],
  )
  const limited = done.filter(({ move }) => move.facts.linkMbitPerSec !== undefined)
  const unlimited = done.filter(({ move }) => move.facts.linkMbitPerSec === undefined)
  const setUp = fitOrConstant(
    limited.map(({ move }) => setUpFeatures(move.facts)),
    limited.map(({ move, ended }) => ended.totalMs - sendingMs(move.facts, ended.bytesMib)),
    { ...SET_UP, fallback: 450 },
  )
  const pace = fitOrConstant(
    unlimited.map(({ move, outlook }) => paceFeatures(move.facts, outlook.usedMib)),
    unlimited.map(({ ended }) => Math.log(paceOf(ended.bytesMib, ended.totalMs))),
    { ...PACE, fallback: Math.log(PACE_MIB) },
  )
  const downtime = fitOrConstant(
    done.map(({ move, outlook }) => downtimeFeatures(move.facts, outlook)),
    done.map(({ ended, outlook }) => Math.log(ended.downtimeMs / outlook.downtimeMs)),
    { ...DOWNTIME, fallback: 0 },
  )
  const models = { setUp: setUp.model, pace: pace.model }
  return {
    schema: COST_MODEL_SCHEMA,
    provenance,
    notZeroShare,
    memory: roundedModel(memory.model),
    setUp: roundedModel(setUp.model),
    pace: roundedModel(pace.model),
    downtime: roundedModel(downtime.model),
    oddsPower: oddsPowerOf(moves, outlooks),
    bands: {
      total: bandOf(done.map(({ move, ended, outlook }) => ended.totalMs / timeOf(models, move.facts, outlook))),
      downtime: bandOf(
        done.map(({ ended, outlook }, i) => ended.downtimeMs / (outlook.downtimeMs * Math.exp(downtime.leftOut[i]))),
      ),
      bytes: bandOf(done.map(({ ended, outlook }) => ended.bytesMib / outlook.bytesMib)),
    },
  }
}

/** The least share of what a guest said that it uses which did hold something; one at most. Nought of no moves: then nothing is known. */
function notZeroShareOf(moves: readonly FinishedMove[]): number {
  const shares = moves.map(({ facts, usedMib }) => usedMib / (facts.memoryMib - facts.unusedMib))
  return moves.length === 0 ? 0 : short(Math.min(1, ...shares))
}

/** The power under which the verdicts were likeliest, tried in steps, and at most two: few recorded moves do not end. */
function oddsPowerOf(moves: readonly FinishedMove[], outlooks: readonly CopyOutlook[]): number {
  let best = { power: 1, likelihood: -Infinity }
  for (const power of [1, 1.25, 1.5, 1.75, 2]) {
    const likelihood = moves.reduce((sum, { converged }, i) => {
      const said = sharpenedOdds(outlooks[i].pConverge, power)
      return sum + Math.log(Math.max(1e-4, converged ? said : 1 - said))
    }, 0)
    if (likelihood > best.likelihood) best = { power, likelihood }
  }
  return best.power
}

function fitOrConstant(
  features: readonly (readonly number[])[],
  targets: readonly number[],
  settings: { readonly lengths: readonly number[]; readonly noiseShare: number; readonly fallback: number },
): SmoothFit {
  if (features.length >= MOVES_MIN) return fitRobust(features, targets, settings)
  const flat = settings.lengths.map(() => 1)
  const model = { centres: flat.map(() => 0), scales: flat, mean: settings.fallback, rows: [], weights: [] }
  return { model, leftOut: targets.map(() => settings.fallback) }
}

function bandOf(ratios: readonly number[]): ErrorBand {
  const sorted = ratios.map((ratio) => Math.log(ratio)).toSorted((a, b) => a - b)
  const at = (share: number): number => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
    return Number(value.toFixed(4))
  }
  return { p10: at(0.1), p90: at(0.9) }
}

function roundedModel(model: SmoothModel): SmoothModel {
  return {
    centres: model.centres.map(short),
    scales: model.scales.map(short),
    mean: short(model.mean),
    rows: model.rows.map((row) => row.map(short)),
    weights: model.weights.map(short),
  }
}

/** Seven digits: more than any of the figures is good for, and a file that can be read. */
function short(value: number): number {
  return Number(value.toPrecision(7))
}
