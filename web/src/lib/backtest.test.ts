import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BacktestRow, BacktestSourcesView } from '../../../src/apps/server/views/backtests.ts'
import {
  bodyOf,
  comparedOf,
  formOf,
  lastSpan,
  overloadedSteps,
  progressText,
  scoreLines,
  sharesOf,
  sourceText,
  timesOf,
} from './backtest.ts'

const TO = Date.UTC(2026, 10, 28, 8)
const HOUR = 3_600_000
const sources: BacktestSourcesView = {
  sources: [
    { source: 'own', description: '', from: TO - 48 * HOUR, to: TO },
    { source: 'azure', description: '', days: [0, 1, 2, 3], vms: 1000, vmsDefault: 400 },
  ],
  fleets: [{ fleet: 'own', description: '' }],
  policies: [
    { policy: 'ethos', isDefault: true },
    { policy: 'none', isDefault: false },
    { policy: 'lr-mmt', isDefault: true },
  ],
  policiesMax: 2,
  vmStepsMax: 3_000_000,
  stepMs: 300_000,
  kept: 20,
}
const row = (policy: string, more: Partial<BacktestRow> = {}): BacktestRow => ({
  policy,
  energyKwh: 40,
  overloadTimeFraction: 0,
  unservedFraction: 0,
  migrationDegradationFraction: 0,
  migrations: 0,
  migrationsPerVmDay: 0,
  copiedBytes: 0,
  hostsOnMean: 9,
  cpuSeconds: 1,
  ...more,
})
const problemsOf = (change: object): readonly string[] => {
  const read = bodyOf({ ...formOf(sources), ...change }, sources)
  return 'problems' in read ? read.problems : []
}

test('a form begins with the last day of the own past and whom the command line compares', () => {
  const read = bodyOf(formOf(sources), sources)
  assert.deepEqual(read, {
    body: { source: 'own', policies: ['ethos', 'lr-mmt'], from: TO - 24 * HOUR, to: TO, seed: 1 },
  })
})

test('a span that was asked for is cut to what is kept', () => {
  assert.deepEqual(lastSpan(sources, 72 * HOUR), { from: '2026-11-26T08:00', to: '2026-11-28T08:00' })
})

test('what can not be asked is told before it is', () => {
  assert.match(problemsOf({ policies: [] }).join(), /At least one policy/)
  assert.match(problemsOf({ policies: ['ethos', 'none', 'lr-mmt'] }).join(), /3 policies are more than the 2/)
  assert.match(problemsOf({ from: '2026-11-28T07:30' }).join(), /less than an hour/)
  assert.match(problemsOf({ from: '2026-11-01T00:00' }).join(), /more than seven days/)
  assert.match(problemsOf({ from: '2026-11-25T08:00' }).join(), /before 2026-11-26 08:00 UTC/)
  assert.match(problemsOf({ to: 'soon' }).join(), /beginning and an end/)
  assert.match(problemsOf({ source: 'azure', day: '4' }).join(), /from 0 to 3/)
  assert.match(problemsOf({ source: 'azure', vms: '1.5' }).join(), /from 1 to 1000/)
})

test('a trace is asked for by its day, and never by instants', () => {
  const read = bodyOf({ ...formOf(sources), source: 'azure', day: '2', fleet: 'own', seed: '' }, sources)
  assert.deepEqual(read, { body: { source: 'azure', policies: ['ethos', 'lr-mmt'], day: 2, fleet: 'own' } })
})

test('figures read as in the table of the command line, and the least of a column is marked', () => {
  const [ethos, rival, oracle] = scoreLines([
    row('ethos', { energyKwh: 36.688, overloadTimeFraction: 0.00165 }),
    row('lr-mmt', { energyKwh: 40.7327, overloadTimeFraction: 0.00165 }),
    row('oracle-24h', { energyKwh: 30 }),
  ])
  assert.deepEqual(ethos?.cells[0], { text: '36.69', isBest: true })
  assert.deepEqual(rival?.cells[0], { text: '40.73', isBest: false })
  // Who sees the future wins nothing; and where all read the same nobody does.
  assert.equal(oracle?.isOracle, true)
  assert.equal(oracle?.cells[0]?.isBest, false)
  assert.deepEqual(ethos?.cells[1], { text: '0.165', isBest: false })
})

test('two are compared: those asked for where they were run, else the first two', () => {
  const policies = ['ethos', 'lr-mmt', 'none']
  assert.deepEqual(comparedOf(policies, null), ['ethos', 'lr-mmt'])
  assert.deepEqual(comparedOf(policies, 'none,ethos'), ['none', 'ethos'])
  assert.deepEqual(comparedOf(policies, 'lr-mmt,nobody'), ['lr-mmt', 'ethos'])
  assert.deepEqual(comparedOf(['ethos'], null), ['ethos', 'ethos'])
  assert.equal(comparedOf([], null), undefined)
})

test('a run says what it is of and how far it is', () => {
  const summary = {
    id: '1',
    state: 'running' as const,
    progress: { share: 0.34, policy: 'lr-mmt' },
    who: 'ops',
    startedAt: TO,
    policies: ['ethos'],
    fleet: 'own' as const,
    seed: 1,
  }
  assert.equal(progressText(summary), '34 %, lr-mmt')
  assert.equal(progressText({ ...summary, state: 'done' }), 'done')
  assert.equal(
    sourceText({ ...summary, source: 'own', from: TO - 24 * HOUR, to: TO }),
    'own, 2026-11-27 08:00 for 24 h',
  )
  assert.equal(sourceText({ ...summary, source: 'azure-max', day: 3 }), 'azure-max, day 3')
})

test('demand is told as a share of what the host has, and what nobody asked for is not zero', () => {
  // 18 of 36, 40 of 36 over, a host without a VM.
  const demand = [18, 40, null]
  assert.deepEqual(sharesOf(demand, 36), [0.5, 40 / 36, null])
  assert.equal(overloadedSteps(demand, 36), 1)
  const course = { policy: 'ethos', overloadShare: [0, 0], watts: [1, 2], moves: [0, 1], unserved: [0, 0] }
  assert.deepEqual(timesOf({ stepMs: 300_000, courses: [course] }), [0, 300_000])
  assert.deepEqual(timesOf({ firstAt: TO, stepMs: 300_000, courses: [course] }), [TO, TO + 300_000])
})
