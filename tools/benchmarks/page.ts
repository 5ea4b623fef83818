/** docs/benchmarks-chosen.md, drawn from the kept result and nothing else. */
import type { BenchmarkModel } from '../../src/engine/suitability/benchmarks/model.ts'
import { GOAL, type SeriesRow, SIGNAL_FROM, SPREADS_MAX, type Study, type TableRow } from './study.ts'

/** What docs/results/benchmarks-chosen.json holds. */
export interface KeptStudy extends Study {
  readonly commit: string
  readonly cpu: string
  readonly node: string
  readonly cpuSeconds: number
  readonly treesShipped: number
}

/** What of `ethos bench host` measures the like, by kind of work. */
const OURS: Readonly<Record<string, string>> = {
  integer: '`integer-one`, `integer-all` (sysbench cpu)',
  'floating-point': '`floating-point-one` (stress-ng matrixprod)',
  cache: '`cache` (sysbench memory, 256 KiB blocks)',
  'memory-bandwidth': '`memory-bandwidth` (sysbench memory beyond the caches)',
  'memory-latency': '`memory-latency` (stress-ng randlist)',
  'context-switch': '`context-switch` (stress-ng switch)',
  'system-call': '`system-call` (stress-ng null)',
  'disk-sequential': '`disk-sequential-*` (fio)',
  'disk-random': '`disk-random-*` (fio)',
  application: 'none: a program as a whole; nearest `integer-all` with `system-call`',
}

/** The page as it must stand: from the kept result, and from the model for what leans on what. */
export function pageOf(study: KeptStudy, model: BenchmarkModel): string {
  const names = study.groups.map(({ name }) => name)
  return `${[
    '# Which benchmarks to run, and what they tell of the others',
    '',
    ...introduction(study),
    '',
    '## The chosen',
    '',
    ...chosenTable(study),
    '',
    ...leaningText(model),
    '',
    '## How many: the figure',
    '',
    ...curveFigure(study),
    '',
    '## The score, and everybody in one table',
    '',
    ...scoreText(),
    '',
    `| split | method | ${names.flatMap((name) => [short(name), 'half reach', 'of sums']).join(' | ')} |`,
    `|---|---|${names.map(() => '--:|--:|--:|').join('')}`,
    ...study.table.map((row) => `| ${row.split} | ${row.method} | ${perGroup(row, names).join(' | ')} |`),
    '',
    ...worstText(study),
    '',
    '## What bounds it',
    '',
    ...boundText(study),
    '',
    '## The 13 tests of the long series',
    '',
    ...seriesText(study),
    '',
    '## Each benchmark not chosen',
    '',
    ...metricTable(study),
    '',
    '## On your own data',
    '',
    ...ownText(study),
  ].join('\n')}\n`
}

function introduction(study: KeptStudy): readonly string[] {
  const vms = study.groups.reduce((sum, { vms }) => sum + vms, 0)
  const [{ columns, benchmarks }] = study.groups
  const own = study.table.filter(({ split, method }) => split.startsWith('by VM') && method === 'trees on the chosen')
  const improvements = study.groups.map(({ name }) => {
    const mean = own.reduce((sum, { improvement }) => sum + improvement[name], 0) / own.length
    return `${percent(mean)} (${short(name)})`
  })
  const heap = study.table.find(({ split }) => split.startsWith('both'))
  const isReached = study.groups.every(({ name }) => own.every(({ improvement }) => improvement[name] >= GOAL))
  const reached = isReached
    ? 'reached'
    : '**not reached** within one VM size: hosts behind it are too alike, and what is left is noise of the run (below)'
  return [
    ...wrapped(
      'A suite of three minutes can not hold every benchmark. This page says which few tell most of the others, how much they tell, and what',
      'nothing tells.',
    ),
    '',
    ...wrapped(
      `**Data**: ${vms.toLocaleString('en')} VMs of Azure, almost each on another host, in two groups (one VM size in one region each);`,
      `${columns} columns, which are ${benchmarks} benchmarks, many of them told in two or three units. Azure VM Noise Dataset 2024`,
      '(Microsoft, CC BY 4.0; TUNA, EuroSys 2025).',
    ),
    '',
    ...wrapped(
      `**Result**: ${study.chosen.length} benchmarks save ${improvements.join(' and ')} of the error of predicting the group's median, averaged`,
      `over the benchmarks not chosen, on VMs held out. The goal of ${percent(GOAL)} is ${reached}.`,
      heap === undefined
        ? ''
        : `Where hosts of unlike kinds stand together, as in a real cluster, the same few save ${percent(heap.improvement['heap'])}.`,
    ),
    '',
    ...wrapped(
      `Again: \`npm run bench:benchmarks -- --data DIR\` (${study.cpuSeconds} s of CPU on a busy machine; ${study.cpu}; Node ${study.node};`,
      `commit ${study.commit}). This page is drawn from [results/benchmarks-chosen.json](results/benchmarks-chosen.json).`,
    ),
  ]
}

