/** `node tools/evaluate-benchmarks.ts --data DIR --group NAME [--calibration 300] [--seed 1] [--json]`: the shipped choice of benchmarks on any group
 *  of VMs in the form of the Azure VM noise data, on VMs that neither the model nor its centre was made from. Two answers: the shipped trees, centred
 *  on the medians of `--calibration` VMs of that group; and the same benchmarks with trees learned on 70 % of the group, scored on the other 30 %.
 *
 *  The form: short_meta.json names groups (`name`, `region`, `sku`, `vms`, and per metric `suite`, `test`, `unit`, `median`); NAME.u16.gz is gzip of
 *  little-endian 16-bit numbers, VM by VM, value = median x 2^((q - 32768) / 4096), 0 is missing; NAME.start_min.u32.gz holds start minutes. */
import { parseArgs } from 'node:util'
import { dataFolder } from './benchmarks/data-folder.ts'
import { readGroup, readLongSeries, type VmGroup } from './benchmarks/dataset.ts'
import { evaluateModel } from './benchmarks/evaluate.ts'
import { frameOf, LEARNED_SEED, splitByVm } from './benchmarks/frame.ts'
import { readShippedModel } from './benchmarks/model-file.ts'
import type { KeptStudy } from './benchmarks/page.ts'
import { REPOSITORY } from './repository.ts'
import { improvementOfSums, meanImprovement, scoreChoice, withinSpread } from './benchmarks/score.ts'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    group: { type: 'string' },
    calibration: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const folder = dataFolder(options.data)
if (folder === undefined || options.group === undefined) {
  process.stderr.write(
    'Usage: node tools/evaluate-benchmarks.ts --data DIR --group NAME [--calibration 300] [--seed 1] [--json]\n',
  )
  process.exitCode = 2
} else evaluate(folder, readGroup(folder, options.group))

function evaluate(folder: string, group: VmGroup): void {
  const model = readShippedModel()
  const seed = Number(options.seed)
  const among = unseenOf(group)
  const shipped = evaluateModel(model, group, {
    calibrationVms: Number(options.calibration),
    seed,
    ...(among === undefined ? {} : { among }),
  })
  const chosen = model.chosen
    .map((name) => group.metrics.findIndex((metric) => metric.name === name))
    .filter((m) => m >= 0)
  const frame = frameOf(group, splitByVm(group.vms, seed), seed)
  const scores = scoreChoice(frame, chosen)
  const refitted = { improvement: meanImprovement(scores), ofSums: improvementOfSums(scores), metrics: scores }
  const spreads = spreadsOf(folder, group)
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ shipped, refitted, spreads: Object.fromEntries(spreads) }, undefined, 2)}\n`,
    )
    return
  }
  const again = new Map(scores.map((score) => [score.name, score]))
  const lines = [
    `${group.name}: ${group.vms} VMs. Chosen: ${model.chosen.join('; ')}.`,
    `Shipped trees of ${shipped.kind}, centred on ${shipped.calibrationVms} VMs, scored on ${shipped.scoredVms}:`,
    `  ${percent(shipped.improvement)} of the median's error saved, mean over ${shipped.metrics.length} benchmarks not chosen.`,
    'Same benchmarks, trees learned on 70 % of this group, scored on the rest:',
    `  ${percent(refitted.improvement)} (of summed errors ${percent(refitted.ofSums)}).`,
    '',
    `${'metric'.padEnd(62)} median err  shipped  saved   refit saved  in 90 % band  error/within-VM`,
    ...shipped.metrics.map(({ name, medianError, error, improvement, withinWide }) => {
      const refit = again.get(name)
      const spread = spreads.get(name)
      return [
        name.padEnd(62),
        medianError.toFixed(4).padStart(10),
        error.toFixed(4).padStart(8),
        percent(improvement).padStart(8),
        (refit === undefined ? '-' : percent(refit.improvement)).padStart(12),
        percent(withinWide).padStart(12),
        (spread === undefined ? '' : (error / spread).toFixed(2)).padStart(12),
      ].join(' ')
    }),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Median absolute deviation within a VM, by test, mean over the long-lived VMs of this size and region. Empty without those data. */
function spreadsOf(folder: string, group: VmGroup): ReadonlyMap<string, number> {
  if (!existsSync(join(folder, 'long_meta.json'))) return new Map()
  const series = readLongSeries(folder, group.sku, group.region)
  const byName = Map.groupBy(series, ({ name }) => name)
  return new Map(
    [...byName].map(([name, all]) => [
      name,
      all.reduce((sum, { logs }) => sum + withinSpread(logs).mad, 0) / all.length,
    ]),
  )
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** The model was learned from the training VMs of two groups: of these only the others are asked about. */
function unseenOf(group: VmGroup): Int32Array | undefined {
  const learnedFrom = readStudyGroups().find(({ name, vms }) => name === group.name && vms === group.vms)
  return learnedFrom === undefined ? undefined : splitByVm(group.vms, LEARNED_SEED).test
}

function readStudyGroups(): KeptStudy['groups'] {
  const path = join(REPOSITORY, 'docs', 'results', 'benchmarks-chosen.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as KeptStudy).groups
}
