import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Luck } from '../../src/terms/luck.ts'
import { REPOSITORY } from '../repository.ts'
import { binFeature, boost, medianInPlace, selectNth } from './boost.ts'
import { describeMetric } from './catalogue.ts'
import { dataFolder } from './data-folder.ts'
import { readGroup } from './dataset.ts'
import { evaluateModel } from './evaluate.ts'
import { fitTarget, frameOf, medianAt, splitByTime, splitByVm } from './frame.ts'
import { MODEL_FOLDER, readShippedModel } from './model-file.ts'
import { type KeptStudy, pageOf } from './page.ts'
import { meanImprovement, runsUntil, scoreChoice, withinSpread } from './score.ts'
import { selectForward } from './select.ts'

const GROUPS = ['westus2_D8s_v5', 'westus2_B8ms'] as const
const study = JSON.parse(
  readFileSync(join(REPOSITORY, 'docs', 'results', 'benchmarks-chosen.json'), 'utf8'),
) as KeptStudy
const folder = dataFolder()
const skip = folder === undefined ? 'set ETHOS_DATA to the folder of the Azure VM noise data' : false

test('the page says what the kept result says, and nothing else', () => {
  assert.equal(
    readFileSync(join(REPOSITORY, 'docs', 'benchmarks-chosen.md'), 'utf8'),
    pageOf(study, readShippedModel()),
  )
})

test('the shipped model measures what the kept result chose', () => {
  assert.deepEqual(
    readShippedModel().chosen,
    study.chosen.map(({ name }) => name),
  )
})

test('on VMs that it never saw, the shipped model saves error in both groups, and its bands hold nine of ten', () => {
  for (const name of GROUPS) {
    const group = readGroup(MODEL_FOLDER, name)
    assert.equal(group.vms, 200)
    const { metrics, improvement } = evaluateModel(readShippedModel(), group, { calibrationVms: 100, seed: 1 })
    const kept = study.table.find(({ split, method }) => split === 'by VM, seed 1' && method === 'trees on the chosen')
    // A hundred VMs know the mean over some forty metrics to a few hundredths.
    assert.ok(Math.abs(improvement - (kept?.improvement[`short_${name}`] ?? 1)) < 0.08, `${name}: ${improvement}`)
    const present = metrics.filter((metric) => !metric.name.includes('local'))
    const within = present.reduce((sum, metric) => sum + metric.withinWide, 0) / present.length
    assert.ok(within > 0.85 && within < 0.95, `${name}: ${within} of the actual values within the band of 0.9`)
  }
})

test('a VM size without a model of its own is asked of the kind that fits its calibration VMs best', () => {
  for (const name of GROUPS) {
    const group = { ...readGroup(MODEL_FOLDER, name), sku: 'never heard of' }
    const { kind, metrics } = evaluateModel(readShippedModel(), group, { calibrationVms: 100, seed: 2 })
    assert.equal(`westus2_${kind}`, name)
    assert.ok(metrics.length > 30)
  }
})

test('VMs that a model was learned from are left out where only others are asked about', () => {
  const group = readGroup(MODEL_FOLDER, GROUPS[0])
  const among = Int32Array.from({ length: 50 }, (_, i) => 3 * i)
  const { calibrationVms, scoredVms } = evaluateModel(readShippedModel(), group, { calibrationVms: 20, seed: 1, among })
  assert.deepEqual([calibrationVms, scoredVms], [20, 30])
})

test('units of one run are one benchmark, rate and mean latency included', () => {
  const pgbench = { suite: 'PostgreSQL', test: 'Scaling_Factor:_25_-_Clients:_1_-_Mode:_Read_Only' }
  const rate = describeMetric({ ...pgbench, unit: 'TPS' })
  const latency = describeMetric({ ...pgbench, test: `${pgbench.test}_-_Average_Latency`, unit: 'ms' })
  assert.equal(rate.name, 'pgbench: scale 25 clients 1 read only (TPS)')
  assert.equal(latency.benchmark, rate.benchmark)
  const disk = 'Type:_Random_Read_-_IO_Engine:_Sync_-_Buffered:_Yes_-_Direct:_No_-_Block_Size:_8KB_-_Remote_Disk'
  const fio = describeMetric({ suite: 'Flexible_IO_Tester', test: disk, unit: 'MiB_s' })
  assert.deepEqual(fio, {
    name: 'fio: random read buffered 8kb remote (MiB/s)',
    benchmark: 'fio: random read buffered 8kb remote',
    work: 'disk-random',
  })
})

test('the n-th of unsorted values is the n-th of sorted ones, ties included', () => {
  const luck = new Luck(3)
  for (let round = 0; round < 200; round++) {
    const values = Float64Array.from({ length: 1 + luck.below(40) }, () => luck.below(12))
    const sorted = values.toSorted()
    const nth = luck.below(values.length)
    assert.equal(selectNth(values.slice(), nth), sorted[nth])
    const middle = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
    assert.equal(medianInPlace(values.slice()), middle)
  }
})

