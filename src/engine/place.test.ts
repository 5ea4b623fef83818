import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { HOST_UNKNOWN, type HostState } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import type { Policy } from '../terms/policy.ts'
import { GiB } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { aHost, anObservation, aPolicy, aVm } from './builders.ts'
import { placeNew } from './place.ts'

const TWO = [aHost(0), aHost(1)]
/** Sizes may not be promised twice. */
const NO_OVERCOMMIT = aPolicy({ limits: { cpuAllocationMax: 1 } })

interface Asked {
  readonly vms: readonly Vm[]
  readonly hosts?: readonly HostCharacteristics[]
  readonly hostStates?: readonly HostState[]
  /** Where each VM runs already; absent: all are new. */
  readonly hostOf?: readonly number[]
  readonly policy?: Policy
}

/** Host of each new VM. */
function place({ vms, hosts = TWO, hostStates, hostOf, policy = aPolicy() }: Asked): readonly number[] {
  const known = hostOf ?? vms.map(() => HOST_UNKNOWN)
  const cluster = {
    hosts,
    vms,
    hostOf: known,
    demand: vms.map(() => 0),
    ...(hostStates === undefined ? {} : { hostStates }),
  }
  const { inventory } = anObservation(cluster)
  const newVms = Int32Array.from(known.flatMap((host, v) => (host === HOST_UNKNOWN ? [v] : [])))
  return [...placeNew({ inventory, newVms, policy })]
}

test('sizes must fit a host in full: four cores hold two VMs of two', () => {
  assert.deepEqual(place({ vms: [aVm(0), aVm(1), aVm(2)] }), [0, 0, 1])
})

test('the largest come first, so that the small fill what is left', () => {
  // 3 and 1 fit together, and so do 2 and 2.
  const vms = [1, 2, 3, 2].map((vcpus, v) => aVm(v, { vcpus }))
  assert.deepEqual(place({ vms }), [0, 1, 0, 1])
})

test('memory must fit, unless the policy does not enforce it', () => {
  const vms = [0, 1].map((v) => aVm(v, { memoryBytes: 9 * GiB }))
  assert.deepEqual(place({ vms }), [0, 1])
  assert.deepEqual(place({ vms, policy: aPolicy({ limits: { memoryAllocationMax: null } }) }), [0, 0])
})

test('what runs already is counted', () => {
  const vms = [aVm(0), aVm(1), aVm(2)]
  assert.deepEqual(place({ vms, hostOf: [0, 0, HOST_UNKNOWN] }), [1])
})

test('VMs of one group keep apart, from each other and from those that run', () => {
  const vms = [0, 1, 2].map((v) => aVm(v, { vcpus: 1, antiAffinityGroup: 'db' }))
  assert.deepEqual(place({ vms }), [0, 1, HOST_UNKNOWN])
  assert.deepEqual(place({ vms: vms.slice(0, 2), hostOf: [0, HOST_UNKNOWN] }), [1])
})

test('what finds no room in full is overcommitted as evenly as can be, up to the limit', () => {
  // Both hosts are full with two VMs of 2 cores each. Of those beyond, each host gets one in turn, until 6 of 4 are promised.
  const vms = [0, 1, 2, 3, 4, 5, 6].map((v) => aVm(v))
  const policy = aPolicy({ limits: { cpuAllocationMax: 1.5 } })
  assert.deepEqual(place({ vms, policy }), [0, 0, 1, 1, 0, 1, HOST_UNKNOWN])
  const unlimited = aPolicy({ limits: { cpuAllocationMax: null } })
  // No limit on allocation is a matter of benchmarks, whose first placement is by full sizes.
  assert.deepEqual(place({ vms, policy: unlimited }).slice(4), [HOST_UNKNOWN, HOST_UNKNOWN, HOST_UNKNOWN])
})

test('a VM that fits nowhere is left, and the next one is still placed', () => {
  const vms = [aVm(0, { vcpus: 5 }), aVm(1)]
  assert.deepEqual(place({ vms, policy: NO_OVERCOMMIT }), [HOST_UNKNOWN, 0])
})

test('hosts that do most work for a watt are filled first', () => {
  const thrifty = aHost(1, { powerWatts: aHost(0).powerWatts.map((watts) => watts / 2) })
  assert.deepEqual(place({ vms: [aVm(0)], hosts: [aHost(0), thrifty] }), [1])
})

test('a VM goes where a core is as fast as its vCPU, as long as there is such a host', () => {
  const fast = aHost(1, { refCoresPerCore: 2, powerWatts: aHost(0).powerWatts.map((watts) => watts * 9) })
  const vms = [0, 1, 2, 3, 4].map((v) => aVm(v, { vcpus: 1, refCoresPerVcpu: 2 }))
  // Four of them fill the fast host's 8 cores. The fifth makes do with slow cores.
  assert.deepEqual(place({ vms, hosts: [aHost(0), fast] }), [1, 1, 1, 1, 0])
})

test('a VM that needs a CPU flag goes to a host that offers it, or of which nobody knows', () => {
  const hosts = [aHost(0, { cpuFlags: ['sse2'] }), aHost(1, { cpuFlags: ['sse2', 'avx2'] })]
  const vms = [aVm(0, { cpuFlags: ['avx2'] }), aVm(1)]
  assert.deepEqual(place({ vms, hosts }), [1, 0])
  assert.deepEqual(place({ vms: [vms[0]], hosts: [aHost(0)] }), [0])
})

test('hosts in maintenance or out of sight receive nothing; those that are off are started', () => {
  const vms = [aVm(0)]
  for (const state of ['maintenance', 'unreachable'] as const) {
    assert.deepEqual(place({ vms, hostStates: [state, 'on'] }), [1])
  }
  assert.deepEqual(place({ vms, hostStates: ['off', 'on'] }), [0])
})

const SIZES = fc.array(fc.record({ vcpus: fc.integer({ min: 1, max: 5 }), gib: fc.integer({ min: 1, max: 9 }) }), {
  minLength: 1,
  maxLength: 20,
})

test('no host is given more than it has, and a VM is left out only where no host could take it', () => {
  checkProperty(
    fc.property(SIZES, (sizes) => {
      const vms = sizes.map(({ vcpus, gib }, v) => aVm(v, { vcpus, memoryBytes: gib * GiB }))
      const hosts = [0, 1, 2].map((h) => aHost(h))
      const placed = place({ vms, hosts, policy: NO_OVERCOMMIT })
      const room = hosts.map((_, h) => ({
        cores: 4 - placed.reduce((sum, host, v) => sum + (host === h ? vms[v].vcpus : 0), 0),
        bytes: 16 * GiB - placed.reduce((sum, host, v) => sum + (host === h ? vms[v].memoryBytes : 0), 0),
      }))
      assert.ok(room.every(({ cores, bytes }) => cores >= 0 && bytes >= 0))
      placed.forEach((host, v) => {
        if (host !== HOST_UNKNOWN) return
        assert.ok(
          room.every(({ cores, bytes }) => vms[v].vcpus > cores || vms[v].memoryBytes > bytes),
          `vm-${v}`,
        )
      })
    }),
  )
})
