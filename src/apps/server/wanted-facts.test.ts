import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import { initialState } from '../../engine/turn.ts'
import { alignRosters } from '../../engine/roster.ts'
import { PRODUCTION_POLICY } from '../../terms/policy.ts'
import type { Observation } from '../../terms/turn.ts'
import { wantedFacts } from './wanted-facts.ts'

function aTurn({ contention = [0, 0, 0] as readonly number[] } = {}) {
  const { site } = new TurnBench()
  const { hosts, vms, hostOf } = site
  const pinned = vms.map((vm, v) => (v === 3 ? { ...vm, isPinned: true } : vm))
  const inventory = { at: 0, hosts, hostStates: hosts.map(() => 'on' as const), vms: pinned, hostOf, migrations: [] }
  const cpu = Float32Array.from(vms, (_, v) => (v === 6 ? Number.NaN : v))
  const samples = { at: 0, windowMs: 300_000, columns: { cpu } }
  const observation = { at: 0, inventory, samples, personalities: [] } as unknown as Observation
  const state = alignRosters(initialState(), observation.inventory)
  return { state, observation, policy: PRODUCTION_POLICY, contention: Float32Array.from(contention) }
}

test('of hosts that may be in contention from half the threshold on, the busiest first; pinned VMs are left out', () => {
  const half = PRODUCTION_POLICY.contention.triggerProbability / 2
  assert.deepEqual(wantedFacts(aTurn({ contention: [half - 0.01, 0, 0] }), new Map()), [])
  const wanted = wantedFacts(aTurn({ contention: [half + 0.01, 0, 0] }), new Map())
  // Every third VM is on the first host: 0, 3, 6, 9, 12 and 15, of which 3 is pinned and nobody measured 6.
  assert.deepEqual(
    wanted.map(({ vmId }) => Number(vmId.slice(3))),
    [15, 12, 9, 0, 6],
  )
  assert.deepEqual(new Set(wanted.map(({ hostId }) => hostId)), new Set(['host-0000']))
})

test('also of hosts that showed contention in one of the last turns, and of those that are being emptied', () => {
  const turn = aTurn()
  const triggerHistory = Uint8Array.from([0, 2, 0])
  const shown = wantedFacts({ ...turn, state: { ...turn.state, triggerHistory } }, new Map())
  assert.deepEqual(new Set(shown.map(({ hostId }) => hostId)), new Set(['host-0001']))
  const emptied = new Map([[turn.observation.inventory.hosts[2].id, {}]])
  assert.deepEqual(new Set(wantedFacts(turn, emptied).map(({ hostId }) => hostId)), new Set(['host-0002']))
})
