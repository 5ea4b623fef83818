import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOST_UNKNOWN, type HostState } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import type { Policy } from '../terms/policy.ts'
import { GiB } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { aHost, aVm, NO_LIMITS } from './builders.ts'
import { bestLoad, byEfficiency } from './efficiency.ts'
import { placeBySizes, placeFirstFit } from './first-placement.ts'

/** Half the watts of `aHost` at any load. */
const frugal = { powerWatts: aHost(0).powerWatts.map((watts) => watts / 2) }

function place(
  placer: typeof placeBySizes,
  hosts: readonly HostCharacteristics[],
  vms: readonly Vm[],
  policy: Policy = NO_LIMITS,
): number[] {
  const hostOf = new Int32Array(vms.length).fill(HOST_UNKNOWN)
  const hostStates = hosts.map((_, i): HostState => (i === 9 ? 'maintenance' : 'off'))
  const inventory = { at: 0, hosts, hostStates, vms, hostOf, migrations: [], ended: [] }
  return [...placer({ inventory, newVms: Int32Array.from(vms, (_, i) => i), policy })]
}

test('a host is best at the load where a watt does most work', () => {
  // Dell PowerEdge R940 of 2017, as if it had 10 reference cores.
  const powerWatts = [106, 245, 292, 336, 383, 437, 502, 583, 694, 820, 915]
  // At 10 % steps: 70 % is 583 / 7 = 83.3 W a core, 60 % is 502 / 6 = 83.7, 80 % is 694 / 8 = 86.8: the least is at 70
  // %.
  assert.deepEqual(bestLoad(aHost(0, { powerWatts })), { load: 0.7, wattsPerRefCore: 583 / 7 })
  // A straight curve above an idle draw is best full: 200 W / 10 cores.
  assert.deepEqual(bestLoad(aHost(0)), { load: 1, wattsPerRefCore: 20 })
  assert.deepEqual(byEfficiency([aHost(0), aHost(1, frugal), aHost(2)]), [1, 0, 2])
})

test('by sizes, the largest come first and fill the most efficient host', () => {
  // Sizes 4, 4, 2, 4 on hosts of 10: host 1 is frugal and takes 4 + 4, the next 4 does not fit and opens host 0, and
  // the 2 goes where least is left: on host 1, which is then full.
  const vms = [aVm(0), aVm(1), aVm(2, { vcpus: 2 }), aVm(3)]
  assert.deepEqual(place(placeBySizes, [aHost(0), aHost(1, frugal)], vms), [1, 1, 1, 0])
})

test('first fit takes hosts by index and VMs as they come', () => {
  const vms = [aVm(0), aVm(1), aVm(2), aVm(3, { vcpus: 2 })]
  assert.deepEqual(place(placeFirstFit, [aHost(0), aHost(1, frugal)], vms), [0, 0, 1, 0])
})

test('a VM too large, or with vCPUs too fast, for every host has none', () => {
  const vms = [aVm(0, { vcpus: 11 }), aVm(1, { refCoresPerVcpu: 1.5 })]
  assert.deepEqual(place(placeBySizes, [aHost(0)], vms), [HOST_UNKNOWN, HOST_UNKNOWN])
})

const allowing = (cpuAllocationMax: number): Policy => ({ ...NO_LIMITS, limits: { cpuAllocationMax } })

test('sizes are overcommitted only where they do not fit otherwise, and as evenly as can be', () => {
  // 6 x 4 cores on 2 hosts of 10: two each fit, the other two take the roomier host in turn: 12 on each, of 20 allowed.
  const six = [aVm(0), aVm(1), aVm(2), aVm(3), aVm(4), aVm(5)]

  assert.deepEqual(place(placeBySizes, [aHost(0), aHost(1)], six, allowing(2)), [0, 0, 1, 1, 0, 1])
  assert.deepEqual(place(placeFirstFit, [aHost(0), aHost(1)], six, allowing(2)), [0, 0, 1, 1, 0, 1])
  const unplaced = [0, 0, 1, 1, HOST_UNKNOWN, HOST_UNKNOWN]
  assert.deepEqual(place(placeBySizes, [aHost(0), aHost(1)], six, allowing(1)), unplaced)
  assert.deepEqual(place(placeBySizes, [aHost(0), aHost(1)], six), unplaced)
})

test('memory counts only where the policy limits it, and VMs of a group are kept apart', () => {
  const big = [aVm(0, { vcpus: 1, memoryBytes: 60 * GiB }), aVm(1, { vcpus: 1, memoryBytes: 60 * GiB })]
  const enforced = { ...NO_LIMITS, limits: { memoryAllocationMax: 1 } }
  assert.deepEqual(place(placeBySizes, [aHost(0), aHost(1)], big), [0, 0])
  assert.deepEqual(place(placeBySizes, [aHost(0), aHost(1)], big, enforced), [0, 1])
  const apart = [aVm(0, { antiAffinityGroup: 'db' }), aVm(1, { antiAffinityGroup: 'db' })]
  assert.deepEqual(place(placeBySizes, [aHost(0), aHost(1)], apart), [0, 1])
})

test('a host in maintenance gets nothing', () => {
  const hosts = Array.from({ length: 10 }, (_, i) => aHost(i, i === 9 ? frugal : {}))
  assert.deepEqual(place(placeBySizes, hosts, [aVm(0)]), [0])
})
