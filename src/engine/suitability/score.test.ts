import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import type { Performance } from '../../terms/ranking.ts'
import { aContext, aHost, aPolicy, aVm } from '../builders.ts'
import {
  addedWatts,
  calculateMigrationScore,
  predictPerformance,
  queueingFactor,
  riskAsIs,
  riskWith,
  savedWatts,
  scoreTarget,
} from './score.ts'

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`)
}

test('one server is an M/M/1 queue: time in system is 1 / (1 - rho) of the service time', () => {
  assertNear(queueingFactor(0, 1), 1)
  assertNear(queueingFactor(0.5, 1), 2)
  assertNear(queueingFactor(0.75, 1), 4)
  assertNear(queueingFactor(0.9, 1), 10)
})

test('two servers are near the M/M/2 queue, whose factor is 1 / (1 - rho^2)', () => {
  // 1 / (1 - 0.25) = 1.333; Sakasegawa: 0.5^(sqrt(6) - 1) / (2 x 0.5) = 0.366 more than 1.
  assert.ok(Math.abs(queueingFactor(0.5, 2) - 1 / (1 - 0.25)) < 0.04)
})

test('more servers wait less at the same load, and overload is not without end', () => {
  assert.ok(queueingFactor(0.8, 16) < queueingFactor(0.8, 2))
  assert.equal(queueingFactor(3, 4), queueingFactor(0.99, 4))
})

test('the terms of a score add up to it', () => {
  const cores = finiteNumber({ min: 0, max: 2 })
  checkProperty(
    fc.property(cores, cores, cores, (here, there, beside) => {
      const context = aContext({ hostOf: [0, 1, 0], demand: [here, there, beside] })
      const { total, terms } = calculateMigrationScore(context, 0, 1)
      assertNear(total, terms.performance + terms.energy + terms.load + terms.migration)
      assert.ok(terms.migration < 0)
    }),
  )
})

/** Of a VM that wants a core, on a host with two VMs that want so much each. */
function performanceBeside(demand: number): Performance {
  return predictPerformance(aContext({ hostOf: [0, 1, 1], demand: [1, demand, demand] }), 0, 1)
}

test('the fuller a host, the less a VM would be given there and the longer its requests take', () => {
  const calm = performanceBeside(0.2)
  const busy = performanceBeside(1)
  const full = performanceBeside(2)
  assert.ok(calm.latencyFactor < busy.latencyFactor && busy.latencyFactor < full.latencyFactor)
  assert.ok(calm.throughput >= busy.throughput && busy.throughput > full.throughput)
  // 1 + 2 + 2 = 5 cores wanted, 4 there: at most 0.8 of it.
  assert.ok(full.throughput <= 0.8 + 1e-9)
})

test('a host whose cores are half as fast as a vCPU may be takes at least twice as long', () => {
  const vms = [aVm(0, { vcpus: 1, refCoresPerVcpu: 2 })]
  const slow = aContext({ vms, hosts: [aHost(0, { refCoresPerCore: 2 }), aHost(1)], hostOf: [0], demand: [0] })
  assert.ok(predictPerformance(slow, 0, 1).latencyFactor >= 2)
  assert.ok(predictPerformance(slow, 0, 0).latencyFactor < 1.01)
})

test('starting a host costs its idle watts, and emptying one saves them', () => {
  // 100 W idle and 25 W for each of the 4 cores: one core on an empty host is 125 W, beside others 25 W.
  const context = aContext({ hosts: [aHost(0), aHost(1), aHost(2)], hostOf: [0, 1], demand: [1, 1] })
  assertNear(addedWatts(context, 2, 0), 125)
  assertNear(addedWatts(context, 1, 0), 25)
  assertNear(savedWatts(context, 0, 0), 125)
})

test('the last VM of a host saves a kilowatt-hour for the hours of the horizon at its price', () => {
  const policy = aPolicy({ prices: { perKwh: 2 }, consolidation: { isEnabled: false } })
  const context = aContext({ hostOf: [0, 1], demand: [1, 1], policy })
  // 125 W saved, 25 W added: 0.1 kW for an hour at 2.
  assertNear(calculateMigrationScore(context, 0, 1).terms.energy, 0.2)
})

test('where energy is not asked for, a fuller host is not preferred', () => {
  const cluster = { hostOf: [0, 1], demand: [1, 1] }
  assert.ok(calculateMigrationScore(aContext(cluster), 0, 1).terms.load > 0)
  const policy = aPolicy({ consolidation: { isEnabled: false } })
  assertNear(calculateMigrationScore(aContext({ ...cluster, policy }), 0, 1).terms.load, 0)
})

test('leaving a crowd for an idle host is worth what is then served', () => {
  // 5 cores wanted of the 3.8 that a host of 4 has without contention; nothing varies. Without VM 0, 3: relief 1.2 cores.
  const vms = [2, 2, 1].map((vcpus, v) => aVm(v, { vcpus }))
  const context = aContext({ vms, hosts: [aHost(0), aHost(1)], hostOf: [0, 0, 0], demand: [2, 2, 1] })
  assertNear(riskAsIs(context, 0), 1.2 * 7)
  assertNear(riskAsIs(context, 1), 0)
  assertNear(riskWith(context, 1, 0), 0)
  assertNear(calculateMigrationScore(context, 0, 1).terms.performance, 1.2 * 7)
})

test('a VM of which nobody knows where it runs is scored by its target alone', () => {
  const context = aContext({ hosts: [aHost(0), aHost(1)], hostOf: [HOST_UNKNOWN, 1], demand: [1, 1] })
  const { terms } = calculateMigrationScore(context, 0, 1)
  assertNear(terms.performance, 0)
  assertNear(terms.migration, 0)
})

test('planning orders targets as the whole score does, where the migration costs the same', () => {
  const cores = finiteNumber({ min: 0, max: 1 })
  checkProperty(
    fc.property(cores, cores, cores, (own, one, other) => {
      const context = aContext({ hostOf: [0, 1, 2], demand: [own, one, other] })
      const byPart = scoreTarget(context, 0, 1) - scoreTarget(context, 0, 2)
      const byWhole = calculateMigrationScore(context, 0, 1).total - calculateMigrationScore(context, 0, 2).total
      assert.ok(Math.abs(byPart - byWhole) < 1e-9)
    }),
  )
})

test('peaks that coincide cost what the look-back would have lacked, however smooth the rest', () => {
  // Three VMs idle at 0.1 but for one window in twelve, when all want 2: 6 - 0.95 x 4 = 2.2 cores short, 2.2 / 12 on the mean.
  const peaky = Array.from({ length: 72 }, (_, k) => (k % 12 === 6 ? 2 : 0.1))
  const prices = { perUnservedCoreHour: 12 }
  const policy = aPolicy({ prices })
  const together = aContext({ hostOf: [0, 0, 0], demand: [peaky, peaky, peaky], policy })
  assert.ok(Math.abs(riskAsIs(together, 0) - (2.2 / 12) * 12) < 0.01)
  // The same peaks one after another never add up to more than 2.2 of 4 cores.
  const later = (windows: number) => peaky.map((_, k) => peaky[(k + windows) % 72])
  const apart = aContext({ hostOf: [0, 0, 0], demand: [peaky, later(3), later(6)], policy })
  assert.ok(riskAsIs(apart, 0) < riskAsIs(together, 0) / 100)
})
