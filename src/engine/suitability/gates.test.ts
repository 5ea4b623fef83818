import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import { parseHostId } from '../../terms/ids.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { aContext, aFlight, aPolicy, aVm, type SmallCluster } from '../builders.ts'
import type { EngineState } from '../state.ts'
import { cooldownLeftMs } from './gates/cooldown.ts'
import { firstShut } from './rules.ts'

const NOW = 30 * HOUR_MS

/** The gate that keeps VM 0 where it is, and why. */
function gateOf(cluster: Partial<SmallCluster>): readonly [string, string] | undefined {
  const context = aContext({ hostOf: [0, 1], demand: [0.5, 0.5], at: NOW, ...cluster })
  const gate = firstShut(context, 0)
  return gate === undefined ? undefined : [gate.lacking, gate.reason(context, 0)]
}

/** Ordered to move these minutes ago, the latest last. */
function moved(...minutesAgo: readonly number[]): Pick<EngineState, 'moveLog' | 'movedAt'> {
  const instants = minutesAgo.map((minutes) => NOW - minutes * MINUTE_MS)
  return {
    moveLog: instants.map((at, i) => ({ vmId: aVm(0).id, from: parseHostId(`elsewhere-${i}`), at })),
    movedAt: Float64Array.of(instants.at(-1) ?? -Infinity, -Infinity),
  }
}

function cooldownOf(policy: SmallCluster['policy'], ...minutesAgo: readonly number[]): number {
  const state = moved(...minutesAgo)
  const context = aContext({ hostOf: [0, 1], demand: [0.5, 0.5], at: NOW, policy: policy ?? aPolicy(), state })
  return cooldownLeftMs(context, 0) / MINUTE_MS
}

test('a VM that nobody keeps back may move', () => {
  assert.equal(gateOf({}), undefined)
})

test('a VM rests for half an hour after a move', () => {
  const reason = 'A move of it was ordered 10 min ago; it rests for another 20 min.'
  assert.deepEqual(gateOf({ state: moved(10) }), ['cooldown', reason])
  assert.equal(gateOf({ state: moved(30) }), undefined)
})

test('the rest doubles with each further move of the day, up to six hours', () => {
  const generous = aPolicy({ gates: { movesPerVmDayMax: 20 } })
  // 30, 60, 120, 240, then 480, which is more than 360.
  assert.equal(cooldownOf(generous, 0), 30)
  assert.equal(cooldownOf(generous, 100, 0), 60)
  assert.equal(cooldownOf(generous, 200, 100, 0), 120)
  assert.equal(cooldownOf(generous, 300, 200, 100, 0), 240)
  assert.equal(cooldownOf(generous, 400, 300, 200, 100, 0), 360)
  assert.equal(cooldownOf(generous, 600, 500, 400, 300, 200, 100, 0), 360)
})

test('a VM that never moved has nothing to rest from', () => {
  assert.equal(cooldownOf(undefined), 0)
})

test('four moves a day are the budget', () => {
  const reason = 'Moves of it were ordered 4 times in the last 24 h, which is its budget.'
  assert.deepEqual(gateOf({ state: moved(1400, 1200, 1000, 800) }), ['move-budget', reason])
  assert.equal(gateOf({ state: moved(1400, 1200, 1000) }), undefined)
})

test('a pinned VM stays', () => {
  assert.deepEqual(gateOf({ vms: [aVm(0, { isPinned: true }), aVm(1)] }), ['pinned', 'Its owner pinned it.'])
  assert.equal(gateOf({ vms: [aVm(0, { isPinned: false }), aVm(1)] }), undefined)
})

test('a VM whose move somebody rejected stays, for as long as that stands and in their words', () => {
  const said = 'ann rejected a move of it: a batch runs.'
  assert.deepEqual(gateOf({ objections: new Map([[aVm(0).id, said]]) }), ['objected', said])
  assert.equal(gateOf({ objections: new Map([[aVm(1).id, said]]) }), undefined)
})

test('a VM on its way gets no second order', () => {
  assert.deepEqual(gateOf({ migrations: [aFlight(0, 0, 1)] }), ['in-flight', 'It is being migrated.'])
  assert.equal(gateOf({ migrations: [aFlight(1, 1, 0)] }), undefined)
})

test('what is unknown is left alone: a VM nobody can find, and one on a host that does not answer', () => {
  assert.equal(gateOf({ hostOf: [HOST_UNKNOWN, 1] })?.[0], 'location-unknown')
  assert.equal(gateOf({ hostStates: ['unreachable', 'on'] })?.[0], 'location-unknown')
  assert.equal(gateOf({ hostStates: ['on', 'unreachable'] }), undefined)
})
