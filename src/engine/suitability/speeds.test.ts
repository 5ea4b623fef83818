import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BenchmarkResult, HostCharacteristics, WorkloadType } from '../../terms/host.ts'
import { WORKLOAD_TYPES } from '../../terms/host.ts'
import { aContext, aHost, aVm, type SmallCluster } from '../builders.ts'
import { getSuitableHosts, selectBestHost } from './rank.ts'
import { predictPerformance } from './score.ts'
import { describeSpeed, measureSpeeds, speedLog, speedSpread } from './speeds.ts'

function scored(index: number, scores: Partial<Record<WorkloadType, number>>, spread?: number): HostCharacteristics {
  const benchmarks: Partial<Record<WorkloadType, BenchmarkResult>> = {}
  for (const type of WORKLOAD_TYPES) {
    const score = scores[type]
    if (score !== undefined)
      benchmarks[type] = { score, unit: 'x reference', ...(spread === undefined ? {} : { spread }) }
  }
  return aHost(index, { benchmarks })
}

function mixOf(weights: Partial<Record<WorkloadType, number>>): Float64Array {
  return Float64Array.from(WORKLOAD_TYPES, (type) => weights[type] ?? 0)
}

/** Host 2 does cryptography 1.8 times as fast as the median, and whole numbers .9 times. */
const HOSTS = [
  scored(0, { integer: 1, crypto: 1 }, 0.02),
  scored(1, { integer: 1, crypto: 1 }, 0.02),
  scored(2, { integer: 0.9, crypto: 1.8 }, 0.02),
]
const CRYPTO = mixOf({ crypto: 0.3, integer: 0.7 })

function speedsOf(hosts: readonly HostCharacteristics[]): NonNullable<ReturnType<typeof measureSpeeds>> {
  const speeds = measureSpeeds(hosts)
  assert.ok(speeds !== undefined)
  return speeds
}

test('speed is the weighted geometric mean of a host’s scores over the median host’s', () => {
  // 1.8^.3 x .9^.7 = 1.1080.
  assert.ok(Math.abs(Math.exp(speedLog(speedsOf(HOSTS), CRYPTO, 2)) - 1.108) < 1e-3)
  assert.equal(speedLog(speedsOf(HOSTS), CRYPTO, 0), 0)
})

test('it is told by kind of work, heaviest first', () => {
  const { terms } = describeSpeed(speedsOf(HOSTS), { mix: CRYPTO, isMixAssumed: false }, 2)
  assert.deepEqual(
    terms.map(({ workloadType, weight, ratio }) => [workloadType, weight, ratio?.toFixed(2)]),
    [
      ['integer', 0.7, '0.90'],
      ['crypto', 0.3, '1.80'],
    ],
  )
})

test('a benchmark that a host lacks counts as the median and widens the band: absent is not zero', () => {
  const hosts = [...HOSTS, scored(3, { integer: 1 }, 0.02)]
  const speeds = speedsOf(hosts)
  assert.equal(speedLog(speeds, CRYPTO, 3), 0)
  assert.ok(speedSpread(speeds, CRYPTO, 3) > 3 * speedSpread(speeds, CRYPTO, 0))
  const { terms } = describeSpeed(speeds, { mix: CRYPTO, isMixAssumed: false }, 3)
  assert.deepEqual(terms[1], { workloadType: 'crypto', weight: 0.3 })
})

test('a score in another unit than most is not compared', () => {
  const odd = { ...HOSTS[2], benchmarks: { ...HOSTS[2].benchmarks, crypto: { score: 1.8e9, unit: 'B/s' } } }
  const speeds = speedsOf([HOSTS[0], HOSTS[1], odd])
  assert.ok(Math.abs(speedLog(speeds, CRYPTO, 2) - 0.7 * Math.log(0.9)) < 1e-12)
})

test('without a single benchmark there is no speed, and performance says nothing of it', () => {
  assert.equal(measureSpeeds([aHost(0), aHost(1)]), undefined)
  assert.equal('speed' in predictPerformance(aContext({ hostOf: [0, 1], demand: [1, 1] }), 0, 1), false)
})

/** VM 0 runs on host 0; hosts 1 and 2 carry a like VM each. */
const CLUSTER: SmallCluster = { hosts: HOSTS, hostOf: [0, 1, 2], demand: [1, 0.5, 0.5] }

function bestFor(mix: Float64Array | undefined): string | undefined {
  const mixes = mix === undefined ? new Map() : new Map([[aVm(0).id, mix]])
  const context = aContext({ ...CLUSTER, state: { mixes } })
  return selectBestHost(getSuitableHosts(context, 0))?.hostId
}

test('the kind of work decides between hosts that are alike otherwise', () => {
  assert.equal(bestFor(mixOf({ crypto: 1 })), 'host-2')
  assert.equal(bestFor(mixOf({ integer: 1 })), 'host-1')
})

test('of a VM whose work nobody knows, an ordinary server’s stands in, and that is said', () => {
  const performance = predictPerformance(aContext(CLUSTER), 0, 2)
  assert.equal(performance.speed?.isMixAssumed, true)
  assert.equal(bestFor(undefined), 'host-1')
})

test('a faster host for the work makes it quicker and takes less energy for it', () => {
  const mixes = new Map([[aVm(0).id, mixOf({ crypto: 1 })]])
  const context = aContext({ ...CLUSTER, state: { mixes } })
  const [slow, fast] = [1, 2].map((host) => predictPerformance(context, 0, host))
  assert.ok(fast.latencyFactor < slow.latencyFactor / 1.7)
  assert.ok((fast.speed?.wattsPerRefCore ?? NaN) < (slow.speed?.wattsPerRefCore ?? NaN) / 1.7)
})

test('differences within the benchmarks’ own spread are worth nothing', () => {
  const close = [scored(0, { integer: 1 }, 0.05), scored(1, { integer: 1 }, 0.05), scored(2, { integer: 1.05 }, 0.05)]
  const context = aContext({ hosts: close, hostOf: [0, 1, 2], demand: [1, 0.5, 0.5] })
  const { ranked } = getSuitableHosts(context, 0)
  const [a, b] = ranked.map(({ score }) => score.terms.performance)
  assert.ok(Math.abs(a - b) < 1e-6)
})

test('a rating of the whole machine says nothing beyond its capacity', () => {
  const rated = [1, 2].map((h) => aHost(h, { benchmarks: { integer: { score: 2e6 * h, unit: 'ssj_ops' } } }))
  assert.equal(measureSpeeds(rated), undefined)
})
