import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId } from '../../terms/ids.ts'
import type { Policy } from '../../terms/policy.ts'
import { GiB } from '../../terms/units.ts'
import { dvfs, iqrMmt, lrMmt, madMmt, npa, thrMmt } from './balancers.ts'
import { aG4, aG5, anObservation, aVm, type Sight, UNLIMITED_POLICY } from './builders.ts'
import { hostPassedBy } from './turn.ts'

/** A G5 at 4.4 of 5.32 (0.827) with one VM of each memory size, and busy hosts beside it. */
const CROWDED: Sight = {
  hosts: [aG5(0), aG5(1), aG4(2)],
  vms: [aVm(0, 1), aVm(1, 0), aVm(2, 3), aVm(3, 0), aVm(4, 1)],
  hostOf: [0, 0, 0, 1, 2],
  cpu: [2, 2, 0.4, 2.4, 1.8],
}

test('MMT relieves a host of the VM with the least memory: 613 MB before 870 and 1,740', () => {
  const [order] = ordersOf(CROWDED)
  assert.deepEqual([order.vmId, order.from, order.class], ['vm-2', 'host-0', 'contention'])
  assert.equal(
    order.reason,
    'host-0: demand is 0.827 of capacity, limit 0.800; vm-2 has the least memory to copy there (613 MiB).',
  )
})

test('PABFD: 0.4 more add 4.06 W to a G4 at 1.8 and 4.25 W to a G5 at 2.4, so the G4; 2.48 W to an empty G5, so that', () => {
  // G4: 1.8 / 3.72 = 0.4839 -> 101.60 W, 2.2 / 3.72 = 0.5914 -> 105.66 W: 4.06 W.
  // G5: 2.4 / 5.32 = 0.4511 -> 113.07 W, 2.8 / 5.32 = 0.5263 -> 117.32 W: 4.25 W.
  // Empty: 0.4 / 5.32 = 0.0752 -> 0.752 x 3.3 W = 2.48 W.
  assert.equal(ordersOf(CROWDED)[0].to, 'host-2')
  const [order] = ordersOf({ ...CROWDED, hosts: [...CROWDED.hosts, aG5(3)] })
  assert.equal(order.to, 'host-3', 'a host that is off is woken where it adds fewer watts')
})

test('a target stays below the limit: the G4 at 1.8 would come to 0.91 with 1.6 more, and a G5 at 2.4 to 0.752', () => {
  const cpu = [2, 1.1, 1.6, 2.4, 1.8]
  assert.equal(ordersOf({ ...CROWDED, cpu })[0].to, 'host-1')
})

test('the least loaded host is emptied onto one that is on, and no host is woken for it', () => {
  const sight: Sight = {
    hosts: [aG5(0), aG5(1), aG5(2)],
    vms: [aVm(0, 1), aVm(1, 3), aVm(2, 3)],
    hostOf: [0, 1, 1],
    cpu: [2, 0.3, 0.2],
  }
  const orders = ordersOf(sight)
  assert.deepEqual(moves(orders), ['vm-1 host-1 host-0', 'vm-2 host-1 host-0'])
  assert.equal(orders[0].class, 'energy')
  assert.equal(orders[0].reason, 'host-1 is at 0.094 of its capacity and all its VMs fit elsewhere.')
})

test('a host is emptied wholly or not at all: 2 + 2 + 0.3 would be 0.808 of 5.32', () => {
  const sight: Sight = {
    hosts: [aG5(0), aG5(1)],
    vms: [aVm(0, 1), aVm(1, 1), aVm(2, 3)],
    hostOf: [0, 1, 1],
    cpu: [2.1, 2, 0.3],
  }
  assert.deepEqual(ordersOf(sight), [])
})

test('a VM relieved onto a host that is then emptied goes further in one order, which CloudSim counts twice', () => {
  // host-0 is over, vm-2 goes to the nearly idle G4 of host-1 for the fewest watts, and host-1 is then emptied into host-2.
  const sight: Sight = {
    hosts: [aG5(0), aG5(1), aG4(2)],
    vms: [aVm(0, 1), aVm(1, 1), aVm(2, 3), aVm(3, 3), aVm(4, 1)],
    hostOf: [0, 0, 0, 1, 2],
    cpu: [2, 2, 0.4, 0.05, 1],
  }
  const orders = ordersOf(sight)
  assert.deepEqual(moves(orders), ['vm-2 host-0 host-2', 'vm-3 host-1 host-2'])
  assert.deepEqual(orders.map(hostPassedBy), [parseHostId('host-1'), undefined])
})

test('where the policy limits memory, a target must hold the configured memory of all its VMs', () => {
  const policy: Policy = { ...UNLIMITED_POLICY, limits: { memoryAllocationMax: 1 } }
  const hosts = [aG5(0), aG5(1, { memoryBytes: GiB }), aG4(2, { memoryBytes: 4 * GiB })]
  // host-1 holds 870 of 1,024 MB; 613 more do not fit. host-2 holds 1,740 of 4,096.
  const cpu = [2, 2, 0.4, 1, 1.8]
  assert.equal(ordersOf({ ...CROWDED, hosts, cpu }, policy)[0].to, 'host-2')
})

