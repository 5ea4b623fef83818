import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOST_UNKNOWN } from '../../terms/cluster.ts'
import type { HostCharacteristics } from '../../terms/host.ts'
import type { Policy } from '../../terms/policy.ts'
import type { Vm } from '../../terms/vm.ts'
import { aG4, aG5, anInventory, aVm, UNLIMITED_POLICY } from './builders.ts'
import { placeFirstFit, placeLeastPower } from './placement.ts'

test('a VM of 2,500 MIPS does not start on a core of 1,860, be its host ever so empty', () => {
  assert.deepEqual(place(placeFirstFit, [aG4(0), aG5(1)], [aVm(0, 0)]), [1])
  assert.deepEqual(place(placeLeastPower, [aG4(0), aG5(1)], [aVm(0, 0)]), [1])
})

test('first fit fills a host up to its MIPS: 2,500 + 2,500 of 5,320, the third goes on', () => {
  assert.deepEqual(place(placeFirstFit, [aG5(0), aG5(1)], [aVm(0, 0), aVm(1, 0), aVm(2, 0)]), [0, 0, 1])
})

test('first fit fills a host up to its memory: 6 x 613 = 3,678 of 4,096 MB, the seventh goes on', () => {
  const vms = Array.from({ length: 7 }, (_, i) => aVm(i, 3))
  assert.deepEqual(place(placeFirstFit, [aG5(0), aG5(1)], vms), [0, 0, 0, 0, 0, 0, 1])
})

test('least power: 500 MIPS add 4.44 W to a G4 (13.4 %: 3.4 + 0.344 x 3.2) and 3.10 W to a G5 (9.4 %: 0.94 x 3.3)', () => {
  assert.deepEqual(place(placeLeastPower, [aG4(0), aG5(1)], [aVm(0, 3)]), [1])
})

test('least power reckons from idle, so a second VM goes to an empty host', () => {
  assert.deepEqual(place(placeLeastPower, [aG5(0), aG5(1)], [aVm(0, 3), aVm(1, 3)]), [0, 1])
})

test('a VM that fits nowhere gets no host', () => {
  assert.deepEqual(place(placeFirstFit, [aG4(0)], [aVm(0, 0), aVm(1, 0)]), [0, HOST_UNKNOWN])
})

test('where the policy enforces memory, a VM of 1 TiB gets no host; where it does not, one that has the MIPS for it', () => {
  const vms = [aVm(0, 3), aVm(1, 2, { memoryBytes: 2 ** 40 })]
  const enforced = { ...UNLIMITED_POLICY, limits: { memoryAllocationMax: 1 } }
  for (const rule of [placeFirstFit, placeLeastPower]) {
    assert.deepEqual(place(rule, [aG5(0)], vms, enforced), [0, HOST_UNKNOWN])
    assert.deepEqual(place(rule, [aG5(0)], vms), [0, 0])
  }
})

test('memory is given up last: a host with room for both is taken before one that has the MIPS alone', () => {
  // 3 x 1,740 = 5,220 of 4,096 MB: two fit on the first host, the third goes on, and so do four; the fifth fits nowhere.
  const vms = Array.from({ length: 5 }, (_, i) => aVm(i, 2))
  assert.deepEqual(place(placeFirstFit, [aG5(0), aG5(1)], vms), [0, 0, 1, 1, 0])
})

test('where the policy allows sizes of twice the capacity, 3 x 2,500 MIPS share 5,320', () => {
  const policy = { ...UNLIMITED_POLICY, limits: { cpuAllocationMax: 2 } }
  assert.deepEqual(place(placeFirstFit, [aG5(0)], [aVm(0, 0), aVm(1, 0), aVm(2, 0)], policy), [0, 0, 0])
})

test('a VM faster than any core of the cluster starts all the same', () => {
  assert.deepEqual(place(placeLeastPower, [aG4(0)], [aVm(0, 0)]), [0])
})

test('hosts in maintenance take nobody', () => {
  const inventory = anInventory({
    hosts: [aG5(0), aG5(1)],
    hostStates: ['maintenance', 'on'],
    vms: [aVm(0, 0)],
    hostOf: [HOST_UNKNOWN],
    cpu: [],
  })
  assert.deepEqual([...placeFirstFit({ inventory, newVms: Int32Array.of(0), policy: UNLIMITED_POLICY })], [1])
})

function place(
  rule: typeof placeFirstFit,
  hosts: readonly HostCharacteristics[],
  vms: readonly Vm[],
  policy: Policy = UNLIMITED_POLICY,
): number[] {
  const inventory = anInventory({ hosts, vms, hostOf: vms.map(() => HOST_UNKNOWN), cpu: [] })
  return [...rule({ inventory, newVms: Int32Array.from(vms.keys()), policy })]
}
