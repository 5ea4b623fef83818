import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inventory } from '../terms/cluster.ts'
import { dimensionIndex, MASK_BYTES, readDimension } from '../terms/personality.ts'
import { aHost, anObservation, aVm } from './builders.ts'
import { emptyProfiles, getPersonalityVector } from './profile/profiles.ts'
import { alignRosters } from './roster.ts'
import type { EngineState } from './state.ts'
import { initialState } from './turn.ts'

function inventoryOf(vms: readonly number[], hosts: readonly number[] = [0, 1]): Inventory {
  return anObservation({
    hosts: hosts.map((h) => aHost(h)),
    vms: vms.map((v) => aVm(v)),
    hostOf: vms.map(() => 0),
    demand: vms.map(() => 0),
  }).inventory
}

const INDEX = dimensionIndex('cpuRefCoresMean')

/** VMs 0, 1 and 2 wanted 10, 11 and 12 cores and last moved at 100, 101 and 102; hosts came into use at 50 and 51. */
function known(): EngineState {
  const inventory = inventoryOf([0, 1, 2])
  const profiles = { ...emptyProfiles(3), at: 0 }
  for (let v = 0; v < 3; v++) {
    profiles.values[v * (profiles.values.length / 3) + INDEX] = v
    profiles.mask[v * MASK_BYTES + (INDEX >> 3)] |= 1 << (INDEX & 7)
    profiles.phase[v] = v
    profiles.phaseSince[v] = 200 + v
  }
  return {
    ...alignRosters(initialState(), inventory),
    cpuHistory: [Float32Array.of(10, 11, 12)],
    movedAt: Float64Array.of(100, 101, 102),
    profiles,
    busySince: Float64Array.of(50, 51),
    triggerHistory: Uint8Array.of(1, 2),
    draining: [
      { host: 0, vms: 7 },
      { host: 1, vms: 8 },
    ],
    threshold: { ...initialState().threshold, lastBound: Float32Array.of(1, 2) },
  }
}

test('while nothing comes or goes, nothing is done', () => {
  const state = known()
  const inventory = { ...inventoryOf([0, 1, 2]), vms: state.vms, hosts: state.hosts }
  assert.equal(alignRosters(state, inventory), state)
})

test("a VM's columns follow it when others come, go and change places", () => {
  const { cpuHistory, movedAt, profiles } = alignRosters(known(), inventoryOf([2, 9, 0]))
  assert.deepEqual([...cpuHistory[0]], [12, NaN, 10])
  assert.deepEqual([...movedAt], [102, -Infinity, 100])
  assert.deepEqual([...profiles.phase], [2, 0, 0])
  assert.deepEqual([...profiles.phaseSince], [202, -Infinity, 200])
})

test('a personality belongs to its VM, and a newcomer has none of anything', () => {
  const state = alignRosters(known(), inventoryOf([2, 9, 0]))
  const meanOf = (v: number) => {
    const vector = getPersonalityVector(state, aVm(v).id)
    return vector === undefined ? 'none' : readDimension(vector, 'cpuRefCoresMean')
  }
  assert.deepEqual([meanOf(2), meanOf(9), meanOf(0), meanOf(1)], [2, undefined, 0, 'none'])
})

test("a host's columns follow it", () => {
  const { busySince, triggerHistory, draining, fleet } = alignRosters(known(), inventoryOf([0, 1, 2], [5, 1]))
  assert.deepEqual([...busySince], [-Infinity, 51])
  assert.deepEqual([...triggerHistory], [0, 2])
  assert.deepEqual(draining, [{ host: 1, vms: 8 }])
  assert.equal(fleet.capacity.length, 2)
})

test('bounds drawn for rosters that have changed are not checked', () => {
  assert.equal(alignRosters(known(), inventoryOf([0, 1, 2, 3])).threshold.lastBound.length, 0)
  assert.equal(alignRosters(known(), inventoryOf([0, 1, 2], [0, 1, 2])).threshold.lastBound.length, 0)
})

test('ids are found where they now stand', () => {
  const { vmIndex, hostIndex } = alignRosters(known(), inventoryOf([2, 9, 0], [5, 1]))
  assert.deepEqual([vmIndex.get('vm-9'), vmIndex.get('vm-1'), hostIndex.get('host-1')], [1, undefined, 1])
})

test('the state before stays as it was', () => {
  const state = known()
  alignRosters(state, inventoryOf([2], [1]))
  assert.deepEqual(state, known())
})
