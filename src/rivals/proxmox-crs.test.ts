import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GiB } from '../terms/units.ts'
import { aHost, anObservation, movesOf, NO_LIMITS, type Situation } from './builders.ts'
import { ClusterLoad } from './cluster-load.ts'
import { imbalanceOf, proxmoxCrs } from './proxmox-crs.ts'

const hosts = [aHost(0), aHost(1), aHost(2)]

/** Loads: host 0 has 8 of 10 cores and 80 of 100 GiB in use, so 0.8; the others 1 and 10, so 0.1. */
const lopsided: Situation = {
  hosts,
  vms: [
    { on: 0, cpu: 4, memory: 40 * GiB },
    { on: 0, cpu: 4, memory: 40 * GiB },
    { on: 1, cpu: 1, memory: 10 * GiB },
    { on: 2, cpu: 1, memory: 10 * GiB },
  ],
}

test('imbalance is the coefficient of variation over its greatest value', () => {
  // Loads 0.8, 0.1, 0.1: mean 1/3, squares of differences 0.2178 + 2 x 0.0544 = 0.3267, over 3 = 0.1089, root 0.33.
  // 0.33 / 0.3333 = 0.99, over the root of 3 - 1 = 0.7.
  const imbalance = imbalanceOf(new ClusterLoad(anObservation(lopsided), NO_LIMITS))
  assert.ok(Math.abs(imbalance - 0.7) < 1e-12, String(imbalance))
})

test('the one move that evens loads most is made', () => {
  // One of the two VMs of 0.4 leaves: 0.4, 0.5, 0.1. Mean 1/3, differences 0.0667, 0.1667, -0.2333: squares sum to
  // 0.0867, over 3 = 0.0289, root 0.17; 0.17 / 0.3333 / 1.4142 = 0.361. Next, after three more rounds of hold, VM 2 of
  // 0.1 from host 1 to host 2: 0.4, 0.4, 0.2: 0.0267 / 3 = 0.0089, root 0.0943, / 0.4714 = 0.2, which is below 0.3:
  // done.
  assert.deepEqual(movesOf(proxmoxCrs, lopsided), ['vm-0: host-0 > host-1', 'vm-2: host-1 > host-2'])
})

test('nothing moves below the threshold', () => {
  // Loads 0.4, 0.2, 0.2: mean 0.2667, deviation 0.0943, 0.0943 / 0.2667 / 1.4142 = 0.25 < 0.3.
  const vms = [
    { on: 0, cpu: 4, memory: 40 * GiB },
    { on: 1, cpu: 2, memory: 20 * GiB },
    { on: 2, cpu: 2, memory: 20 * GiB },
  ]
  assert.deepEqual(movesOf(proxmoxCrs, { hosts, vms }), [])
})

test('a move must lower the imbalance by a tenth of itself', () => {
  // Loads 0.8, 0, 0 in one VM: any move leaves the imbalance at 1.
  assert.deepEqual(movesOf(proxmoxCrs, { hosts, vms: [{ on: 0, cpu: 8, memory: 80 * GiB }] }), [])
  // A small VM of 0.02 beside one of 0.78 (0.78 x 10 cores, 78 GiB). With it gone to host 1: 0.78, 0.02, 0: mean
  // 0.2667, squares of differences 0.2635 + 0.0608 + 0.0711 = 0.3955, / 3, root = 0.3631, / 0.3771 = 0.963. 1 -> 0.963
  // is 3.7 %.
  const vms = [
    { on: 0, cpu: 7.8, memory: 78 * GiB, changes: { isPinned: true } },
    { on: 0, cpu: 0.2, memory: 2 * GiB },
  ]
  assert.deepEqual(movesOf(proxmoxCrs, { hosts, vms }), [])
})

test('it waits three rounds before each move, and a migration takes rounds too', () => {
  // Twelve VMs of 0.08 on one of two hosts, 10 GiB each: a copy takes 10 GiB / 62.5 MB/s = 172 s, so 18 rounds of 10 s.
  // The turn has 30 rounds: hold 3, copy 18, hold 3, copy until after the end: two moves.
  const vms = Array.from({ length: 12 }, () => ({ on: 0, cpu: 0.8, memory: 8 * GiB }))
  const { state, orders } = proxmoxCrs.takeTurn(
    proxmoxCrs.start({ seed: 1 }),
    anObservation({ hosts: hosts.slice(0, 2), vms }),
    NO_LIMITS,
  )
  assert.equal(orders.length, 2)
  assert.deepEqual(state, { heldRounds: 0, orders: 2 })
})

test('hosts that are off or in maintenance are neither counted nor chosen', () => {
  assert.deepEqual(movesOf(proxmoxCrs, { ...lopsided, states: ['on', 'maintenance', 'off'] }), [])
})

test('a VM counts as many cores elsewhere as here, however fast they are', () => {
  // Host 1's cores are half as fast, yet its 4 cores in use would still be reckoned as 4 of 10: loads come out even.
  const slow = [aHost(0), aHost(1, { refCoresPerCore: 0.5 })]
  const load = new ClusterLoad(anObservation({ hosts: slow, vms: lopsided.vms.slice(0, 2) }), NO_LIMITS)
  load.move(1, 1)
  assert.equal(load.cpuLoad(0), load.cpuLoad(1))
})