function chosenTable(study: KeptStudy): readonly string[] {
  return [
    '| | benchmark | work | tells of the others | of ours, the like is |',
    '|--:|---|---|--:|---|',
    ...study.chosen.map(
      ({ name, work, gain }, i) => `| ${i + 1} | ${name} | ${work} | ${gain.toFixed(2)} | ${OURS[work] ?? '-'} |`,
    ),
    '',
    ...wrapped(
      '"Tells of the others": sum over the other benchmarks of the share of their error that it saves beyond those above it; 2.0 is as much as',
      'all of the error of two benchmarks. Chosen one after the other on the training VMs of seed 1, for both groups at once.',
    ),
    '',
    'With other seeds the beginnings of the list are:',
    '',
    ...study.chosenBySeed.map((names, i) => `${i + 1}. ${names.slice(0, study.chosen.length).join('; ')}`),
    '',
    ...wrapped(
      'Which of the memory bandwidths comes first is luck, for they are nearly one: what stays is the kind of work. The seconds that each',
      'benchmark took are not in the data, so that the fewest are chosen here, and the cheapest are not asked for.',
    ),
  ]
}

/** Which benchmarks lean most on which chosen one: by the first questions of their trees, which every host is asked. */
function leaningText({ chosen, kinds }: BenchmarkModel): readonly string[] {
  const leaning = kinds.flatMap(({ kind, metrics }) =>
    metrics
      .filter(({ trees }) => trees.length > 0)
      .map(({ benchmark, trees }) => {
        const asked = chosen.map((_, feature) => trees.filter(([first]) => first === feature).length)
        return { benchmark, kind, feature: asked.indexOf(Math.max(...asked)) }
      }),
  )
  const lines = chosen.flatMap((name, feature) => {
    const byBenchmark = Map.groupBy(
      leaning.filter((one) => one.feature === feature),
      ({ benchmark }) => benchmark,
    )
    const told = [...byBenchmark].map(([benchmark, all]) =>
      all.length === kinds.length ? benchmark : `${benchmark} (on ${all.map(({ kind }) => kind).join(', ')})`,
    )
    return wrapped(`- **${name}**: ${told.length > 0 ? told.join('; ') : 'no other leans on it most'}.`)
  })
  return [
    'What leans on which of them most, where anything is predicted at all (how much that saves stands in the last table):',
    '',
    ...lines,
  ]
}

/** Share of the error saved against how many are chosen, as text: a point per group, and from lowest to highest seed in figures. */
function curveFigure({ curve, groups, chosen }: KeptStudy): readonly string[] {
  const rows = curve.flatMap(({ chosen: count, mean, lowest, highest }) =>
    groups.map(({ name }, g) => {
      const bar = (g === 0 ? '#' : '=').repeat(Math.max(0, Math.round(mean[name] * 100)))
      const range = `${percent(mean[name])} (${percent(lowest[name])} to ${percent(highest[name])})`
      return `${(g === 0 ? String(count) : '').padStart(6)} ${short(name).padEnd(16)} ${bar.padEnd(42)} ${range}`
    }),
  )
  return [
    '```',
    `chosen group            ${"share of the median's error saved".padEnd(42)} mean of 3 seeds (lowest to highest)`,
    ...rows,
    `       goal ${' '.repeat(11 + Math.round(GOAL * 100))}|`,
    '```',
    '',
    ...wrapped(
      `Each seed makes its own choice from its own training VMs. The knee is at ${chosen.length}: the fewest with nine tenths of what the best`,
      'number on the curve saves. Beyond it each benchmark tells of little but itself.',
    ),
  ]
}

