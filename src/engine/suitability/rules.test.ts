import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId } from '../../terms/ids.ts'
import type { Refused } from '../../terms/ranking.ts'
import { GiB, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { aContext, aFlight, aHost, aPolicy, aVm, type SmallCluster } from '../builders.ts'
import type { MoveLogEntry } from '../state.ts'
import { firstBroken, refuse } from './rules.ts'

/** VM 0 lives on host 0 of two and wants half a core; so does VM 1, on host 1. */
const TWO: SmallCluster = { hostOf: [0, 1], demand: [0.5, 0.5] }

/** The verdict on VM 0 moving to host 1. */
function judge(cluster: Partial<SmallCluster>, host = 1): Refused | 'fits' {
  const context = aContext({ ...TWO, ...cluster })
  const broken = firstBroken(context, 0, host)
  return broken === undefined ? 'fits' : refuse(context, broken, 0, host)
}

function assertRefused(verdict: Refused | 'fits', lacking: string, shortBy: number, reason: RegExp): void {
  assert.ok(verdict !== 'fits', 'it fits')
  assert.equal(verdict.lacking, lacking)
  assert.ok(Math.abs(verdict.shortBy - shortBy) < 1e-6, `short by ${verdict.shortBy}, not ${shortBy}`)
  assert.match(verdict.reason, reason)
}

function movedFrom(host: number, at: number): MoveLogEntry {
  return { vmId: aVm(0).id, from: parseHostId(`host-${host}`), at }
}

test('a host with room for everything fits', () => {
  assert.equal(judge({}), 'fits')
})

test('a VM does not migrate to where it is', () => {
  assertRefused(judge({}, 0), 'same-host', 1, /runs on host-0 already/)
})

test('hosts that go down, rest or do not answer receive nothing; those that are off may be started', () => {
  for (const state of ['maintenance', 'unreachable', 'stopping'] as const) {
    assertRefused(judge({ hostStates: ['on', state] }), 'host-state', 1, new RegExp(`host-1 is ${state}`))
  }
  for (const state of ['off', 'starting'] as const) assert.equal(judge({ hostStates: ['on', state] }), 'fits')
})

test('memory is counted as configured, whatever is used of it', () => {
  const vms = [aVm(0, { memoryBytes: 6 * GiB }), aVm(1, { memoryBytes: 12 * GiB })]
  // 12 + 6 of 16 GiB: 2 are missing.
  const reason = /host-1 lacks 2\.00 GiB of memory: 12\.00 of 16\.00 GiB are committed/
  assertRefused(judge({ vms }), 'memory', 2 * GiB, reason)
  assert.equal(judge({ vms, policy: aPolicy({ limits: { memoryAllocationMax: 1.125 } }) }), 'fits')
  assert.equal(judge({ vms, policy: aPolicy({ limits: { memoryAllocationMax: null } }) }), 'fits')
})

test('a VM on its way is committed on both hosts', () => {
  const vms = [aVm(0, { memoryBytes: 6 * GiB }), aVm(1, { memoryBytes: 12 * GiB })]
  const cluster = { vms, hostOf: [0, 2], hosts: [aHost(0), aHost(1), aHost(2)] }
  assert.equal(judge(cluster), 'fits')
  assertRefused(judge({ ...cluster, migrations: [aFlight(1, 2, 1)] }), 'memory', 2 * GiB, /12\.00 of 16/)
  assertRefused(judge({ ...cluster, migrations: [aFlight(1, 2, 1)] }, 2), 'memory', 2 * GiB, /12\.00 of 16/)
})

test('sizes may be promised beyond capacity up to the limit', () => {
  const vms = [aVm(0, { vcpus: 4 }), aVm(1, { vcpus: 14 })]
  // 14 + 4 = 18 cores of sizes; 4 times the 4 cores are 16.
  assertRefused(judge({ vms }), 'cpu', 2, /2\.00 cores of VM sizes more than its allocation limit/)
  assert.equal(judge({ vms, policy: aPolicy({ limits: { cpuAllocationMax: null } }) }), 'fits')
})

test('what is expected at most must stay below what a target may be filled to', () => {
  // Flat for an hour: expected 1.5 + 1.5 = 3 of 4 cores, and no more since nothing varies. May be filled to 60 %: 2.4.
  const demand = [1.5, 1.5]
  const policy = aPolicy({ contention: { lowFraction: 0.6 } })
  const reason =
    /host-1 would have to serve up to 3\.00 cores in the next 1 h, 0\.60 above the 2\.40 it may be filled to/
  assertRefused(judge({ demand, policy }), 'cpu', 0.6, reason)
  assert.equal(judge({ demand }), 'fits')
})

test('VMs of one group keep apart, on their way too', () => {
  const vms = [aVm(0, { antiAffinityGroup: 'db' }), aVm(1, { antiAffinityGroup: 'db' })]
  assertRefused(judge({ vms }), 'anti-affinity', 1, /host-1 holds a VM of the same anti-affinity group "db"/)
  const away = { vms, hostOf: [0, 2], hosts: [aHost(0), aHost(1), aHost(2)] }
  assert.equal(judge(away), 'fits')
  assertRefused(judge({ ...away, migrations: [aFlight(1, 2, 1)] }), 'anti-affinity', 1, /"db"/)
  assert.equal(judge({ vms: [vms[0], aVm(1, { antiAffinityGroup: 'web' })] }), 'fits')
})

test('a VM does not return for six hours to a host that it left', () => {
  const at = 10 * HOUR_MS
  const left = { at, state: { moveLog: [movedFrom(1, at - 2 * HOUR_MS)] } }
  assertRefused(judge(left), 'no-return', 4 * HOUR_MS, /left host-1 lately and may not return for another 240 min/)
  assert.equal(judge({ at, state: { moveLog: [movedFrom(1, at - 6 * HOUR_MS)] } }), 'fits')
  assert.equal(judge({ at, state: { moveLog: [movedFrom(2, at)] } }), 'fits')
})

test('a host takes part in so many migrations at a time', () => {
  const hosts = Array.from({ length: 4 }, (_, h) => aHost(h))
  const cluster = {
    hosts,
    hostOf: [0, 2, 1],
    demand: [0.5, 0.1, 0.1],
    migrations: [aFlight(1, 2, 1), aFlight(2, 1, 3)],
  }
  const policy = aPolicy({ limits: { migrationsPerHostMax: 2 } })
  // One comes to host 1 and one goes: two of two.
  assertRefused(judge({ ...cluster, policy }), 'concurrency', 1, /host-1 has 2 migrations under way, as many as it may/)
  assert.equal(judge({ ...cluster, policy: aPolicy({ limits: { migrationsPerHostMax: null } }) }), 'fits')
})

test('a copy that would not catch up is not begun', () => {
  // 1.5 busy cores dirty 12 MiB/s; half of this link is 10 MB/s.
  const hosts = [aHost(0), aHost(1, { networkBytesPerSec: 20e6 })]
  const demand = [1.5, 0.5]
  assertRefused(
    judge({ hosts, demand }),
    'does-not-converge',
    1,
    /host-1 does not converge: after 2 rounds .* 107\.4 s/,
  )
  assert.equal(judge({ demand }), 'fits')
})

test('the slower of two links counts, also where it is the source', () => {
  const hosts = [aHost(0, { networkBytesPerSec: 20e6 }), aHost(1)]
  assertRefused(judge({ hosts, demand: [1.5, 0.5] }), 'does-not-converge', 1, /does not converge/)
})

test('when several things are lacking, the one that is cheapest to find out is named', () => {
  const vms = [aVm(0, { memoryBytes: 32 * GiB, antiAffinityGroup: 'db' }), aVm(1, { antiAffinityGroup: 'db' })]
  assertRefused(judge({ vms }), 'memory', 17 * GiB, /lacks 17\.00 GiB/)
  assertRefused(judge({ vms, hostStates: ['on', 'maintenance'] }), 'host-state', 1, /maintenance/)
})

test('how long a refusal in time will last is told in minutes', () => {
  const at = 7 * HOUR_MS
  const verdict = judge({ at, state: { moveLog: [movedFrom(1, at - 345 * MINUTE_MS)] } })
  assertRefused(verdict, 'no-return', 15 * MINUTE_MS, /another 15 min/)
})