test('boosting finds a step: below zero -0.2, above it +0.2', () => {
  const luck = new Luck(5)
  const x = Float64Array.from({ length: 400 }, () => luck.normal())
  const residuals = x.map((value) => (value > 0 ? 0.2 : -0.2))
  const rows = Int32Array.from(x, (_, i) => i)
  boost([binFeature(x, rows)], residuals, rows, { trees: 20, rate: 0.5, leafRowsMin: 5 })
  // The nearest of 32 bins' edges to zero may put a few VMs on the wrong side.
  assert.ok(medianAt(residuals.map(Math.abs), rows) < 0.001)
})

test('pure noise is given no trees or next to none, and saves nothing worth the name', () => {
  const group = readGroup(MODEL_FOLDER, GROUPS[0])
  const luck = new Luck(9)
  const noise = { ...group, logs: group.logs.map((column) => column.map(() => luck.normal() * 0.1)) }
  const frame = frameOf(noise, splitByVm(noise.vms, 1), 1)
  const improvement = meanImprovement(scoreChoice(frame, frame.candidates.slice(0, 4)))
  assert.ok(improvement < 0.02, `${improvement}`)
})

test('forward selection takes the metric that others follow, once, and never its own copy for a prediction', () => {
  const group = readGroup(MODEL_FOLDER, GROUPS[0])
  const luck = new Luck(11)
  const hidden = Float64Array.from({ length: group.vms }, () => luck.normal() * 0.1)
  const names = group.metrics.map(({ benchmark }) => benchmark)
  const followers = new Set([...new Set(names)].filter((name) => name.startsWith('mlc')))
  const logs = group.logs.map((_, m) =>
    hidden.map((value) => (followers.has(names[m]) ? value + luck.normal() * 0.01 : luck.normal() * 0.1)),
  )
  const frame = frameOf({ ...group, logs }, splitByVm(group.vms, 1), 1)
  const [first] = selectForward([frame], 1)
  assert.ok(followers.has(names[first.metric]))
  const scores = scoreChoice(frame, [first.metric])
  assert.ok(scores.every(({ name }) => !name.startsWith(`${names[first.metric]} (`)))
  const told = scores.filter(({ name }) => name.startsWith('mlc'))
  assert.ok(told.every(({ improvement }) => improvement > 0.5))
})

test('test VMs are never training VMs: by VM, and by time the test is the later', () => {
  const group = readGroup(MODEL_FOLDER, GROUPS[1])
  const byVm = splitByVm(group.vms, 2)
  assert.equal(new Set([...byVm.train, ...byVm.test]).size, group.vms)
  const byTime = splitByTime(group)
  const latest = Math.max(...[...byTime.train].map((row) => group.startMinutes[row]))
  assert.ok([...byTime.test].every((row) => group.startMinutes[row] >= latest))
  const frame = frameOf(group, byVm, 2)
  const inner = new Set([...frame.inner, ...frame.validation])
  assert.ok(byVm.test.every((row) => !inner.has(row)))
})

test('a fit never sees the test VMs: other values there change nothing that it says elsewhere', () => {
  const group = readGroup(MODEL_FOLDER, GROUPS[1])
  const split = splitByVm(group.vms, 1)
  const spoiled = group.logs.map((column) => {
    const copy = column.slice()
    for (const row of split.test) copy[row] = 9
    return copy
  })
  const [frame, other] = [group, { ...group, logs: spoiled }].map((one) => frameOf(one, split, 1))
  const features = frame.candidates.slice(0, 5)
  const target = frame.candidates[10]
  assert.deepEqual(fitTarget(other, target, features).trees, fitTarget(frame, target, features).trees)
})

test('least told first, until the mean of the rest reaches the goal', () => {
  const scores = [0.1, 0.2, 0.6, 0.7].map((improvement) => ({
    name: `${improvement}`,
    error: 1 - improvement,
    medianError: 1,
    improvement,
    validationGain: improvement,
  }))
  // All four: 0.4. Without 0.1: 0.5. Without 0.2 as well: 0.65.
  assert.equal(runsUntil(scores, 3, 0.4)?.runs, 3)
  assert.equal(runsUntil(scores, 3, 0.45)?.runs, 4)
  assert.equal(runsUntil(scores, 3, 0.6)?.runs, 5)
  assert.equal(runsUntil(scores, 3, 0.6)?.left, 2)
  assert.equal(runsUntil(scores, 3, 0.8), undefined)
})

test('the spread within a VM: a drift counts in the spread, and not from one run to the next', () => {
  const spread = withinSpread(Float64Array.from({ length: 101 }, (_, i) => i / 100))
  // 0, 0.01, ..., 1 around 0.5: the median distance is 0.25. Steps are 0.01.
  assert.ok(Math.abs(spread.mad - 0.25) < 1e-9)
  assert.ok(Math.abs(spread.next - 0.01 / Math.SQRT2) < 1e-9)
})

test('needs-data: the whole of each group gives what the page says of the first split', { skip }, () => {
  const kept = study.table.find(({ split, method }) => split === 'by VM, seed 1' && method === 'trees on the chosen')
  for (const name of GROUPS) {
    const group = readGroup(folder ?? '', name)
    const frame = frameOf(group, splitByVm(group.vms, 1), 1)
    const chosen = study.chosen.map(({ name: one }) => group.metrics.findIndex((metric) => metric.name === one))
    const improvement = meanImprovement(scoreChoice(frame, chosen))
    assert.ok(Math.abs(improvement - (kept?.improvement[`short_${name}`] ?? 1)) < 0.001, `${name}: ${improvement}`)
  }
})
