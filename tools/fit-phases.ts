/** `node tools/fit-phases.ts [--data DIR] [--k N] [--write] [--out FILE --version N]`: fits the centroids of phases on Bitbrains and prints how well
 *  each number of phases holds from week to week; `--out` writes them to a file that `ethos phases install` takes; `--write` freezes them in
 *  src/engine/profile/phases-1.ts and scenarios/phases/1.json.
 *  The data may not be passed on, the centroids may; Bitbrains GWA-T-12 is public at the Grid Workloads Archive
 *  (gwa.ewi.tudelft.nl), docs/traces.md tells the form in which it is read. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kmeans } from 'ml-kmeans'
import {
  featureOf,
  nearestPhase,
  parsePhaseModel,
  type PhaseFeature,
  type PhaseModel,
} from '../src/engine/profile/phases.ts'
import { readBitbrains } from '../src/drivers/traces/bitbrains.ts'
import { findDataFolder } from '../src/drivers/traces/data-folder.ts'
import type { Resource } from '../src/terms/sample.ts'
import { agreement, intraclass, silhouette } from './clusters.ts'
import { REPOSITORY } from './repository.ts'

/** Resource, dimension, what counts as little, whether per core, and its intraclass correlation from day to day, as this tool prints it. Only what a guest
 *  and a hypervisor see alike, so that a phase means the same whoever tells it; memory is not among it, for Bitbrains has VMware's active memory. */
const AXES = [
  { resource: 'cpu', dimension: 'cpuRefCoresMean', unit: 0.02, perCore: true, weight: 0.81 },
  { resource: 'diskRead', dimension: 'diskReadBytesPerSec', unit: 65_536, perCore: false, weight: 0.84 },
  { resource: 'diskWrite', dimension: 'diskWriteBytesPerSec', unit: 65_536, perCore: false, weight: 0.95 },
  { resource: 'netReceive', dimension: 'netReceiveBytesPerSec', unit: 16_384, perCore: false, weight: 0.86 },
  { resource: 'netSend', dimension: 'netSendBytesPerSec', unit: 16_384, perCore: false, weight: 0.8 },
] as const satisfies readonly (Omit<PhaseFeature, 'centre' | 'scale'> & { readonly resource: Resource })[]

/** Fitted on the first; the start is chosen by the second; the third is only judged by. */
const WEEKS = ['0-6', '7-13', '14-20'] as const
const STEPS_PER_HOUR = 12
/** Hours of a day without which its mean is not of that day. */
const DAY_HOURS_MIN = 18
const ROWS = 8000
/** Starts of k-means++, of which the one is taken whose phases hold best to the second week: clusters of one inertia may be of unlike use. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const
/** As good as 7 in the week held out and better than fewer (ARI 0.77 against 0.66 to 0.69), and more is told apart. */
const CHOSEN_K = 8
/** Names that a person gave the centroids of the chosen fit, by looking at them; `--write` refuses another number. */
const NAMES: readonly string[] = [
  'idle',
  'network service',
  'light disk work',
  'busy writer',
  'file server',
  'receiving data',
  'heavy disk work',
  'compute',
]

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    k: { type: 'string' },
    write: { type: 'boolean', default: false },
    out: { type: 'string' },
    version: { type: 'string', default: '2' },
  },
})
const folder = findDataFolder(options.data === undefined ? {} : { option: options.data })
const weeks = WEEKS.map((days) => hourlyRows(readBitbrains({ days }, folder).trace))
const features = AXES.map((axis, k) =>
  scaled(
    axis,
    weeks[0].map(({ raw }) => raw[k]),
  ),
)
const points = weeks.map((rows) =>
  rows.map(({ raw }) => features.map((feature, k) => featureOf(feature, raw[k], 1) * Math.sqrt(feature.weight))),
)
const sample = points[0].filter((_, i) => i % Math.max(1, Math.floor(points[0].length / ROWS)) === 0)
showRepeatability()
process.stdout.write(
  '| k | silhouette | same phase in week 2 | ARI weeks 1 and 2 | same phase in week 3 (held out) | ARI weeks 2 and 3 (held out) |\n' +
    `|---|${'---|'.repeat(5)}\n`,
)
for (const k of options.k === undefined ? [4, 5, 6, 7, 8] : [Number(options.k)]) judge(k)
const model = fit(options.k === undefined ? CHOSEN_K : Number(options.k))
showModel(model)
if (options.write) writeModel(model)
if (options.out !== undefined) writeFile(options.out, { ...model, version: Number(options.version) })

