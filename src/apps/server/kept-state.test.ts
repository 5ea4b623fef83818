/** What a turn keeps for a start, as a line says it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aHost } from '../../engine/builders.ts'
import { alignRosters } from '../../engine/roster.ts'
import type { EngineState, OpenPromise } from '../../engine/state.ts'
import { initialState } from '../../engine/turn.ts'
import { parseHostId, parseOrderId, parseVmId } from '../../terms/ids.ts'
import { DAY_MS, MINUTE_MS } from '../../terms/units.ts'
import { type KeptState, keptOf, readKept, withKept } from './kept-state.ts'

const AT = 1_800_000_000_000
const EVERY_MS = 5 * MINUTE_MS

const PROMISE: OpenPromise = {
  order: {
    id: parseOrderId('7-0'),
    vmId: parseVmId('vm-1'),
    from: parseHostId('host-0'),
    to: parseHostId('host-2'),
    decidedAt: AT,
    class: 'contention',
    reason: 'Relieves host-0.',
  },
  gain: 0.5,
  cost: 0.25,
  companions: 1,
  settleAt: AT + 60 * MINUTE_MS,
  realised: 0.125,
  realisedCost: 0,
}

/** Rosters of hosts alone. */
function aState(hosts: readonly number[], rest: Partial<EngineState> = {}): EngineState {
  const empty = { hostStates: [], vms: [], hostOf: new Int32Array(0), migrations: [], ended: [] }
  const inventory = { at: AT, hosts: hosts.map((host) => aHost(host)), ...empty }
  return { ...alignRosters(initialState(), inventory), lastTurnAt: AT, ...rest }
}

const STATE = aState([0, 1, 2], {
  triggerHistory: Uint8Array.of(0b101, 0, 0b10),
  draining: [{ host: 1, vms: 4 }],
  busySince: Float64Array.of(-Infinity, AT - EVERY_MS, NaN),
  promises: [PROMISE],
})

/** Through the text of a line and back. */
function kept(state: EngineState): KeptState {
  const read = readKept(JSON.parse(JSON.stringify(keptOf(state))))
  assert.ok(read !== undefined)
  return read
}

test('all of it comes back on rosters in another order, and of hosts that have gone nothing does', () => {
  const is = withKept(aState([2, 1, 0]), kept(STATE), { agoMs: EVERY_MS, everyMs: EVERY_MS })
  assert.deepEqual([...is.triggerHistory], [0b10, 0, 0b101])
  assert.deepEqual(is.draining, [{ host: 1, vms: 4 }])
  assert.deepEqual([...is.busySince], [-Infinity, AT - EVERY_MS, -Infinity])
  assert.deepEqual(is.promises, [PROMISE])
  const others = withKept(aState([0]), kept(STATE), { agoMs: EVERY_MS, everyMs: EVERY_MS })
  assert.deepEqual([[...others.triggerHistory], others.draining], [[0b101], []])
})

test('turns that were left out showed no trigger, and an emptying of yesterday is begun anew', () => {
  const after = (turns: number) =>
    withKept(aState([0, 1, 2]), kept(STATE), { agoMs: turns * EVERY_MS, everyMs: EVERY_MS })
  assert.deepEqual([...after(1.4).triggerHistory], [0b101, 0, 0b10])
  assert.deepEqual([...after(3).triggerHistory], [0b10100, 0, 0b1000])
  assert.deepEqual([...after(100).triggerHistory], [0, 0, 0])
  assert.equal(after(100).draining.length, 1)
  assert.equal(withKept(aState([0, 1, 2]), kept(STATE), { agoMs: DAY_MS, everyMs: EVERY_MS }).draining.length, 0)
  // The clock was set back: nothing was left out.
  assert.deepEqual([...after(-5).triggerHistory], [0b101, 0, 0b10])
})

test('what there is none of takes no room in the line', () => {
  assert.deepEqual(keptOf(aState([0, 1, 2])), {})
  const nothing = withKept(aState([0]), kept(aState([0])), { agoMs: 0, everyMs: EVERY_MS })
  assert.deepEqual([[...nothing.triggerHistory], nothing.draining, nothing.promises], [[0], [], []])
})

test('what no turn of ours wrote is nothing, and no error', () => {
  const rubbish = [
    undefined,
    null,
    7,
    [],
    { triggers: [] },
    { triggers: { 'host-0': 256 } },
    { draining: [{ host: 7 }] },
  ]
  for (const value of [
    ...rubbish,
    { draining: [{ host: 'host-0', vms: 0 }] },
    { promises: [{ ...PROMISE, gain: 'much' }] },
  ])
    assert.equal(readKept(value), undefined, JSON.stringify(value))
})
