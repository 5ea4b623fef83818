import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Luck } from '../../../terms/luck.ts'
import { binOf, binRows, BINS } from './bins.ts'
import { predictForest } from './forest.ts'
import { trainForest, type TrainOptions, weightedQuantile } from './train.ts'

const OPTIONS: TrainOptions = {
  quantile: 0.5,
  trees: 60,
  leaves: 8,
  learningRate: 0.2,
  rowsPerLeafMin: 10,
  rowShare: 0.8,
  featureShare: 1,
  seed: 1,
}

/** A step in the first feature, a slope in the second, and noise as wide as the first is large. */
function aTable(rows: number, seed: number) {
  const luck = new Luck(seed)
  const values = new Float32Array(rows * 3)
  const targets = new Float32Array(rows)
  for (let r = 0; r < rows; r++) {
    const [a, b] = [luck.fraction(), luck.fraction()]
    values.set([a, b, luck.fraction()], r * 3)
    targets[r] = (a > 0.5 ? 10 : 0) + 4 * b + (0.1 + a) * (luck.fraction() - 0.5)
  }
  return { values, targets, weights: new Float32Array(rows).fill(1) }
}

test('values are binned by cuts that rise, absent ones apart', () => {
  const { bins, cuts } = binRows(Float32Array.of(3, 1, Number.NaN, 2, 2), 1)
  assert.deepEqual(
    [...bins].map((bin, r) => (r === 2 ? bin : Math.sign(bin))),
    [1, 1, 0, 1, 1],
  )
  assert.ok(cuts[0].every((cut, c) => c === 0 || cut > cuts[0][c - 1]))
  assert.ok(bins[0] > bins[3] && bins[3] > bins[1] && bins[3] === bins[4])
  const many = binRows(
    Float32Array.from({ length: 5000 }, (_, r) => r),
    1,
  )
  assert.ok(many.bins.every((bin) => bin >= 1 && bin < BINS))
  assert.equal(binOf(1e9, many.cuts[0]), Math.max(...many.bins))
})

test('a forest finds a step and a slope, and says the same of the same seed', () => {
  const { values, targets, weights } = aTable(4000, 1)
  const forest = trainForest(binRows(values, 3), { targets, weights }, OPTIONS)
  assert.deepEqual(trainForest(binRows(values, 3), { targets, weights }, OPTIONS), forest)
  const unseen = aTable(1000, 2)
  const out = new Float32Array(1000)
  predictForest(forest, unseen.values, out)
  const error = out.reduce((sum, value, r) => sum + Math.abs(value - unseen.targets[r]), 0) / 1000
  assert.ok(error < 0.25, `off by ${error}`)
})

test('each quantile leaves as much above it as it should, where noise is narrow and where it is wide', () => {
  const { values, targets, weights } = aTable(6000, 3)
  const unseen = aTable(3000, 4)
  for (const quantile of [0.5, 0.9]) {
    const forest = trainForest(binRows(values, 3), { targets, weights }, { ...OPTIONS, quantile })
    const out = new Float32Array(3000)
    predictForest(forest, unseen.values, out)
    for (const isWide of [false, true]) {
      let [held, all] = [0, 0]
      for (let r = 0; r < 3000; r++) {
        if (unseen.values[r * 3] > 0.5 !== isWide) continue
        all++
        if (unseen.targets[r] <= out[r]) held++
      }
      assert.ok(Math.abs(held / all - quantile) < 0.05, `${quantile}: ${held / all}`)
    }
  }
})

test('a row that is absent in what a tree asks goes where absent ones went', () => {
  const values = new Float32Array(400)
  const targets = new Float32Array(400)
  for (let r = 0; r < 200; r++) {
    values[r * 2] = r < 100 ? Number.NaN : 1
    targets[r] = r < 100 ? 5 : 1
  }
  const about = { targets: targets.slice(0, 200), weights: new Float32Array(200).fill(1) }
  const forest = trainForest(binRows(values, 2), about, { ...OPTIONS, rowShare: 1 })
  const out = new Float32Array(2)
  predictForest(forest, Float32Array.of(Number.NaN, 0, 1, 0), out)
  assert.ok(Math.abs(out[0] - 5) < 0.1 && Math.abs(out[1] - 1) < 0.1, out.join())
})

test('what is all the same is told as it is, and a quantile goes by weight', () => {
  const targets = new Float32Array(100).fill(7)
  const forest = trainForest(binRows(new Float32Array(100), 1), { targets, weights: targets }, OPTIONS)
  const out = new Float32Array(1)
  predictForest(forest, Float32Array.of(0), out)
  assert.equal(out[0], 7)
  const rows = Int32Array.of(0, 1, 2)
  assert.equal(weightedQuantile(Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 8), rows, 0.5), 3)
  assert.equal(weightedQuantile(Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 1), rows, 0.5), 2)
})