interface Row {
  readonly vm: number
  readonly day: number
  readonly raw: readonly number[]
}

/** Mean of each hour of each VM that was measured for all of it. */
function hourlyRows(trace: ReturnType<typeof readBitbrains>['trace']): readonly Row[] {
  const rows: Row[] = []
  const hours = Math.floor(trace.steps / STEPS_PER_HOUR)
  trace.vmNames.forEach((_, vm) => {
    for (let hour = 0; hour < hours; hour++) {
      const raw = AXES.map(({ resource }) => {
        const column = trace.columns[resource] as Float32Array
        let sum = 0
        for (let i = 0; i < STEPS_PER_HOUR; i++) sum += column[vm * trace.steps + hour * STEPS_PER_HOUR + i]
        return sum / STEPS_PER_HOUR
      })
      if (raw.every((value) => Number.isFinite(value))) rows.push({ vm, day: Math.floor(hour / 24), raw })
    }
  })
  return rows
}

/** How repeatable each axis is from day to day: intraclass correlation of one-way analysis of variance (Shrout and Fleiss 1979, ICC(1,1)) of the daily
 *  means of the first week. */
function showRepeatability(): void {
  process.stdout.write('| axis | intraclass correlation, day to day |\n|---|---|\n')
  AXES.forEach(({ dimension }, k) => {
    const byVm = new Map<number, { sum: number; hours: number }[]>()
    for (const [i, { vm, day }] of weeks[0].entries()) {
      const days = byVm.get(vm) ?? Array.from({ length: 7 }, () => ({ sum: 0, hours: 0 }))
      days[day].sum += points[0][i][k]
      days[day].hours++
      byVm.set(vm, days)
    }
    const whole = [...byVm.values()].filter((days) => days.every(({ hours }) => hours >= DAY_HOURS_MIN))
    const groups = whole.map((days) => days.map(({ sum, hours }) => sum / hours))
    process.stdout.write(`| ${dimension} | ${intraclass(groups).toFixed(3)} |\n`)
  })
  process.stdout.write('\n')
}

function scaled(axis: (typeof AXES)[number], raw: readonly number[]): PhaseFeature {
  const { dimension, unit, perCore, weight } = axis
  const logs = raw.map((value) => Math.log10(1 + value / unit))
  const centre = logs.reduce((sum, value) => sum + value, 0) / logs.length
  const scale = Math.sqrt(logs.reduce((sum, value) => sum + (value - centre) ** 2, 0) / logs.length)
  return { dimension, unit, perCore, centre: round(centre), scale: round(scale), weight }
}

/** The fit whose phases hold best from the first week to the second. */
function fit(k: number): PhaseModel {
  const fits = SEEDS.map((seed) => {
    const fitted = fitFrom(k, seed)
    return { fitted, held: hold(fitted, 0).index }
  })
  return fits.toSorted((a, b) => b.held - a.held)[0].fitted
}

function fitFrom(k: number, seed: number): PhaseModel {
  const { centroids } = kmeans(sample, k, { seed, initialization: 'kmeans++' })
  const rows = centroids
    .map((centroid) => centroid.map((value, i) => round(value / Math.sqrt(features[i].weight))))
    .toSorted((a, b) => a[0] - b[0])
  // The names were given to the chosen fit; the phases of another are somebody's to name.
  const names = rows.map((_, i) => (k === CHOSEN_K ? NAMES[i] : `phase ${i}`))
  return { version: 1, names, features, centroids: rows }
}

