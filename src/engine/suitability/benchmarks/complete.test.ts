import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import { ParseError } from '../../../terms/parse.ts'
import { completeBenchmarks, sumOfTrees } from './complete.ts'
import { type BenchmarkModel, parseBenchmarkModel } from './model.ts'

/** A tree whose only question that matters is the first: 7 questions on feature 0, then 4 answers for at most 0 and 4 for above. */
function stepTree(below: number, above: number): readonly number[] {
  const questions = Array.from({ length: 7 }, () => [0, 0]).flat()
  return [...questions, below, below, below, below, above, above, above, above]
}

function aModel(): BenchmarkModel {
  const band = { p05: -0.1, p25: -0.05, p75: 0.05, p95: 0.1 }
  const medianBand = { p05: -0.4, p25: -0.2, p75: 0.2, p95: 0.4 }
  const metric = { median: 100, trees: [], band, medianBand }
  return parseBenchmarkModel({
    schema: 1,
    provenance: 'made up',
    chosen: ['memory (MiB/s)'],
    kinds: [
      {
        kind: 'small',
        metrics: [
          { ...metric, name: 'memory (MiB/s)', benchmark: 'memory' },
          { ...metric, name: 'copy (MiB/s)', benchmark: 'copy', trees: [stepTree(-10_000, 10_000)] },
          { ...metric, name: 'luck (events/s)', benchmark: 'luck' },
        ],
      },
    ],
  })
}

test('a tree answers by its thresholds: at most 0 is -0.1, above is +0.1', () => {
  assert.equal(sumOfTrees([stepTree(-10_000, 10_000)], [0]), -0.1)
  assert.equal(sumOfTrees([stepTree(-10_000, 10_000)], [1]), 0.1)
  assert.equal(sumOfTrees([stepTree(-10_000, 10_000)], [undefined]), undefined)
})

test('what was measured stays itself, what follows from it is predicted with a band, the rest is the median and says so', () => {
  const completion = completeBenchmarks(aModel(), 'small', { 'memory (MiB/s)': 120 })
  assert.ok(completion.kind === 'completed')
  const [memory, copy, luck] = completion.metrics
  assert.deepEqual(memory, { name: 'memory (MiB/s)', value: 120, basis: 'measured' })
  // ln(120 / 100) is above 0: 100 x e^0.1. Its band is e^-0.1 to e^0.1 around it.
  assert.equal(copy.basis, 'predicted')
  assert.equal(copy.value, 100 * Math.exp(0.1))
  assert.deepEqual(copy.wide, { low: copy.value * Math.exp(-0.1), high: copy.value * Math.exp(0.1) })
  assert.equal(luck.basis, 'median')
  assert.deepEqual(luck.wide, { low: 100 * Math.exp(-0.4), high: 100 * Math.exp(0.4) })
})

test('a chosen benchmark that was not measured is absent, not average: the median is said, with its wider band', () => {
  const completion = completeBenchmarks(aModel(), 'small', {})
  assert.ok(completion.kind === 'completed')
  assert.deepEqual(
    completion.metrics.map(({ basis }) => basis),
    ['median', 'median', 'median'],
  )
  assert.deepEqual(completion.metrics[1].wide, { low: 100 * Math.exp(-0.4), high: 100 * Math.exp(0.4) })
})

test("another fleet's medians shift what is predicted, and what counts as above", () => {
  const medians = { 'memory (MiB/s)': 200, 'copy (MiB/s)': 50 }
  const completion = completeBenchmarks(aModel(), 'small', { 'memory (MiB/s)': 120 }, medians)
  assert.ok(completion.kind === 'completed')
  // 120 is below this fleet's 200: 50 x e^-0.1.
  assert.equal(completion.metrics[1].value, 50 * Math.exp(-0.1))
})

function refused(measured: Readonly<Record<string, number>>, kind = 'small'): string {
  const completion = completeBenchmarks(aModel(), kind, measured)
  assert.ok(completion.kind === 'refused')
  return completion.reason
}

test('rubbish is refused with its value: unknown kind, unknown metric, zero, negative, not a number', () => {
  assert.match(refused({}, 'huge'), /"huge".*Known are: small/)
  assert.match(refused({ 'memory (GB/s)': 1 }), /memory \(GB\/s\).*Another unit\?/)
  for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.match(refused({ 'memory (MiB/s)': value }), /more than 0 was expected/)
  }
})

test('whatever is measured, every value and band told is finite, positive and in order', () => {
  checkProperty(
    fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (measured) => {
      const completion = completeBenchmarks(aModel(), 'small', { 'memory (MiB/s)': measured })
      assert.ok(completion.kind === 'completed')
      for (const { value, middle, wide } of completion.metrics) {
        assert.ok(Number.isFinite(value) && value > 0)
        if (middle === undefined || wide === undefined) continue
        assert.ok(wide.low <= middle.low && middle.low <= value && value <= middle.high && middle.high <= wide.high)
      }
    }),
  )
})

test('a model that is not one is refused with the place', () => {
  const good = JSON.parse(JSON.stringify(aModel())) as { kinds: { metrics: Record<string, unknown>[] }[] }
  const broken = (field: string, value: unknown): unknown => {
    const copy = structuredClone(good)
    copy.kinds[0].metrics[1][field] = value
    return copy
  }
  for (const value of [
    undefined,
    [],
    { ...good, schema: 2 },
    { ...good, chosen: ['another'] },
    broken('median', 0),
    broken('median', 'many'),
    broken('trees', [[1, 2, 3]]),
    broken('trees', [stepTree(1, 2).with(0, 7)]),
    broken('trees', [stepTree(1, 2).with(0, 0.5)]),
    broken('band', { p05: 1, p25: 0, p75: 0, p95: 0 }),
    broken('name', 'memory (MiB/s)'),
  ]) {
    assert.throws(() => parseBenchmarkModel(value), ParseError)
  }
})