function scoreText(): readonly string[] {
  return [
    ...wrapped(
      'Errors are absolute differences of natural logarithms: 0.01 is one percent. Per benchmark not chosen: median over held-out VMs of the',
      'error of the prediction, over the same of the *training* median of the group; the share saved is one less the ratio; the table has the',
      'mean of shares over the benchmarks not chosen, and beside it the share of the sums of errors, in which noisy benchmarks weigh most.',
      'Columns that are one run in other units (IOPS and MiB/s, rate and mean latency) count once, and not at all where that run is chosen: a',
      'copy is no prediction. A benchmark whose training VMs differ by less than 0.05 % (median) stands at a cap, the median has no error to',
      'save, and it is not scored. The number of trees and of neighbours and the ridge are chosen on a quarter of the training VMs; the test',
      'VMs are only scored. "Half reach" is the share that half of the benchmarks reach. In one heap, the median is that of the heap.',
    ),
  ]
}

function boundText(study: KeptStudy): readonly string[] {
  const lines = study.groups.flatMap(({ name, constant }) => {
    const metrics = study.metrics.filter(({ group }) => group === name)
    const [told, untold] = [
      metrics.filter(({ everything }) => everything >= SIGNAL_FROM),
      metrics.filter(({ everything }) => everything < SIGNAL_FROM),
    ]
    const until = study.untilGoal.find(({ group }) => group === name)
    const all = study.table.find(({ method }) => method === 'trees on all others')
    return [
      ...wrapped(
        `**${short(name)}.** All other benchmarks together save ${percent(all?.improvement[name] ?? Number.NaN)}:`,
        'the most that we found from everything known. It is no proof: another learner may find more.',
        `Without the ${untold.length} of ${metrics.length} of which even all others tell less than ${percent(SIGNAL_FROM)} on the test VMs,`,
        `the chosen save ${percent(mean(told.map(({ improvement }) => improvement)))} of the remaining`,
        `${told.length} (which were picked by the same VMs that score them: a little too good).`,
        `To have ${percent(GOAL)} over those not run, ${until?.runs ?? 'more than all'} of ${until?.of} benchmarks must be run:`,
        'the chosen, then those that are told least.',
        `Were all others known of each, ${until?.everything ?? 'all'} would still have to be left out of the mean.`,
        `Told hardly at all: ${untold.map((metric) => metric.name).join('; ') || 'none'}.`,
        `At a cap or alike on all VMs, and not scored: ${constant.join('; ')}.`,
      ),
      '',
    ]
  })
  const view = study.columns.map(({ chosen, improvement }) => {
    const shares = study.groups.map(({ name }) => `${percent(improvement[name])} (${short(name)})`)
    return `${chosen} columns chosen: ${shares.join(', ')}`
  })
  return [
    ...lines,
    ...wrapped(
      '**If every column counts**, as in "91 benchmarks", a run in its second unit is predicted from its first, and the share is a matter of',
      `counting: ${view.join('; ')}. ${counted(study)} We do not count so.`,
    ),
  ]
}

function counted({ columns, groups }: KeptStudy): string {
  const first = columns.find(({ improvement }) => groups.every(({ name }) => improvement[name] >= GOAL))
  if (first === undefined) return `None of these reaches ${percent(GOAL)} in both groups.`
  return `With ${first.chosen} columns chosen ${percent(GOAL)} are reached in both groups.`
}

function seriesText({ series, groups }: KeptStudy): readonly string[] {
  const lines = groups.map(({ name }) => {
    const rows = series.filter(({ group }) => group === name)
    const open = rows.filter(({ isChosen }) => !isChosen)
    const ratio = mean(rows.map(({ error, spread }) => error / spread))
    const apart = rows.filter(({ error, spread }) => error > SPREADS_MAX * spread).map((row) => row.name)
    return wrapped(
      `- ${short(name)}: ${within(rows)} of ${rows.length} within ${SPREADS_MAX} x the spread`,
      `(${within(open)} of the ${open.length} not chosen); mean ratio ${ratio.toFixed(2)};`,
      `known hosts would save ${percent(mean(rows.map(bestPossible)))} on average.`,
      apart.length > 0 ? `Beyond it: ${apart.join('; ')}.` : '',
    ).join('\n  ')
  })
  return [
    ...wrapped(
      'Twelve VMs ran 13 of the tests for 483 days. The spread within a VM is the median absolute deviation from its own median in logarithms,',
      'mean over the three VMs of the group: the same statistic as the error. From one run to the next (over the square root of two) is without',
      'slow drift and smaller; the standard deviation is larger, for single outliers. "A known host saves" is one less the spread from one run',
      'to the next over the error of the median: about the most that anybody can save who knows the host and not the moment. A chosen test is',
      'predicted from the other chosen ones, so that all 13 are scored.',
    ),
    '',
    ...lines,
    '',
    `| group | test | error | median's error | within-VM spread | ratio | ${['next run', 'sigma', 'standard deviation'].join(' | ')} | a known host saves |`,
    '|---|---|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...series.map(seriesRow),
  ]
}

