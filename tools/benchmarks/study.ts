/** The study behind docs/benchmarks-chosen.md: what is learned, scored and compared, as one kept result. */
import { type LongSeries, readLongSeries, type VmGroup } from './dataset.ts'
import { medianInPlace } from './boost.ts'
import { scoreBestProxy, scoreNeighbours, scoreNeighboursInTime, scoreRidge } from './baselines.ts'
import { errorsOn, fitTarget, type Frame, frameOf, LEARNED_SEED, splitByTime, splitByVm } from './frame.ts'
import {
  improvementOfSums,
  meanImprovement,
  meanOf,
  type MetricScore,
  runsUntil,
  scoreChoice,
  scoreElsewhere,
  scoreFit,
  withinSpread,
} from './score.ts'
import { selectForward } from './select.ts'

/** The goal of the average improvement, and of the error over the spread within a VM. */
export const GOAL = 0.4
export const SPREADS_MAX = 1.5
/** A metric that everything else together tells less of is one that no choice can predict. */
export const SIGNAL_FROM = 0.1
const SEEDS = [LEARNED_SEED, 2, 3]
const STEPS = 12
const CURVE = [1, 2, 3, 4, 6, 8, 10, 12]
/** The knee: the fewest that save so much of what the best number on the curve saves. */
const KNEE_SHARE = 0.9

export type PerGroup = Readonly<Record<string, number>>

export interface Study {
  readonly groups: readonly {
    readonly name: string
    readonly vms: number
    readonly columns: number
    readonly benchmarks: number
    readonly constant: readonly string[]
    readonly scored: number
  }[]
  readonly chosen: readonly { readonly name: string; readonly work: string; readonly gain: number }[]
  readonly chosenBySeed: readonly (readonly string[])[]
  readonly curve: readonly {
    readonly chosen: number
    readonly mean: PerGroup
    readonly lowest: PerGroup
    readonly highest: PerGroup
  }[]
  readonly table: readonly TableRow[]
  readonly metrics: readonly (MetricScore & { readonly group: string; readonly everything: number })[]
  readonly untilGoal: readonly {
    readonly group: string
    readonly runs?: number
    readonly of: number
    readonly everything?: number
  }[]
  readonly columns: readonly {
    readonly chosen: number
    readonly improvement: PerGroup
    readonly names: readonly string[]
  }[]
  readonly series: readonly SeriesRow[]
}

/** One way to predict, on one split. Shares of the median's error saved, on average over benchmarks not chosen. */
export interface TableRow {
  readonly split: string
  readonly method: string
  readonly improvement: PerGroup
  /** Sum of errors over sum of the median's errors, in place of the mean of ratios. */
  readonly ofSums: PerGroup
  /** The share that half of the benchmarks reach. */
  readonly half: PerGroup
  /** The benchmark told worst of all, where trees lose as much as half of the median's error. */
  readonly worst: readonly { readonly group: string; readonly name: string; readonly improvement: number }[]
}

/** One test of the long series: the error of its prediction, and how far one VM strays by itself. */
export interface SeriesRow {
  readonly name: string
  readonly group: string
  readonly isChosen: boolean
  readonly error: number
  readonly medianError: number
  readonly spread: number
  readonly spreadOfNext: number
  readonly spreadSigma: number
  readonly spreadStandardDeviation: number
}

/** Everything that is learned from the first split: what is shipped comes from here, and its test VMs are never learned from. */
export interface Learned {
  readonly frames: readonly Frame[]
  readonly chosen: readonly number[]
}

export interface StudyInput {
  readonly folder: string
  readonly groups: readonly VmGroup[]
  readonly say: (what: string) => void
}

export function runStudy(input: StudyInput): { readonly study: Study; readonly learned: Learned } {
  const { groups, say, folder } = input
  const bySeed = SEEDS.map((seed) => {
    const frames = groups.map((group) => frameOf(group, splitByVm(group.vms, seed), seed))
    const steps = selectForward(frames, STEPS)
    say(`chosen with seed ${seed}`)
    const order = steps.map(({ metric }) => metric)
    const points = CURVE.map((count) => frames.map((frame) => scoreChoice(frame, order.slice(0, count))))
    say(`curve of seed ${seed}`)
    return { seed, frames, steps, order, points }
  })
  const curve = CURVE.map((chosen, at) =>
    curvePoint(
      chosen,
      groups,
      bySeed.map(({ points }) => points[at]),
    ),
  )
  const knee = kneeOf(curve)
  const at = CURVE.indexOf(knee)
  const [first] = bySeed
  const chosen = first.order.slice(0, knee)
  const { metrics } = groups[0]
  const everything = first.frames.map(scoreEverything)
  say('everything else')
  const table: TableRow[] = [
    ...bySeed.map(({ seed, points }) => tableRow(`by VM, seed ${seed}`, 'trees on the chosen', groups, points[at])),
    ...baselineRows(first.frames, chosen, everything),
    ...splitRows(groups, first.frames, chosen),
  ]
  say('splits and baselines')
  const study: Study = {
    groups: first.frames.map(describeGroup),
    chosen: first.steps
      .slice(0, knee)
      .map(({ metric, gain }) => ({ name: metrics[metric].name, work: metrics[metric].work, gain })),
    chosenBySeed: bySeed.map(({ order }) => order.map((m) => metrics[m].name)),
    curve,
    table,
    metrics: first.frames.flatMap((frame, g) => withEverything(frame, first.points[at][g], everything[g])),
    untilGoal: first.frames.map((frame, g) => untilGoal(frame, first.points[at][g], everything[g], knee)),
    columns: columnView(first.frames),
    series: first.frames.flatMap((frame) =>
      seriesRows(frame, chosen, readLongSeries(folder, frame.group.sku, frame.group.region)),
    ),
  }
  return { study, learned: { frames: first.frames, chosen } }
}

