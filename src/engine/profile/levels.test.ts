import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aVm } from '../builders.ts'
import { measureLevels } from './levels.ts'

const TWO = [aVm(0), aVm(1)]

/** Columns of the history from one row per VM. */
function columns(...rows: readonly (readonly number[])[]): readonly Float32Array[] {
  return rows[0].map((_, k) => Float32Array.from(rows, (row) => row[k]))
}

function sixHours(demand: number): number[] {
  return Array.from({ length: 72 }, () => demand)
}

/** Half an hour of each. */
function step(from: number, to: number): number[] {
  return Array.from({ length: 12 }, (_, k) => (k < 6 ? from : to))
}

/** Mean in which a sample counts half as much as one eight windows later. */
function faded(row: readonly number[], of: (demand: number) => number = (demand) => demand): number {
  const weights = row.map((_, k) => 2 ** ((k - row.length) / 8))
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  return row.reduce((sum, demand, k) => sum + (weights[k] * of(demand)) / all, 0)
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`)
}

test('where nobody was ever seen, a VM wants a fifth of its size, give or take', () => {
  const { size, mean, variance, samples } = measureLevels([aVm(0)], [])
  // 2 vCPUs of 1 core: 2. A fifth: 0.4. Variance 0.012 x 2^2, times 1 + 3 / (0 + 1) because the level is in doubt: 0.192.
  assert.deepEqual([size[0], samples[0]], [2, 0])
  assertNear(mean[0], 0.4)
  assertNear(variance[0], 0.192)
})

test('a VM seen little is drawn towards what is typical: a quiet start may be luck', () => {
  // Shares of size are 1 and 0, typically 0.5, which is 1 core. Three samples weigh as much as the three of the prior.
  const { mean } = measureLevels(TWO, columns([2, 2, 2], [0, 0, 0]))
  assertNear(mean[0], 0.5 * 2 + 0.5 * 1)
  assertNear(mean[1], 0.5 * 0 + 0.5 * 1)
})

test('a VM seen for long is taken as it is', () => {
  const { mean } = measureLevels(TWO, columns(sixHours(2), sixHours(0)))
  // The prior weighs 3 / (3 + 72) = 0.04.
  assertNear(mean[0], 0.96 * 2 + 0.04 * 1)
  assertNear(mean[1], 0.04 * 1)
})

test('spread is drawn towards the typical one too, and widened while the level is in doubt', () => {
  const { variance } = measureLevels(TWO, columns([0, 1, 2], [1, 1, 1]))
  // Variance of 0, 1, 2 over n - 1: nearly 1, for the later ones count more. The other's is 0; typical is half of it.
  const own = (3 / 2) * (faded([0, 1, 2], (demand) => demand ** 2) - faded([0, 1, 2]) ** 2)
  // 3 samples against 50 that are typical; then 1 + 3 / (3 + 1) times as much.
  assertNear(variance[0], ((3 / 53) * own + (50 / 53) * (own / 2)) * 1.75)
  assertNear(variance[1], (50 / 53) * (own / 2) * 1.75)
})

test('what nobody measured counts as nothing known, not as nothing wanted', () => {
  const { mean, samples, last } = measureLevels(TWO, columns([1, NaN, 1], [NaN, NaN, NaN]))
  assert.deepEqual([...samples], [2, 0])
  // One VM is known, at share 0.5: both are at half their size.
  assertNear(mean[0], 1)
  assertNear(mean[1], 1)
  assert.deepEqual([...last], [1, mean[1]])
})

test('when the whole cluster rises, everybody is expected to', () => {
  const morning = [...Array.from({ length: 6 }, () => 1), ...Array.from({ length: 6 }, () => 1.4)]
  const { mean, last } = measureLevels([aVm(0)], columns(morning))
  // The last half hour stands at 1.4 / 1.2 of the whole.
  assertNear(mean[0], (faded(morning) * 1.4) / 1.2)
  assertNear(last[0], 1.4)
})

test('a rise is followed by a third at most, a fall by a quarter, and wants above the size count in full', () => {
  assertNear(measureLevels([aVm(0)], columns(step(0.1, 1))).mean[0], faded(step(0.1, 1)) * 1.35)
  assertNear(measureLevels([aVm(0)], columns(step(1, 0.1))).mean[0], faded(step(1, 0.1)) * 0.75)
  assertNear(measureLevels([aVm(0)], columns(step(1.2, 2))).mean[0], faded(step(1.2, 2)) * 1.25)
})

test('less than an hour of past shows no trend', () => {
  const rising = Array.from({ length: 11 }, (_, k) => k / 10)
  // One VM alone is what is typical of the cluster.
  assertNear(measureLevels([aVm(0)], columns(rising)).mean[0], faded(rising))
})
