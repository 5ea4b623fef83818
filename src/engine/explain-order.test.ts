import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MoveClass } from '../terms/move.ts'
import { PRODUCTION_POLICY, SITE_SAFETY } from '../terms/policy.ts'
import { HOUR_MS, MINUTE_MS } from '../terms/units.ts'
import { aContext, anObservation, aVm } from './builders.ts'
import { groundsOf } from './explain-order.ts'

const AT = 30 * HOUR_MS
const VMS = 240

/** What budgets leave an order of a class from host 0 to host 1, after moves of these classes from host 0 to host 2. */
function leftOf(moveClass: MoveClass, before: readonly MoveClass[]): readonly (number | undefined)[] {
  const cluster = {
    hostOf: Array.from({ length: VMS }, (_, v) => v % 4),
    demand: Array.from({ length: VMS }, () => 0.1),
    at: AT,
  }
  const moveLog = before.map((ended, i) => {
    return { vmId: aVm(4 + i).id, from: 'host-0', to: 'host-2', at: AT - 40 * MINUTE_MS, class: ended }
  })
  const { state, observation } = aContext({ ...cluster, state: { moveLog } })
  const atOnce = { migrationsPerClusterMax: 100, migrationsPerSlowLinkMax: 100, outboundPerHostMax: 3 }
  const policy = { ...PRODUCTION_POLICY, safety: { ...SITE_SAFETY, ...atOnce } }
  const [from, to] = observation.inventory.hosts.map(({ id }) => id)
  const order = { id: 'o-1' as never, vmId: aVm(0).id, from, to, decidedAt: AT, class: moveClass, reason: 'test' }
  const grounds = groundsOf(anObservation(cluster), state, policy, order, [])
  return [...(grounds?.budgets ?? []).map(({ left }) => left), grounds?.clusterLeft]
}

test('an order is told what the budgets of its own class leave: off its source, to its target, and in the cluster', () => {
  // 240 VMs: 12 moves an hour, of a host 4, off it 3 at a time; of these 6 and 2 for energy.
  assert.deepEqual(leftOf('contention', []), [3, 4, 12])
  assert.deepEqual(leftOf('contention', ['contention', 'energy']), [2, 4, 10])
  assert.deepEqual(leftOf('energy', ['contention', 'energy']), [1, 2, 5])
  assert.deepEqual(leftOf('evacuation', ['contention', 'evacuation']), [3, 60, 100])
  // Planned by 60 and 120, begun by 4 and 12.
  assert.deepEqual(leftOf('operator', ['operator', 'operator', 'energy']), [2, 4, 10])
  assert.deepEqual(
    leftOf(
      'operator',
      Array.from({ length: 5 }, () => 'operator' as const),
    ),
    [0, 4, 7],
  )
})
