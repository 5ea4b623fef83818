import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GiB } from '../terms/units.ts'
import { aHost, anObservation, movesOf, NO_LIMITS } from './builders.ts'
import { ClusterLoad } from './cluster-load.ts'
import { deviationOf, watcherStabilization } from './watcher-stabilization.ts'

const hosts = [aHost(0), aHost(1)]
const vm = (on: number, cpu: number, memoryGiB: number) => ({ on, cpu, memory: memoryGiB * GiB })

test('deviation is that of the population of node loads, per metric', () => {
  // CPU 0.8 and 0.2: mean 0.5, both 0.3 away. Memory 0.5 and 0.1: mean 0.3, both 0.2 away.
  const observation = anObservation({ hosts, vms: [vm(0, 4, 30), vm(0, 4, 20), vm(1, 2, 10)] })
  const { cpu, memory } = deviationOf(new ClusterLoad(observation, NO_LIMITS))
  assert.ok(Math.abs(cpu - 0.3) < 1e-7 && Math.abs(memory - 0.2) < 1e-7, `${cpu} ${memory}`)
})

test('nothing moves while no metric deviates by more than 0.2', () => {
  // CPU 0.55 and 0.2: 0.175. Memory 0.4 and 0.1: 0.15.
  assert.deepEqual(movesOf(watcherStabilization, { hosts, vms: [vm(0, 4, 30), vm(0, 1.5, 10), vm(1, 2, 10)] }), [])
})

test('the move that lowers the weighted sum most goes first, and one metric below its threshold ends the plan', () => {
  // Of two nodes each VM has one other, so luck has no say. Now 0.3 + 0.2 = 0.5. VM 0 (0.4, 0.3) moved: CPU 0.4 and
  // 0.6, 0.1; memory 0.2 and 0.4, 0.1; sum 0.2. VM 1 (0.4, 0.2): 0.1 and memory 0.3 and 0.3, 0; sum 0.1, the better.
  // Done: 0.1 < 0.2.
  const vms = [vm(0, 4, 30), vm(0, 4, 20), vm(1, 2, 10)]
  assert.deepEqual(movesOf(watcherStabilization, { hosts, vms }), ['vm-1: host-0 > host-1'])
})

test('a VM without a CPU reading stays', () => {
  const vms = [vm(0, 9, 30), { on: 0, memory: 30 * GiB }, vm(1, 2, 10)]
  assert.ok(!movesOf(watcherStabilization, { hosts, vms }).some((move) => move.startsWith('vm-1')))
})

test('the same luck draws the same targets, and the state carries it on', () => {
  const many = Array.from({ length: 8 }, (_, i) => aHost(i))
  const vms = Array.from({ length: 12 }, (_, i) => vm(i < 10 ? 0 : 1, 0.9, 9))
  const turn = () =>
    watcherStabilization.takeTurn(
      watcherStabilization.start({ seed: 7 }),
      anObservation({ hosts: many, vms }),
      NO_LIMITS,
    )
  assert.deepEqual(turn(), turn())
  assert.notEqual(turn().state.luck, 7)
})