function seriesRow(row: SeriesRow): string {
  const figures = [row.error, row.medianError, row.spread].map((value) => value.toFixed(4))
  const others = [row.spreadOfNext, row.spreadSigma, row.spreadStandardDeviation].map((value) => value.toFixed(4))
  const ratio = (row.error / row.spread).toFixed(2)
  const cells = [short(row.group), `${row.name}${row.isChosen ? ' (chosen)' : ''}`, ...figures, ratio, ...others]
  return `| ${cells.join(' | ')} | ${percent(bestPossible(row))} |`
}

function within(rows: readonly SeriesRow[]): number {
  return rows.filter(({ error, spread }) => error <= SPREADS_MAX * spread).length
}

/** What could be saved if the host were known and only the run's own noise were left. */
function bestPossible({ spreadOfNext, medianError }: SeriesRow): number {
  return medianError > 0 ? Math.max(0, 1 - spreadOfNext / medianError) : 0
}

function metricTable({ metrics, groups }: KeptStudy): readonly string[] {
  const names = [...new Set(metrics.map(({ name }) => name))]
  const cell = (name: string, group: string): string => {
    const found = metrics.find((metric) => metric.name === name && metric.group === group)
    if (found === undefined) return '- | - | -'
    return `${found.medianError.toFixed(4)} | ${percent(found.improvement)} | ${percent(found.everything)}`
  }
  return [
    ...wrapped(
      "Median's error, share saved by the chosen, share saved by all others together;",
      `${groups.map(({ name }) => short(name)).join(', then ')}; seed 1, held-out VMs.`,
    ),
    '',
    `| benchmark | ${groups.map(() => 'error | chosen | all').join(' | ')} |`,
    `|---|${groups.map(() => '--:|--:|--:|').join('')}`,
    ...names.map((name) => `| ${name} | ${groups.map(({ name: group }) => cell(name, group)).join(' | ')} |`),
  ]
}

function ownText({ treesShipped }: KeptStudy): readonly string[] {
  return [
    ...wrapped(
      '`node tools/evaluate-benchmarks.ts --data DIR --group NAME` scores the shipped model on any group in the form of the data, centred on the',
      'medians of 300 of its VMs (`--calibration N`) and scored on the others; and the same benchmarks with trees learned on 70 % of that group,',
      'scored on the rest. `--json` gives all figures.',
    ),
    '',
    ...wrapped(
      `The model (${treesShipped} trees of depth 3, \`traces/azure-vm-noise/model.json\`) is fitted on the training VMs of seed 1; the VMs of`,
      'the sample beside it are of the test part. `completeBenchmarks` in `src/engine/suitability/benchmarks` asks it: what was measured stays as',
      'it is, what was not is predicted with bands that hold for half and for nine tenths of hosts, and where a chosen benchmark is lacking,',
      "the kind's median is said to be the median.",
    ),
  ]
}

function perGroup({ improvement, half, ofSums }: TableRow, names: readonly string[]): readonly string[] {
  const cells = (name: string): readonly string[] => [improvement, half, ofSums].map((shares) => percent(shares[name]))
  if ('heap' in improvement) return [...cells('heap'), ...names.slice(1).flatMap(() => ['', '', ''])]
  return names.flatMap(cells)
}

/** Single benchmarks that spoil a mean: without their names a bad mean can't be judged. */
function worstText({ table }: KeptStudy): readonly string[] {
  const rows = table.filter(({ method, worst }) => method === 'trees on the chosen' && worst.length > 0)
  if (rows.length === 0) return []
  const told = rows.flatMap(({ split, worst }) =>
    worst.map(({ group, name, improvement }) => `${split}, ${short(group)}: ${name} ${percent(improvement)}`),
  )
  return wrapped(
    `Single benchmarks that lose more than half of the median's error, and weigh on the mean: ${told.join('; ')}.`,
    'A benchmark with two modes (redis LPOP) has a median within one of them: where later VMs are mostly of that mode, the median can',
    'hardly be beaten, and whoever expects the other mode pays for it.',
  )
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function short(name: string): string {
  return name.replace(/^short_/, '').replace('_', ' ')
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '-'
}

/** Parts as one paragraph, in lines of at most 140 characters. */
function wrapped(...parts: readonly string[]): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of parts
    .join(' ')
    .split(' ')
    .filter((one) => one !== '')) {
    if (line.length + 1 + word.length > 140) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
