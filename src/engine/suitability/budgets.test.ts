import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MoveClass } from '../../terms/move.ts'
import { type SafetyPolicy, SITE_SAFETY } from '../../terms/policy.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { aContext, anObservation, aVm, type SmallCluster } from '../builders.ts'
import { Budgets, clusterHourMax, energyHourMax } from './budgets.ts'

const AT = 30 * HOUR_MS

/** A cluster of so many VMs on four hosts, in the last hour of which moves of these classes went from host 0 to host 1. */
function budgetsOf(vms: number, classes: readonly MoveClass[], changes: Partial<SafetyPolicy> = {}): Budgets {
  const cluster: SmallCluster = {
    hostOf: Array.from({ length: vms }, (_, v) => v % 4),
    demand: Array.from({ length: vms }, () => 0.1),
    at: AT,
  }
  const moveLog = classes.map((moveClass, i) => ({
    vmId: aVm(i).id,
    from: 'host-0',
    to: 'host-1',
    at: AT - 40 * MINUTE_MS,
    class: moveClass,
  }))
  const { state } = aContext({ ...cluster, state: { moveLog } })
  return new Budgets({ ...SITE_SAFETY, ...changes }, state, anObservation(cluster))
}

test('energy may have half of the hour and six moves at most, one always', () => {
  assert.deepEqual(
    [1000, 140, 60, 20].map((vms) => [clusterHourMax(SITE_SAFETY, vms), energyHourMax(SITE_SAFETY, vms)]),
    [
      [12, 6],
      [7, 3],
      [3, 1],
      [1, 1],
    ],
  )
  assert.equal(energyHourMax({ ...SITE_SAFETY, energyMovesPerClusterHourMax: 0 }, 1000), 0)
})

test('what energy has had is taken from the hour, and what contention has had leaves energy less', () => {
  const hour = { migrationsPerClusterMax: 100 }
  // 240 VMs: twelve in the hour, six of them for energy.
  const left = (classes: readonly MoveClass[]) => {
    const budgets = budgetsOf(240, classes, hour)
    return [budgets.left('contention'), budgets.left('energy')]
  }
  assert.deepEqual(left([]), [12, 6])
  assert.deepEqual(left(['energy', 'energy']), [10, 4])
  assert.deepEqual(left(Array.from({ length: 6 }, () => 'energy' as const)), [6, 0])
  assert.deepEqual(left(Array.from({ length: 9 }, () => 'contention' as const)), [3, 3])
})

test('where the hour holds one move, one for energy leaves it to a host that suffers', () => {
  assert.deepEqual([budgetsOf(8, ['energy']).left('contention'), budgetsOf(8, ['energy']).left('energy')], [1, 0])
  assert.equal(budgetsOf(8, ['contention']).left('contention'), 0)
  assert.equal(budgetsOf(8, [], { movesPerClusterHourMax: 0 }).left('contention'), 0)
})

test('of a host too, energy may have half', () => {
  const budgets = budgetsOf(240, ['energy', 'energy'])
  assert.deepEqual([budgets.leftTo(0, 'contention'), budgets.leftTo(0, 'energy')], [2, 0])
  assert.deepEqual([budgets.leftTo(2, 'contention'), budgets.leftTo(2, 'energy')], [4, 2])
})

test('what people order and emptied hosts ask for are counted apart, and from nobody else', () => {
  const one = { evacuationsPerHostHourMax: 1 }
  const emptied = budgetsOf(240, ['evacuation'], one)
  assert.deepEqual(
    [emptied.mayBeAsked(0, 1, 'evacuation'), emptied.mayBeAsked(0, 1, 'operator'), emptied.leftTo(0)],
    [false, true, 4],
  )
  const ordered = budgetsOf(240, ['operator'], one)
  assert.deepEqual([ordered.mayBeAsked(0, 1, 'evacuation'), ordered.mayBeAsked(0, 1, 'operator')], [true, false])
})
