import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VmForecastView, WhyView } from '../../../src/apps/server/views/judgement.ts'
import type { MigrationsView, MigrationView } from '../../../src/apps/server/views/moves.ts'
import type { UsageView } from '../../../src/apps/server/views/vms.ts'
import { demandOf, demandText, movesOf, pastOf, whyFacts } from './vm-demand.ts'

const MINUTE_MS = 60_000
const aUsage = (): UsageView => ({
  vm: 'vm-1',
  from: 0,
  stepMs: 10 * MINUTE_MS,
  steps: 2,
  resources: { cpu: { unit: 'reference cores', mean: [1, null], max: [2, null] } },
})
const aForecast = (asOf = 20 * MINUTE_MS): VmForecastView => ({
  asOf,
  degraded: [],
  vm: 'vm-1',
  model: 'first-order-autoregression',
  size: 4,
  mean: 1,
  sd: 0.1,
  samples: 72,
  ahead: [
    { minutes: 5, p50: 1.5, p95: 2 },
    { minutes: 60, p50: 1.6, p95: 3 },
  ],
  recent: { endAt: asOf, windowMs: 5 * MINUTE_MS, cpuRefCores: [] },
})

const aMove = (id: string, vm: string, recordedAt: number): MigrationView => ({
  id,
  vm,
  from: 'a',
  to: 'b',
  class: 'contention',
  reason: 'a is full.',
  cause: { kind: 'policy' },
  mode: 'precopy',
  state: 'done',
  recordedAt,
  promise: { totalMs: 12_000, downtimeMs: 50, copiedBytes: 2 ** 30, pConverge: 1 },
  figures: { totalMs: 14_000 },
})

test('past and forecast are one chart: steps at their middles, then the instants ahead', () => {
  const demand = demandOf(aUsage(), 'cpu', aForecast())
  assert.deepEqual(
    demand?.times.map((at) => at / MINUTE_MS),
    [5, 15, 25, 80],
  )
  const [mean, highest, ahead] = demand?.lines ?? []
  assert.deepEqual(mean.values, [1, null, null, null])
  assert.deepEqual(highest.values, [2, null, null, null])
  assert.deepEqual(
    [ahead.values, ahead.high],
    [
      [null, null, 1.5, 1.6],
      [null, null, 2, 3],
    ],
  )
  const text = 'CPU: at most 1.00 reference cores at the mean of a step; forecast 1.60 reference cores'
  assert.equal(demand === undefined ? '' : demandText(demand, 'CPU'), text)
})

test('time never runs backwards in a chart, though a step is not over yet', () => {
  // The second step, 10 to 20, has its middle at 15, and it is 12 now.
  const times = demandOf(aUsage(), 'cpu', aForecast(12 * MINUTE_MS))?.times ?? []
  assert.deepEqual(
    times.map((at) => at / MINUTE_MS),
    [5, 12, 17, 72],
  )
})

test('of what is not the CPU nobody forecasts, and what was never measured is no chart', () => {
  assert.equal(demandOf(aUsage(), 'memory', aForecast()), undefined)
  const usage = { ...aUsage(), resources: {} }
  assert.equal(demandOf(usage, 'cpu', undefined), undefined)
  assert.deepEqual(demandOf(usage, 'cpu', aForecast())?.lines[0].values, [null, null, null, null])
})

test('a span that is none is the shortest', () => {
  assert.deepEqual([pastOf('7d').name, pastOf('1y').name, pastOf(null).name], ['7d', '6h', '6h'])
})

test('why it stayed comes with the figures of the command line', () => {
  const why: WhyView = {
    asOf: 1,
    degraded: [],
    vm: 'vm-1',
    host: 'host-1',
    sentence: 'It stays.',
    held: [],
    performance: { latencyFactor: 1.25, throughput: 0.98, addedWatts: 12.5 },
    demand: { mean: 3.5, sd: 0.2, size: 4, samples: 72 },
    hostDemand: { mean: 37.9, bound: 40.7, capacity: 64, vms: 12 },
    timeUntilContention: { stepMs: 5 * MINUTE_MS, cumulative: [0.1, 0.6], medianMs: 8 * MINUTE_MS },
    events: [],
  }
  assert.deepEqual(whyFacts(why), [
    ['demand', '3.50 reference cores at the mean, give or take 0.20 (72 samples); its size is 4.00'],
    ['here', 'latency x1.25, 98 % of its demand served, 12.5 W'],
    ['host-1', '12 VMs want 37.9 of 64.0 reference cores, at most 40.7'],
    ['contention', '60 % within 10 min, as likely as not by 8 min'],
  ])
})

test('its moves are its own, newest first, promised beside what came', () => {
  const proposal = { ...aMove('p', 'vm-1', 0), decidedAt: 40, endsAt: 90, held: 'The level is advice.' }
  const view: MigrationsView = {
    asOf: 1,
    holds: [],
    evacuations: [],
    frozenVms: {},
    frozenHosts: {},
    leftAlone: {},
    alerts: [],
    open: [],
    ended: [aMove('old', 'vm-1', 10), aMove('other', 'vm-2', 20), aMove('new', 'vm-1', 30)],
    proposals: [proposal],
  }
  const moves = movesOf('vm-1', view)
  assert.deepEqual(
    moves.map(({ id, state }) => `${id} ${state}`),
    ['p proposed', 'new done', 'old done'],
  )
  const again = { ...proposal, id: 'new' }
  assert.deepEqual(
    movesOf('vm-1', { ...view, proposals: [again] }).map(({ id, state }) => `${id} ${state}`),
    ['new proposed', 'old done'],
    'what could not be begun and is proposed after that is one move',
  )
  const [, { took, pause, copied }] = moves
  assert.deepEqual([took, pause, copied], ['14 s, promised 12 s', 'promised 50 ms', 'promised 1 GiB'])
})
