import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId } from '../../terms/ids.ts'
import { aContext, aFlight, aHost, anObservation, aVm, STEP_MS } from '../builders.ts'
import type { EngineState, OpenPromise } from '../state.ts'
import { forgetRefused } from './refused.ts'

const HOSTS = [aHost(0), aHost(1)]

/** The last turn, at 0, ordered VM 0 from host 0 to host 1; it had moved a day before. */
const PROMISE: OpenPromise = {
  order: {
    id: parseOrderId('order-0'),
    vmId: aVm(0).id,
    from: parseHostId('host-0'),
    to: parseHostId('host-1'),
    decidedAt: 0,
    class: 'contention',
    reason: 'the test wants it',
  },
  gain: 1,
  cost: 1,
  companions: 1,
  settleAt: STEP_MS,
  realised: 0,
  realisedCost: 0,
}
const EARLIER = { vmId: aVm(0).id, from: 'host-1', at: -80_000_000 }

function stateAfter(hostOf: readonly number[]): EngineState {
  const { state } = aContext({ hosts: HOSTS, hostOf, demand: [1] })
  const moveLog = [EARLIER, { vmId: aVm(0).id, from: 'host-0', at: 0 }]
  return { ...state, lastTurnAt: 0, moveLog, movedAt: Float64Array.of(0), promises: [PROMISE] }
}

test('an order that the platform did not take costs no rest, no budget, and promises nothing', () => {
  const cluster = { hosts: HOSTS, hostOf: [0], demand: [1], at: STEP_MS }
  const { moveLog, movedAt, promises } = forgetRefused(stateAfter([0]), anObservation(cluster).inventory)
  assert.deepEqual([moveLog, [...movedAt], promises], [[EARLIER], [EARLIER.at], []])
})

test('a VM that is on its way, that has arrived, or whose migration failed was not refused', () => {
  const cluster = { hosts: HOSTS, hostOf: [0], demand: [1], at: STEP_MS }
  const { inventory } = anObservation(cluster)
  const { order } = PROMISE
  const end = { orderId: order.id, vmId: order.vmId, from: order.from, to: order.to, startedAt: 0, endedAt: 1 }
  const failed = { ...end, result: 'failed' as const, copiedBytes: 0, downtimeMs: 0 }
  for (const seen of [
    { ...inventory, migrations: [aFlight(0, 0, 1)] },
    { ...inventory, hostOf: Int32Array.of(1) },
    { ...inventory, ended: [failed] },
  ]) {
    const state = stateAfter([0])
    assert.equal(forgetRefused(state, seen), state)
  }
})

test('an order of an earlier turn is not looked at again', () => {
  const state = { ...stateAfter([0]), lastTurnAt: STEP_MS }
  const cluster = { hosts: HOSTS, hostOf: [0], demand: [1], at: 2 * STEP_MS }
  assert.equal(forgetRefused(state, anObservation(cluster).inventory), state)
})
