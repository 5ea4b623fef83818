import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import type { TurnContext } from '../context.ts'
import { aContext } from '../builders.ts'
import { behindBest, performanceBands } from './bands.ts'
import { calculateMigrationScore, predictPerformance } from './score.ts'

function bandsOf(context: TurnContext, vm: number, host: number) {
  return performanceBands(context, { vm, host }, predictPerformance(context, vm, host))
}

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, not ${expected}`)

test('what is predicted lies within its band, here and there, whatever is wanted', () => {
  const cores = fc.array(finiteNumber({ min: 0, max: 6 }), { minLength: 12, maxLength: 12 })
  checkProperty(
    fc.property(cores, cores, cores, (own, beside, there) => {
      const context = aContext({ hostOf: [0, 0, 1], demand: [own, beside, there] })
      for (const host of [0, 1]) {
        const told = predictPerformance(context, 0, host)
        const bands = performanceBands(context, { vm: 0, host }, told)
        for (const name of ['latencyFactor', 'throughput', 'addedWatts'] as const) {
          const { p10, p90 } = bands[name]
          assert.ok(p10 <= told[name] + 1e-9 && told[name] <= p90 + 1e-9, `${name}: ${p10} ${told[name]} ${p90}`)
        }
        assert.ok(bands.throughput.p10 >= 0 && bands.throughput.p90 <= 1)
        // Prediction asks nothing that a band has changed.
        assert.deepEqual(predictPerformance(context, 0, host), told)
      }
    }),
  )
})

const widthOf = (swing: number): number => {
  const beside = Array.from({ length: 12 }, (_, k) => 2 + (k % 2 === 0 ? swing : -swing))
  const { latencyFactor } = bandsOf(aContext({ hostOf: [0, 1], demand: [1, beside] }), 0, 1)
  return latencyFactor.p90 - latencyFactor.p10
}

test('a band is as wide as demand is restless', () => {
  assert.ok(widthOf(0.2) < widthOf(0.5) && widthOf(0.5) < widthOf(1))
})

test('the watts of a VM that wants half a core or one and a half are those of its curve', () => {
  // 100 W more over 4 cores: 25 W a core. Two cores there, the VM 1 core at the mean; its spread is that of its levels.
  const own = Array.from({ length: 12 }, (_, k) => (k % 2 === 0 ? 0.5 : 1.5))
  const context = aContext({ hostOf: [0, 1], demand: [own, 2] })
  const { addedWatts } = bandsOf(context, 0, 1)
  const sd = Math.sqrt(context.levels.variance[0])
  const mean = context.levels.mean[0]
  near(addedWatts.p10, 25 * (mean - 1.2816 * sd))
  near(addedWatts.p90, 25 * (mean + 1.2816 * sd))
})

test('a host is behind the best by the difference of their scores, and most in the term that differs most', () => {
  const best = { total: 5, terms: { performance: 3, energy: 3, load: 0, migration: -1 } }
  const other = { total: 3.5, terms: { performance: 3.25, energy: 1, load: 0.25, migration: -1 } }
  assert.deepEqual(behindBest(other, best), { total: 1.5, term: 'energy', by: 2 })
  assert.equal(behindBest(best, best), undefined)
  const context = aContext({ hostOf: [0, 1, 2], demand: [1, 1, 3] })
  const [calm, busy] = [1, 2].map((host) => calculateMigrationScore(context, 0, host))
  const behind = behindBest(busy, calm)
  near(behind?.total ?? NaN, calm.total - busy.total)
})