/** Phase of a VM in a week: the one it spends most hours in. */
function mainPhases(model: PhaseModel, week: number): ReadonlyMap<number, number> {
  const counts = new Map<number, Map<number, number>>()
  for (const { vm, raw } of weeks[week]) {
    const nearest = nearestPhase(
      model,
      Float64Array.from(features, (feature, k) => featureOf(feature, raw[k], 1)),
      -1,
    )
    if (nearest === undefined) continue
    const ofVm = counts.get(vm) ?? new Map<number, number>()
    ofVm.set(nearest.phase, (ofVm.get(nearest.phase) ?? 0) + 1)
    counts.set(vm, ofVm)
  }
  return new Map([...counts].map(([vm, ofVm]) => [vm, [...ofVm].toSorted((a, b) => b[1] - a[1])[0][0]]))
}

/** How the main phases of a week hold to the next: share of VMs that keep theirs, and adjusted Rand index. */
function hold(model: PhaseModel, week: number): { readonly same: number; readonly index: number } {
  const [first, second] = [mainPhases(model, week), mainPhases(model, week + 1)]
  const both = [...first.keys()].filter((vm) => second.has(vm))
  const pairs = both.map((vm) => [first.get(vm) as number, second.get(vm) as number] as const)
  return { same: pairs.filter(([a, b]) => a === b).length / pairs.length, index: agreement(pairs) }
}

function judge(k: number): void {
  const judged = fit(k)
  const labels = sample.map(
    (point) =>
      (
        nearestPhase(
          judged,
          Float64Array.from(point, (v, i) => v / Math.sqrt(features[i].weight)),
          -1,
        ) as { phase: number }
      ).phase,
  )
  const cells = [0, 1].flatMap((week) => {
    const { same, index } = hold(judged, week)
    return [same.toFixed(3), index.toFixed(3)]
  })
  process.stdout.write(`| ${k} | ${[silhouette(sample, labels).toFixed(3), ...cells].join(' | ')} |\n`)
}

function showModel({ names, centroids }: PhaseModel): void {
  process.stdout.write(
    `\n| phase | ${features.map(({ dimension }) => dimension).join(' | ')} |\n|---|${'---|'.repeat(features.length)}\n`,
  )
  centroids.forEach((centroid, i) => {
    const raw = centroid.map(
      (value, k) => (10 ** (value * features[k].scale + features[k].centre) - 1) * features[k].unit,
    )
    process.stdout.write(
      `| ${i} ${names[i]} | ${raw.map((value, k) => (k === 0 ? value.toFixed(3) : `${(value / 1024).toFixed(1)} KiB/s`)).join(' | ')} |\n`,
    )
  })
}

function writeModel(frozen: PhaseModel): void {
  if (NAMES.length !== frozen.centroids.length) throw new Error(`${frozen.centroids.length} phases want as many names`)
  const text = `/** Phase model 1, fitted on two weeks of Bitbrains by tools/fit-phases.ts and frozen. */
import type { PhaseModel } from './phases.ts'

/** The model that comes with the program; a server may deliver another. */
export const PHASES_1: PhaseModel = ${JSON.stringify(frozen, undefined, 2)}
`
  writeFileSync(join(REPOSITORY, 'src/engine/profile/phases-1.ts'), text)
  writeFileSync(join(REPOSITORY, 'scenarios/phases/1.json'), `${JSON.stringify(frozen, undefined, 2)}\n`)
}

/** What the server would refuse is not written. */
function writeFile(path: string, made: PhaseModel): void {
  const text = `${JSON.stringify(parsePhaseModel(made), undefined, 2)}\n`
  writeFileSync(path, text)
  process.stdout.write(
    `\n${path}: phase model ${made.version}. \`ethos phases install ${path} --data DIR\` makes agents use it.\n`,
  )
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4
}
