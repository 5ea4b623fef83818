import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOST_UNKNOWN, type HostState } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import { PRODUCTION_POLICY } from '../terms/policy.ts'
import { GiB } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { aHost, aVm } from './builders.ts'
import { findConflicts, newConflicts, type RuleConflict } from './rule-conflicts.ts'

type Placed = readonly (readonly [number, Partial<Vm>])[]

/** Hosts in these states, with VMs on them as told. */
function foundIn(
  states: readonly HostState[],
  vms: Placed,
  hosts: readonly Partial<HostCharacteristics>[] = [],
): readonly RuleConflict[] {
  const site = {
    hosts: states.map((_, h) => aHost(h, hosts[h] ?? {})),
    hostStates: states,
    vms: vms.map(([, changes], v) => aVm(v, changes)),
    hostOf: Int32Array.from(vms, ([host]) => host),
  }
  return findConflicts(site, PRODUCTION_POLICY)
}

function conflictsOf(...site: Parameters<typeof foundIn>): readonly string[] {
  return foundIn(...site).map(({ text }) => text)
}

const DB = { antiAffinityGroup: 'db' }
const PINNED = { isPinned: true }

test('rules that can be kept are no conflict, however they are broken at this moment', () => {
  const apart = [
    [0, DB],
    [0, DB],
    [1, { ...DB, ...PINNED }],
  ] as const
  assert.deepEqual(conflictsOf(['on', 'on', 'off'], apart), [])
  assert.deepEqual(conflictsOf(['on', 'unreachable'], [[HOST_UNKNOWN, PINNED]]), [])
  assert.deepEqual(conflictsOf(['maintenance', 'on'], [[0, {}]]), [])
})

test('a group that is larger than the hosts that may take its VMs can not be kept apart', () => {
  const three = [
    [0, DB],
    [1, DB],
    [2, DB],
  ] as const
  assert.deepEqual(conflictsOf(['on', 'on', 'on'], three), [])
  assert.deepEqual(conflictsOf(['on', 'on', 'maintenance'], three), [
    'The group "db" keeps 3 VMs apart, and only 2 hosts outside maintenance may take one.',
  ])
})

test('pins against anti-affinity: two pinned together, and one pinned where the others would have to go', () => {
  const together = [
    [0, { ...DB, ...PINNED }],
    [0, { ...DB, ...PINNED }],
  ] as const
  assert.deepEqual(conflictsOf(['on', 'on'], together), [
    'The group "db" keeps VMs apart, and vm-0 and vm-1 are pinned together on host-0.',
  ])
  const crowded = [
    [0, { ...DB, ...PINNED }],
    [0, DB],
    [1, DB],
  ] as const
  assert.deepEqual(conflictsOf(['on', 'on'], crowded), [
    'The group "db" keeps 2 VMs apart, and only 1 hosts outside maintenance may take one beside those that hold pinned ones of it.',
  ])
})

test('a VM that may not be moved stands against the maintenance of its host', () => {
  const five = Array.from({ length: 5 }, () => [0, PINNED] as const)
  assert.deepEqual(conflictsOf(['maintenance', 'on'], five), [
    'host-0 is to be emptied, and vm-0, vm-1, vm-2 and 2 more on it may not be moved.',
  ])
})

test('a VM that no other host can ever hold stands against the maintenance of its host', () => {
  const flags = [{ cpuFlags: ['sse2', 'avx2'] }, { cpuFlags: ['sse2'] }]
  const lacks = 'host-0 is to be emptied, and no host outside maintenance offers all CPU flags that vm-0 needs.'
  assert.deepEqual(conflictsOf(['maintenance', 'on'], [[0, { cpuFlags: ['avx2'] }]], flags), [lacks])
  assert.deepEqual(conflictsOf(['maintenance', 'on'], [[0, { isHostPassthrough: true }]], flags), [lacks])
  assert.deepEqual(conflictsOf(['maintenance', 'on'], [[0, {}]], flags), [])
  assert.deepEqual(conflictsOf(['maintenance', 'on'], [[0, { cpuFlags: ['avx2'] }]]), [], 'not known is not lacking')
  assert.deepEqual(
    conflictsOf(['maintenance', 'on'], [[0, { memoryBytes: 12 * GiB }]], [{}, { memoryBytes: 8 * GiB }]),
    [
      'host-0 is to be emptied, and no host outside maintenance could hold the 12.0 GiB of vm-0, were it empty.',
      'VMs have 12.0 GiB of memory, and hosts outside maintenance may hold 8.0 GiB.',
    ],
  )
})