test('a host in maintenance neither takes nor gives VMs', () => {
  const orders = ordersOf({ ...CROWDED, hostStates: ['maintenance', 'on', 'on'] })
  assert.ok(orders.every(({ from, to }) => from !== 'host-0' && to !== 'host-0'))
})

test('a VM on its way stays on its way: it is not picked again, and its target is not emptied', () => {
  const migration = {
    orderId: parseOrderId('earlier-1'),
    vmId: CROWDED.vms[2].id,
    from: parseHostId('host-0'),
    to: parseHostId('host-1'),
    startedAt: 0,
  }
  const orders = ordersOf({ ...CROWDED, hosts: [...CROWDED.hosts, aG5(3)], migrations: [migration] })
  assert.ok(orders.every(({ vmId, from }) => vmId !== 'vm-2' && from !== 'host-1'))
  assert.equal(orders[0].vmId, 'vm-1', 'the next smallest goes')
})

test('a pinned VM is passed over', () => {
  const vms = CROWDED.vms.map((vm, i) => (i === 2 ? { ...vm, isPinned: true } : vm))
  assert.equal(ordersOf({ ...CROWDED, vms, hosts: [...CROWDED.hosts, aG5(3)] })[0].vmId, 'vm-1')
})

test('a sample that is missing is taken to be as the last one; a VM never measured is left alone', () => {
  const missing = { ...CROWDED, cpu: [2, 2, Number.NaN, 2.4, 1.8] }
  assert.ok(ordersOf(missing).every(({ vmId }) => vmId !== 'vm-2'))
  const calm = { ...CROWDED, cpu: [0.1, 0.1, 0.4, 2.4, 1.8], hostStates: ['on', 'maintenance', 'maintenance'] as const }
  const first = thrMmt.takeTurn(thrMmt.start({ seed: 1 }), anObservation(calm), UNLIMITED_POLICY)
  assert.deepEqual(first.orders, [])
  const second = thrMmt.takeTurn(first.state, anObservation({ ...missing, turn: 2 }), UNLIMITED_POLICY)
  assert.equal(second.orders[0].vmId, 'vm-2')
})

test('VMs that stay keep their past when others come or go', () => {
  let { state } = lrMmt.takeTurn(lrMmt.start({ seed: 1 }), anObservation(CROWDED), UNLIMITED_POLICY)
  const fewer = { ...CROWDED, vms: CROWDED.vms.slice(1), hostOf: CROWDED.hostOf.slice(1), cpu: [1, 0.3, 2.4, 1.8] }
  state = lrMmt.takeTurn(state, anObservation({ ...fewer, turn: 2 }), UNLIMITED_POLICY).state
  assert.deepEqual(
    state.history.map((column) => [...column].map((demand) => Math.round(demand * 10) / 10)),
    [
      [1, 0.3, 2.4, 1.8],
      [2, 0.4, 2.4, 1.8],
    ],
  )
})

test('a turn depends on nothing but what it is handed, and order ids are unique in a run', () => {
  for (const balancer of [thrMmt, madMmt, iqrMmt, lrMmt]) {
    const start = balancer.start({ seed: 1 })
    const first = balancer.takeTurn(start, anObservation(CROWDED), UNLIMITED_POLICY)
    assert.deepEqual(balancer.takeTurn(start, anObservation(CROWDED), UNLIMITED_POLICY), first)
    const second = balancer.takeTurn(first.state, anObservation({ ...CROWDED, turn: 2 }), UNLIMITED_POLICY)
    const ids = [...first.orders, ...second.orders].map(({ id }) => id)
    assert.ok(ids.length >= 2)
    assert.equal(new Set(ids).size, ids.length)
    assert.equal(ids[0], `${balancer.name}-1-1`)
  }
})

test('NPA and DVFS move nobody; NPA alone leaves its hosts at full watts', () => {
  for (const balancer of [npa, dvfs]) {
    const { orders } = balancer.takeTurn(balancer.start({ seed: 1 }), anObservation(CROWDED), UNLIMITED_POLICY)
    assert.deepEqual(orders, [])
  }
  assert.deepEqual([npa.isPowerAware, dvfs.isPowerAware], [false, undefined])
})

test('the first turn comes at 300.1 s, and then every 300 s', () => {
  assert.deepEqual(lrMmt.cadence, { firstMs: 300_100, everyMs: 300_000 })
})

/** What THR orders in its first turn. */
function ordersOf(sight: Sight, policy: Policy = UNLIMITED_POLICY) {
  return thrMmt.takeTurn(thrMmt.start({ seed: 1 }), anObservation(sight), policy).orders
}

function moves(orders: ReturnType<typeof ordersOf>): string[] {
  return orders.map(({ vmId, from, to }) => `${vmId} ${from} ${to}`)
}