function curvePoint(
  chosen: number,
  groups: readonly VmGroup[],
  seeds: readonly (readonly (readonly MetricScore[])[])[],
): Study['curve'][number] {
  const of = (pick: (values: readonly number[]) => number): PerGroup =>
    perGroup(groups, (_, g) => pick(seeds.map((frames) => meanImprovement(frames[g]))))
  return {
    chosen,
    mean: of(meanOf),
    lowest: of((values) => Math.min(...values)),
    highest: of((values) => Math.max(...values)),
  }
}

function kneeOf(curve: Study['curve']): number {
  const means = curve.map(({ mean }) => meanOf(Object.values(mean)))
  const best = Math.max(...means)
  return curve[means.findIndex((mean) => mean >= KNEE_SHARE * best)].chosen
}

function perGroup(groups: readonly Pick<VmGroup, 'name'>[], pick: (group: VmGroup, at: number) => number): PerGroup {
  return Object.fromEntries(groups.map((group, at) => [group.name, pick(group as VmGroup, at)]))
}

function tableRow(
  split: string,
  method: string,
  groups: readonly Pick<VmGroup, 'name'>[],
  scores: readonly (readonly MetricScore[])[],
): TableRow {
  return {
    split,
    method,
    improvement: perGroup(groups, (_, g) => meanImprovement(scores[g])),
    ofSums: perGroup(groups, (_, g) => improvementOfSums(scores[g])),
    half: perGroup(groups, (_, g) => medianInPlace(Float64Array.from(scores[g], ({ improvement }) => improvement))),
    worst: groups.flatMap((group, g) => {
      const worst = scores[g].reduce((a, b) => (b.improvement < a.improvement ? b : a))
      return worst.improvement < -0.5 ? [{ group: group.name, name: worst.name, improvement: worst.improvement }] : []
    }),
  }
}

/** Every target from every other benchmark, chosen or not: what no choice of few can pass by much. */
function scoreEverything(frame: Frame): readonly MetricScore[] {
  return frame.targets
    .map((target) =>
      scoreFit(
        frame,
        target,
        fitTarget(
          frame,
          target,
          frame.candidates.filter((m) => m !== target),
        ),
      ),
    )
    .filter(({ improvement }) => Number.isFinite(improvement))
}

function baselineRows(
  frames: readonly Frame[],
  chosen: readonly number[],
  everything: readonly (readonly MetricScore[])[],
): readonly TableRow[] {
  const groups = frames.map(({ group }) => group)
  const row = (method: string, score: (frame: Frame, targets: readonly number[]) => readonly MetricScore[]): TableRow =>
    tableRow(
      'by VM, seed 1',
      method,
      groups,
      frames.map((frame) =>
        score(
          frame,
          frame.targets.filter((m) => !chosen.includes(m)),
        ).filter(({ improvement }) => Number.isFinite(improvement)),
      ),
    )
  const names = new Set(chosen.map((m) => groups[0].metrics[m].name))
  return [
    row("group's median", (frame, targets) =>
      targets.map((target) => scoreFit(frame, target, { residuals: frame.centred[target], validationGain: 0 })),
    ),
    row('best single proxy of each', scoreBestProxy),
    row('VMs started at about the same time', scoreNeighboursInTime),
    row('nearest neighbours on the chosen', (frame, targets) => scoreNeighbours(frame, chosen, targets)),
    row('ridge on the chosen', (frame, targets) => scoreRidge(frame, chosen, targets)),
    row('ridge on all others', (frame, targets) => scoreRidge(frame, frame.candidates, targets)),
    tableRow(
      'by VM, seed 1',
      'trees on all others',
      groups,
      everything.map((scores) => scores.filter(({ name }) => !names.has(name))),
    ),
  ]
}

