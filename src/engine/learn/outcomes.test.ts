import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId } from '../../terms/ids.ts'
import type { MoveClass } from '../../terms/move.ts'
import { GiB, HOUR_MS } from '../../terms/units.ts'
import { aContext, aHost, anObservation, aPolicy, aVm, type SmallCluster, STEP_MS } from '../builders.ts'
import type { OpenPromise } from '../state.ts'
import { followUp, type Settlement } from './outcomes.ts'

/** A twelfth of an hour at 12 a core-hour: money for one core unserved in one window is 1. At 12,000 a kWh, a watt is 1. */
const POLICY = aPolicy({ prices: { perUnservedCoreHour: 12, perKwh: 12_000 } })

/** VM 0 was moved from host 0 to host 1. */
function aPromise(kind: MoveClass, changes: Partial<OpenPromise> = {}): OpenPromise {
  const order = {
    id: parseOrderId('order-1'),
    vmId: aVm(0).id,
    from: parseHostId('host-0'),
    to: parseHostId('host-1'),
    decidedAt: 0,
    class: kind,
    reason: 'the test wants it',
  }
  return { order, gain: 5, cost: 2, companions: 1, settleAt: HOUR_MS, realised: 0, realisedCost: 0, ...changes }
}

function follow(promise: OpenPromise, cluster: SmallCluster): Settlement {
  const { state } = aContext(cluster)
  return followUp({ ...state, promises: [promise] }, anObservation({ at: STEP_MS, ...cluster }), POLICY)
}

/** What one window added to what the move has earned. */
function earned(promise: OpenPromise, cluster: SmallCluster): number {
  const [{ realised }] = follow(promise, cluster).open
  return Math.round((realised - promise.realised) * 1000) / 1000
}

const HOSTS = [aHost(0), aHost(1)]

test('a move against contention earns what its old host would have been short of', () => {
  // Host 0 has 3.5 of 4 cores asked; with VM 0's 1.5 it would be 5: one core short.
  assert.equal(earned(aPromise('contention'), { hosts: HOSTS, hostOf: [1, 0, 0], demand: [1.5, 2, 1.5] }), 1)
})

test('and loses its share of what its new host is short of', () => {
  // Host 0 would not be short. Host 1 is asked for 5: one core short, of which VM 0 with 2 of 5 answers for 0.4.
  assert.equal(earned(aPromise('contention'), { hosts: HOSTS, hostOf: [1, 1, 1, 0], demand: [2, 2, 1, 0.5] }), -0.4)
})

test('a move against contention is not judged by watts', () => {
  assert.equal(earned(aPromise('contention'), { hosts: HOSTS, hostOf: [1, 0], demand: [1, 1] }), 0)
})

test('a move for energy earns the watts of its dark host, less those it draws where it is', () => {
  // One core would draw 100 + 25 W on host 0, which is dark; on host 1 it adds 25 W.
  assert.equal(earned(aPromise('energy'), { hosts: HOSTS, hostOf: [1, 1], demand: [1, 1] }), 100)
})

test('four that left together earn a quarter of the idle watts each', () => {
  const promise = aPromise('energy', { companions: 4 })
  assert.equal(earned(promise, { hosts: HOSTS, hostOf: [1, 1], demand: [1, 1] }), 25)
})

test('while its old host is still lit, a move for energy has saved nothing', () => {
  assert.equal(earned(aPromise('energy'), { hosts: HOSTS, hostOf: [1, 0], demand: [1, 1] }), 0)
})

test('a VM that is not there yet, or was not measured, earns nothing', () => {
  const crowded = { hosts: HOSTS, demand: [1.5, 2, 1.5] }
  assert.equal(earned(aPromise('contention'), { ...crowded, hostOf: [0, 0, 0] }), 0)
  assert.equal(earned(aPromise('contention'), { hosts: HOSTS, hostOf: [1, 0, 0], demand: [NaN, 2, 1.5] }), 0)
})

test('a VM or host that has gone earns nothing, and its promise is still settled', () => {
  const promise = aPromise('contention', { settleAt: STEP_MS, realised: 3 })
  const [outcome] = follow(promise, { hosts: HOSTS, vms: [aVm(7)], hostOf: [0], demand: [1] }).settled
  assert.equal(outcome.realisedGain, 3)
})

test('what is earned adds up, window by window, until the promise is settled', () => {
  const cluster = { hosts: HOSTS, hostOf: [1, 0, 0], demand: [1.5, 2, 1.5] }
  const promise = aPromise('contention', { settleAt: 2 * STEP_MS })
  const first = follow(promise, cluster)
  assert.deepEqual(first.settled, [])
  const last = follow(first.open[0], { ...cluster, at: 2 * STEP_MS })
  assert.deepEqual(last, {
    open: [],
    settled: [
      {
        orderId: 'order-1',
        vmId: 'vm-0',
        settledAt: 2 * STEP_MS,
        promisedGain: 5,
        promisedCost: 2,
        realisedGain: 2,
        realisedCost: 0,
      },
    ],
  })
})

test('where nothing was promised, there is nothing to follow up', () => {
  const cluster = { hosts: HOSTS, hostOf: [0], demand: [1] }
  assert.deepEqual(followUp(aContext(cluster).state, anObservation(cluster), POLICY), { open: [], settled: [] })
})

test('what a migration took is reckoned from how it ended, not from what was promised', () => {
  // 1 for moving at all, 2 GiB at 3 each, 0.5 s of downtime at 4 a second, and a tenth of 2 cores for half an hour at 12: 1.2.
  const prices = { perMigration: 1, perCopiedGiB: 3, perDowntimeSecond: 4, perUnservedCoreHour: 12 }
  const promise = aPromise('contention', { settleAt: STEP_MS })
  const { id, vmId, from, to } = promise.order
  const took = { startedAt: 0, endedAt: HOUR_MS / 2, copiedBytes: 2 * GiB, downtimeMs: 500 }
  const cluster = { hosts: HOSTS, hostOf: [1], demand: [2], at: STEP_MS }
  const seen = anObservation(cluster)
  const ended = [{ orderId: id, vmId, from, to, result: 'done' as const, ...took }]
  const { state } = aContext(cluster)
  const observation = { ...seen, inventory: { ...seen.inventory, ended } }
  const { settled } = followUp({ ...state, promises: [promise] }, observation, aPolicy({ prices }))
  assert.equal(Math.round(settled[0].realisedCost * 1000) / 1000, 1 + 6 + 2 + 1.2)
})
