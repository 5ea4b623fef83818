import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOST_UNKNOWN } from '../terms/cluster.ts'
import { aHost, anObservation, aPolicy, aVm, type SmallCluster } from './builders.ts'
import { type Explanation, explainVm } from './explain.ts'
import type { EngineState } from './state.ts'
import { initialState, takeTurn } from './turn.ts'

/** Host 0 of two is asked for 4.5 of its 4 cores in each of an hour's turns. */
const CROWDED: SmallCluster = {
  hosts: [aHost(0), aHost(1)],
  hostOf: [0, 0, 0, 0, 1],
  demand: [0.6, 1.2, 1.3, 1.4, 0.2],
}

/** Watches the cluster for some turns in which no order is carried out, then asks about a VM. */
function explain(vm: number, turns: number, cluster: SmallCluster = CROWDED): Explanation | undefined {
  const policy = cluster.policy ?? aPolicy()
  const { inventory, samples } = anObservation(cluster)
  let state: EngineState = initialState()
  for (let turn = 0; ; turn++) {
    const at = turn * 300_000
    const observation = { at, inventory: { ...inventory, at }, samples: { ...samples, at }, personalities: [] }
    if (turn === turns) return explainVm(state, observation, policy, aVm(vm).id)
    state = takeTurn(state, observation, policy).state
  }
}

test('a VM that moves is explained by its order, the danger, and the ranking of hosts', () => {
  const explanation = explain(1, 1)
  assert.ok(explanation !== undefined)
  assert.deepEqual([explanation.stayed, explanation.host, explanation.gate], ['moves', 0, undefined])
  assert.deepEqual([explanation.order?.from, explanation.order?.to], ['host-0', 'host-1'])
  assert.deepEqual(
    explanation.events.map(({ kind }) => kind),
    ['contention-predicted', 'move-ordered'],
  )
  assert.ok((explanation.timeUntilContention?.cumulative.at(-1) ?? 0) > 0.9)
  assert.deepEqual(
    explanation.ranking.ranked.map(({ hostId }) => hostId),
    ['host-1'],
  )
  assert.equal(explanation.ranking.refused[0].verdict.lacking, 'same-host')
})

test('a VM whose neighbour moves is told so, and of its own prospects', () => {
  const explanation = explain(0, 1)
  assert.equal(explanation?.stayed, 'another-vm-relieves-host')
  assert.equal(explanation?.order, undefined)
  assert.ok((explanation?.performance?.throughput ?? 1) < 1)
  const { bound, capacity, members } = explanation?.hostDemand ?? { bound: 0, capacity: 0, members: 0 }
  assert.ok(bound > capacity)
  assert.equal(members, 4)
})

test('a VM that may not move is told which gate keeps it', () => {
  const vms = CROWDED.hostOf.map((_, v) => aVm(v, { isPinned: true }))
  const explanation = explain(1, 1, { ...CROWDED, vms })
  assert.equal(explanation?.stayed, 'pinned')
  assert.equal(explanation?.gate, 'Its owner pinned it.')
})

test('a VM of which nobody knows where it runs has no host to tell of', () => {
  const explanation = explain(1, 1, { ...CROWDED, hostOf: [0, HOST_UNKNOWN, 0, 0, 1] })
  assert.equal(explanation?.stayed, 'location-unknown')
  assert.deepEqual(
    [explanation?.host, explanation?.performance, explanation?.hostDemand, explanation?.timeUntilContention],
    [-1, undefined, undefined, undefined],
  )
})

test('an explanation is that of the turn itself, and carries the personality', () => {
  const explanation = explain(4, 3)
  assert.equal(explanation?.stayed, 'host-not-worth-emptying')
  assert.equal(explanation?.personality?.vmId, 'vm-4')
  assert.equal(explanation?.at, 900_000)
})

test('a stranger is not explained', () => {
  assert.equal(explain(99, 1), undefined)
})