/** Later VMs, the other VM size, and both sizes in one heap. */
function splitRows(
  groups: readonly VmGroup[],
  frames: readonly Frame[],
  chosen: readonly number[],
): readonly TableRow[] {
  const later = groups.map((group) => scoreChoice(frameOf(group, splitByTime(group), 1), chosen))
  const other = frames.map((frame, g) => scoreElsewhere(frames[(g + 1) % frames.length], frame, chosen))
  const heap = pooled(groups)
  const heapScores = scoreChoice(frameOf(heap, splitByVm(heap.vms, 1), 1), chosen)
  return [
    tableRow('by time: the last 30 %', 'trees on the chosen', groups, later),
    tableRow('learned on the other VM size', 'trees on the chosen', groups, other),
    tableRow('both sizes in one heap, seed 1', 'trees on the chosen', [heap], [heapScores]),
  ]
}

/** All VMs as if nobody knew their size: logarithms over the first group's medians. */
export function pooled(groups: readonly VmGroup[]): VmGroup {
  const [first] = groups
  return {
    name: 'heap',
    region: first.region,
    sku: 'heap',
    vms: groups.reduce((sum, { vms }) => sum + vms, 0),
    metrics: first.metrics,
    logs: first.metrics.map(({ median }, m) =>
      Float64Array.from(
        groups.flatMap(({ logs, metrics }) => Array.from(logs[m], (log) => log + Math.log(metrics[m].median / median))),
      ),
    ),
    startMinutes: Uint32Array.from(groups.flatMap(({ startMinutes }) => [...startMinutes])),
  }
}

function describeGroup(frame: Frame): Study['groups'][number] {
  const { group, targets } = frame
  const benchmarks = new Set(group.metrics.map(({ benchmark }) => benchmark))
  const varying = new Set(targets.map((m) => group.metrics[m].benchmark))
  return {
    name: group.name,
    vms: group.vms,
    columns: group.metrics.length,
    benchmarks: benchmarks.size,
    constant: [...benchmarks].filter((benchmark) => !varying.has(benchmark)),
    scored: targets.length,
  }
}

function withEverything(
  frame: Frame,
  scores: readonly MetricScore[],
  everything: readonly MetricScore[],
): Study['metrics'] {
  const ceilings = new Map(everything.map(({ name, improvement }) => [name, improvement]))
  return scores.map((score) => ({ ...score, group: frame.group.name, everything: ceilings.get(score.name) ?? 0 }))
}

function untilGoal(
  frame: Frame,
  scores: readonly MetricScore[],
  everything: readonly MetricScore[],
  chosen: number,
): Study['untilGoal'][number] {
  const found = runsUntil(scores, chosen, GOAL)
  const bound = runsUntil(everything, 0, GOAL)
  return {
    group: frame.group.name,
    of: frame.targets.length,
    ...(found === undefined ? {} : { runs: found.runs }),
    ...(bound === undefined ? {} : { everything: bound.runs }),
  }
}

/** The same with every column a benchmark of its own, as the data count them: a run in a second unit is then half of the work. */
function columnView(frames: readonly Frame[]): Study['columns'] {
  const groups = frames.map(({ group }) => group)
  const order = selectForward(frames, 24, { view: 'columns' }).map(({ metric }) => metric)
  return [8, 12, 16, 20, 24].map((chosen) => {
    const taken = order.slice(0, chosen)
    return {
      chosen,
      improvement: perGroup(groups, (_, g) => meanImprovement(scoreChoice(frames[g], taken, 'columns'))),
      names: taken.map((m) => groups[0].metrics[m].name),
    }
  })
}

/** All tests of the long series; one that is chosen is predicted from the other chosen ones. */
function seriesRows(frame: Frame, chosen: readonly number[], series: readonly LongSeries[]): readonly SeriesRow[] {
  const names = new Set(series.map(({ name }) => name))
  return frame.group.metrics
    .filter(({ name }) => names.has(name))
    .map(({ index, name }) => {
      const features = chosen.filter((m) => m !== index && frame.candidates.includes(m))
      const errors = errorsOn(frame, index, fitTarget(frame, index, features).residuals, frame.split.test)
      const spreads = series.filter((one) => one.name === name).map(({ logs }) => withinSpread(logs))
      return {
        name,
        group: frame.group.name,
        isChosen: chosen.includes(index),
        ...errors,
        spread: meanOf(spreads.map(({ mad }) => mad)),
        spreadOfNext: meanOf(spreads.map(({ next }) => next)),
        spreadSigma: meanOf(spreads.map(({ sigma }) => sigma)),
        spreadStandardDeviation: meanOf(spreads.map(({ standardDeviation }) => standardDeviation)),
      }
    })
}
