import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GiB } from '../../terms/units.ts'
import type { BacktestResult } from '../backtest/result.ts'
import { bestOf, ENERGY, OVERLOAD_TIME } from './metrics.ts'
import { judgeRun } from './verdict.ts'

function aResult(rest: Partial<BacktestResult> = {}): BacktestResult {
  return {
    policy: 'ethos',
    energyKwh: 100,
    overloadTimeFraction: 0.01,
    unservedFraction: 0.001,
    migrationDegradationFraction: 0.0001,
    migrations: 200,
    migrationsPerVmDay: 2,
    copiedBytes: 400 * GiB,
    hostsOnMean: 20,
    cpuSeconds: 4,
    ...rest,
  }
}

test('won and lost columns are told alike, in numbers', () => {
  // 100 of 125 kWh is 20 % less; 4 s against 1 s is 4 times; .01 against .004 is 2.5 times.
  const rival = aResult({ policy: 'lr-mmt', energyKwh: 125, overloadTimeFraction: 0.004, cpuSeconds: 1 })
  const [comparison] = judgeRun([aResult(), rival]).comparisons
  assert.deepEqual(comparison.better, ['20 % less energy'])
  assert.deepEqual(comparison.worse, ['2.5 times the overload time', '4 times the CPU time'])
  assert.deepEqual(comparison.same, [
    'unserved demand',
    'degradation by migration',
    'migrations',
    'data copied',
    'hosts on',
  ])
})

test('a rival that is better on overload time counts as not beaten, however much energy it takes', () => {
  const summary = judgeRun([
    aResult(),
    aResult({ policy: 'dvfs', energyKwh: 800, overloadTimeFraction: 0 }),
    aResult({ policy: 'lr-mmt', energyKwh: 120, overloadTimeFraction: 0.06 }),
  ]).summary
  assert.match(summary, /100\.0 kWh, left hosts overloaded 1 % of their time and moved each VM 2 times a day/)
  assert.match(summary, /it beats 1 of its 2 rivals\.$/)
})

test('a remainder is never rounded away, and nothing is called nothing', () => {
  // 100 of 1,000,000 kWh is 99.99 % less, shown as 99.9 %.
  const rival = aResult({ policy: 'lr-mmt', energyKwh: 1_000_000, migrationsPerVmDay: 0, unservedFraction: 1 })
  const [comparison] = judgeRun([aResult({ unservedFraction: 0 }), rival]).comparisons
  assert.deepEqual(comparison.better, ['99.9 % less energy', 'no unserved demand at all'])
  assert.deepEqual(comparison.worse, ['migrations (2 per VM-day against none)'])
})

test('an oracle is a bound: it is compared with, and never best nor a rival', () => {
  const results = [
    aResult(),
    aResult({ policy: 'lr-mmt', energyKwh: 120 }),
    aResult({ policy: 'oracle-1h', energyKwh: 80 }),
  ]
  assert.equal(bestOf(ENERGY, results), 100)
  assert.equal(judgeRun(results).comparisons[1].kind, 'bound')
  assert.match(judgeRun(results).summary, /it beats its rival\.$/)
})

test('where all are the same, or one runs alone, none is best', () => {
  assert.equal(bestOf(OVERLOAD_TIME, [aResult(), aResult({ policy: 'lr-mmt' })]), undefined)
  assert.equal(bestOf(ENERGY, [aResult()]), undefined)
})

test('a run without us, or without rivals, or without anyone says so', () => {
  assert.match(judgeRun([]).summary, /No policy was run/)
  assert.match(judgeRun([aResult()]).summary, /No rival was run/)
  assert.match(judgeRun([aResult({ policy: 'dvfs' })]).summary, /No policy of Ethos took part/)
})
