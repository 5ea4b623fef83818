import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Barrier, Barriers, VmBarrier } from '../../terms/cluster.ts'
import { GiB } from '../../terms/units.ts'
import { aContext, aFlight, aHost, aPolicy, aVm, type SmallCluster } from '../builders.ts'
import { HOST_RULES } from './rules.ts'
import { explainPair, type PairAnswer } from './pair.ts'

/** VM 0 wants a core on host 0; hosts 1 and 2 carry one VM each. */
const THREE: SmallCluster = { hostOf: [0, 1, 2], demand: [1, 0.2, 0.5] }

function ask(cluster: Partial<SmallCluster>, host: number): PairAnswer {
  return explainPair(aContext({ ...THREE, ...cluster }), 0, host)
}

function refusedBy({ rules }: PairAnswer): readonly string[] {
  return rules.flatMap(({ rule, verdict }) => (verdict.kind === 'refused' ? [rule] : []))
}

test('every rule has a say, not only the first that refuses', () => {
  const vms = [
    aVm(0, { memoryBytes: 10 * GiB, antiAffinityGroup: 'a' }),
    aVm(1, { memoryBytes: 9 * GiB, antiAffinityGroup: 'a' }),
    aVm(2),
  ]
  const answer = ask({ vms, hostStates: ['on', 'maintenance', 'on'] }, 1)
  assert.deepEqual(refusedBy(answer), ['host-state', 'memory', 'anti-affinity'])
  assert.equal(answer.isSuitable, false)
  assert.equal(answer.rules.length, HOST_RULES.length)
  const remedies = answer.rules.flatMap(({ remedy }) => remedy ?? [])
  // 9 + 10 of 16 GiB: 3 are missing, and the VM of 9 GiB is the only one there.
  assert.match(remedies[1], /^3\.00 GiB less on it: vm-1 leaving would do\.$/)
  assert.match(remedies[2], /vm-1/)
})

test('a suitable host has its place in the ranking and stands beside staying and the best', () => {
  const answer = ask({}, 1)
  assert.deepEqual([answer.isSuitable, answer.rank, answer.suitableHosts], [true, 2, 2])
  assert.deepEqual([answer.here?.hostId, answer.here?.score.total], ['host-0', 0])
  assert.equal(answer.best?.hostId, 'host-2')
  assert.ok((answer.best?.score.total ?? 0) > answer.there.score.total)
  const { worth } = answer
  assert.ok(worth !== undefined && worth.cost > 0)
  assert.ok(Math.abs(worth.gain - worth.cost - answer.there.score.total) < 1e-12)
})

test('the best host is compared with nobody better', () => {
  assert.equal(ask({}, 2).best, undefined)
})

test('the host where it runs is told to be just that', () => {
  const answer = ask({}, 0)
  assert.deepEqual([answer.isThere, refusedBy(answer), answer.migration], [true, ['same-host'], undefined])
  assert.equal(answer.there.outlook.members, 1)
})

test('shut gates are told with what opens them', () => {
  const vms = [aVm(0, { isPinned: true }), aVm(1), aVm(2)]
  const { gates } = ask({ vms, migrations: [aFlight(0, 0, 2)] }, 1)
  const shut = gates.flatMap(({ rule, remedy }) => (remedy === undefined ? [] : [rule]))
  assert.deepEqual(shut, ['in-flight', 'pinned'])
})

test('a host that would be asked for too much is short by so many cores', () => {
  // 3.4 cores are what it may be filled to; 3 + 1 are wanted.
  const answer = ask({ demand: [1, 3, 0.5], bandSd: 0, vms: [aVm(0), aVm(1, { vcpus: 4 }), aVm(2)] }, 1)
  assert.deepEqual(refusedBy(answer), ['demand'])
  const refusal = answer.rules.find(({ remedy }) => remedy !== undefined)
  assert.match(refusal?.remedy ?? '', /has to fall by 0\.[0-9]+ cores; by expected demand: vm-1 leaving would do/)
})

test('a VM to whom only migrations are barred is told so', () => {
  const policy = aPolicy({ limits: { migrationsPerHostMax: 1 } })
  const answer = explainPair(
    aContext({ hostOf: [0, 1, 2, 2], demand: [1, 0.2, 0.5, 0.1], policy, migrations: [aFlight(3, 2, 1)] }),
    0,
    1,
  )
  assert.deepEqual(refusedBy(answer), ['concurrency'])
})

test('with host passthrough a VM keeps to CPUs that offer all it sees at home', () => {
  const hosts = [aHost(0, { cpuFlags: ['sse2', 'avx2'] }), aHost(1, { cpuFlags: ['sse2'] }), aHost(2)]
  assert.deepEqual(refusedBy(ask({ hosts }, 1)), [])
  const vms = [aVm(0, { isHostPassthrough: true }), aVm(1), aVm(2)]
  assert.deepEqual(refusedBy(ask({ hosts, vms }, 1)), ['cpu-flags'])
  // Of host 2 nobody knows the flags.
  assert.deepEqual(refusedBy(ask({ hosts, vms }, 2)), [])
})

test('what the platform says against a host refuses it in its own words: for all VMs of a host, or for one VM', () => {
  const hosts = [aHost(0), aHost(1), aHost(2)]
  const [from, to, third] = hosts.map(({ id }) => id)
  const barred = (barriers: Barriers, host: number) => refusedBy(ask({ hosts, barriers }, host))
  const maker: Barrier = { lacking: 'cpu-flags', reason: 'The maker of its CPU is AMD, not Intel.' }
  const pairs = new Map([[from, new Map([[to, maker]])]])
  assert.deepEqual([barred({ pairs, vms: new Map() }, 1), barred({ pairs, vms: new Map() }, 2)], [['barrier'], []])
  const disk: VmBarrier = { lacking: 'storage', reason: 'Its disk is of its host.' }
  const told = ask({ hosts, barriers: { pairs, vms: new Map() } }, 1).rules.find(
    ({ rule }) => rule === 'barrier',
  )?.verdict
  assert.deepEqual(told, { kind: 'refused', lacking: 'platform', shortBy: 1, reason: maker.reason })
  const bridge: VmBarrier = { lacking: 'network', reason: 'It is on br7.', hosts: new Set([third]) }
  const vms = new Map([[aVm(0).id, [disk, bridge]]])
  assert.deepEqual(barred({ pairs: new Map(), vms }, 1), ['barrier'])
  const alone = new Map([[aVm(0).id, [bridge]]])
  assert.deepEqual(
    [1, 2].map((host) => barred({ pairs: new Map(), vms: alone }, host)),
    [[], ['barrier']],
  )
  assert.deepEqual(barred({ pairs: new Map(), vms }, 2), ['barrier'])
})