test('hosts are not emptied all at once, nor more of them than the others have memory for', () => {
  assert.deepEqual(conflictsOf(['maintenance', 'maintenance'], [[0, {}]]), [
    'All 2 hosts are in maintenance, and none is left to take a VM.',
  ])
  assert.deepEqual(conflictsOf(['maintenance', 'maintenance'], []), [])
  // 16 GiB each: three times 6 do not fit into one.
  const six = [0, 1, 2].map((host) => [host, { memoryBytes: 6 * GiB }] as const)
  assert.deepEqual(conflictsOf(['maintenance', 'maintenance', 'on'], six), [
    'VMs have 18.0 GiB of memory, and hosts outside maintenance may hold 16.0 GiB.',
  ])
  assert.deepEqual(conflictsOf(['maintenance', 'on', 'on'], six), [])
})

test('a change answers for the conflicts that it brings, and for no others', () => {
  const one = { key: 'a', shortBy: 1, text: 'a', remedy: '' }
  const other = { key: 'b', shortBy: 1, text: 'b', remedy: '' }
  assert.deepEqual(newConflicts([one], [one, other]), [other])
  assert.deepEqual(newConflicts([one, other], [other]), [])
})

/** Five VMs of a group on three hosts, of which these are pinned. */
function db(...pinned: readonly number[]): Placed {
  return [0, 0, 1, 1, 2].map((host, v) => [host, { ...DB, isPinned: pinned.includes(v) }])
}

function change(before: readonly RuleConflict[], after: readonly RuleConflict[]): readonly string[] {
  return newConflicts(before, after).map(({ text }) => text)
}

test('a conflict that stands already is brought anew only where more is lacking than before', () => {
  const states = ['on', 'on', 'on'] as const
  // Five VMs for three hosts, and then four for the two beside the pinned one's: two too many either way.
  assert.deepEqual(change(foundIn(states, db()), foundIn(states, db(0))), [])
  assert.deepEqual(change(foundIn(states, db()), foundIn(states, db(0, 1))), [
    'The group "db" keeps VMs apart, and vm-0 and vm-1 are pinned together on host-0.',
  ])
  assert.deepEqual(change(foundIn(states, db()), foundIn(['on', 'on', 'maintenance'], db())), [
    'The group "db" keeps 5 VMs apart, and only 2 hosts outside maintenance may take one.',
  ])
  assert.deepEqual(change(foundIn(['on', 'on', 'maintenance'], db()), foundIn(states, db())), [])
  const pinned = (count: number): readonly RuleConflict[] =>
    foundIn(
      ['maintenance', 'on'],
      [0, 1, 2, 3, 4].map((v) => [0, { isPinned: v < count }]),
    )
  assert.deepEqual(change(pinned(2), pinned(1)), [])
  assert.deepEqual(change(pinned(1), pinned(2)), ['host-0 is to be emptied, and vm-0 and vm-1 on it may not be moved.'])
})

test('memory that lacks is a new conflict where more of it lacks, and none where less does', () => {
  const full = [0, 1, 2, 3].map((host) => [host, { memoryBytes: 12 * GiB }] as const)
  const three = foundIn(['maintenance', 'maintenance', 'maintenance', 'on'], full)
  const two = foundIn(['maintenance', 'maintenance', 'on', 'on'], full)
  assert.deepEqual(change(two, three), [
    'VMs have 48.0 GiB of memory, and hosts outside maintenance may hold 16.0 GiB.',
  ])
  assert.deepEqual(change(three, two), [])
})
