import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JOULES_PER_KWH } from '../../terms/units.ts'
import { runBacktest } from './backtest.ts'
import { prepareBacktest } from './setup.ts'

const REQUEST = { trace: 'azure', vmCount: 40, hostCount: 6, seed: 3 }

test('the course of a run adds up to its line of the scoreboard', async () => {
  const setup = prepareBacktest(REQUEST)
  const { runs } = await runBacktest(setup, { policies: ['ethos', 'proxlb'], lives: 'auto', keepsDetail: true })
  for (const { result, course } of runs) {
    assert.ok(course !== undefined)
    const seconds = setup.demand.stepMs / 1000
    const kWh = (sum(course.watts) * seconds) / JOULES_PER_KWH
    assert.ok(Math.abs(kWh / result.energyKwh - 1) < 1e-5, `${result.policy}: ${kWh} and ${result.energyKwh} kWh`)
    assert.equal(sum(course.migrations), result.migrations, result.policy)
    const demand = sum(setup.demand.columns.cpu)
    assert.ok(Math.abs(sum(course.unserved) / demand - result.unservedFraction) < 1e-7, result.policy)
  }
})

test('without detail no course is kept', async () => {
  const setup = prepareBacktest(REQUEST)
  const { runs } = await runBacktest(setup, { policies: ['none'], lives: 'auto', keepsDetail: false })
  assert.deepEqual([runs[0].course, runs[0].detail], [undefined, undefined])
})

function sum(column: Float32Array): number {
  return column.reduce((total, value) => total + (Number.isNaN(value) ? 0 : value), 0)
}
