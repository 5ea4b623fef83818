import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { aVector } from '../../../tools/builders.ts'
import { checkProperty } from '../../../tools/property.ts'
import { parseVmId } from '../../terms/ids.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import type { WantedVm } from '../../terms/placement.ts'
import { GiB } from '../../terms/units.ts'
import { aContext, aHost, aPolicy, aVm, type SmallCluster } from '../builders.ts'
import { findPlacements, type PlacedVm, type Placements } from './placements.ts'

function wanted(name: string, changes: Partial<WantedVm> = {}): WantedVm {
  return { id: parseVmId(name), vcpus: 2, memoryBytes: GiB, ...changes }
}

function place(cluster: SmallCluster, ...vms: readonly WantedVm[]): Placements {
  const answer = findPlacements(aContext(cluster), { vms })
  assert.ok(answer.kind === 'placements', JSON.stringify(answer))
  return answer
}

/** Ten VMs of 2 cores that want half a core each, on five hosts of 4 cores. */
const CALM: SmallCluster = {
  hostOf: [0, 0, 1, 1, 2, 2, 3, 3, 4, 4],
  demand: Array.from({ length: 10 }, () => 0.5),
}

test('a VM to come is ranked over every host, and goes to the first', () => {
  const { vms, isComplete } = place(CALM, wanted('new'))
  assert.ok(isComplete)
  assert.equal(vms[0].ranking.ranked.length + vms[0].ranking.refused.length, 5)
  assert.equal(vms[0].hostId, vms[0].ranking.ranked[0].hostId)
  assert.equal(vms[0].ranking.ranked[0].score.terms.migration, 0)
})

test('without a likeness it is taken to want what others of its size use here, and the answer says so', () => {
  const { demand } = place(CALM, wanted('new')).vms[0]
  assert.equal(demand.basis, 'size-class')
  assert.ok(Math.abs(demand.mean - 0.5) < 1e-9)
  assert.match(demand.reason, /10 VMs of this size here: they used 25 % of their size at the median/)
})

test('where nobody of about its size is known it is taken to want all of it', () => {
  const { demand } = place(CALM, wanted('new', { vcpus: 3 })).vms[0]
  assert.match(demand.reason, /within 2 times this size/)
  const large = place(
    { ...CALM, hosts: [0, 1, 2, 3, 4].map((h) => aHost(h, { cores: 16 })) },
    wanted('new', { vcpus: 8 }),
  )
  assert.deepEqual([large.vms[0].demand.basis, large.vms[0].demand.mean], ['full-size', 8])
})

test('one that is like another has its size and its demand', () => {
  const cluster = { ...CALM, demand: [1.2, ...CALM.demand.slice(1)] }
  const { vm, demand } = place(cluster, { id: parseVmId('new'), like: parseVmId('vm-0') }).vms[0]
  assert.deepEqual([vm.vcpus, vm.memoryBytes, demand.basis], [2, GiB, 'likeness'])
  assert.ok(demand.mean > 0.9, `${demand.mean}`)
})

test('a personality measured elsewhere counts as it says', () => {
  const values = aVector().values.slice()
  const mask = aVector().mask.slice()
  for (const [name, value] of [
    ['cpuRefCoresMean', 0.75],
    ['cpuRefCoresP95', 1.5],
  ] as const) {
    const i = dimensionIndex(name)
    values[i] = value
    mask[i >> 3] |= 1 << (i & 7)
  }
  const { demand } = place(CALM, wanted('new', { personality: aVector({ values, mask }) })).vms[0]
  assert.deepEqual([demand.basis, demand.mean, demand.p95], ['personality', 0.75, 1.5])
})

test('each of a group sees those placed before it', () => {
  // A host of 16 GiB holds one of 9 GiB; three hosts hold three of them, and the fourth finds none.
  const cluster = { hostOf: [0, 1, 2], demand: [0.1, 0.1, 0.1] }
  const group = [1, 2, 3].map((n) => wanted(`big-${n}`, { memoryBytes: 9 * GiB }))
  const three = place(cluster, ...group)
  assert.equal(new Set(three.vms.map(({ hostId }) => hostId)).size, 3)
  const four = place(cluster, ...group, wanted('big-4', { memoryBytes: 9 * GiB }))
  assert.equal(four.isComplete, false)
  const left = four.vms.filter(({ hostId }) => hostId === undefined)
  assert.equal(left.length, 1)
  assert.deepEqual(left[0].refusals, { memory: 3 })
  assert.equal(left[0].remediation.at(-1)?.remedy, 'ask-operator')
})

test('the mates of an anti-affinity group part', () => {
  const mates = [1, 2, 3, 4, 5].map((n) => wanted(`db-${n}`, { antiAffinityGroup: 'db' }))
  const { vms } = place(CALM, ...mates)
  assert.equal(new Set(vms.map(({ hostId }) => hostId)).size, 5)
})

test('the one with the least choice is seen to first, in whatever order they are named', () => {
  // Only host 1 holds 20 GiB, and it does not hold the small one beside it.
  const hosts = [aHost(0, { cores: 16 }), aHost(1, { cores: 16, memoryBytes: 21 * GiB })]
  const cluster = { hosts, hostOf: [0], demand: [0.1], policy: aPolicy({ consolidation: { isEnabled: false } }) }
  const small = [1, 2, 3].map((n) => wanted(`small-${n}`, { memoryBytes: 4 * GiB }))
  const { vms, isComplete } = place(cluster, ...small, wanted('large', { memoryBytes: 20 * GiB }))
  assert.ok(isComplete)
  assert.deepEqual([vms[3].hostId, vms[3].step], ['host-1', 1])
})

test('flags that its software needs keep it from hosts without them', () => {
  const hosts = [aHost(0, { cpuFlags: ['sse2'] }), aHost(1, { cpuFlags: ['sse2', 'avx512f'] }), aHost(2)]
  const { ranking } = place({ hosts, hostOf: [0], demand: [0.1] }, wanted('new', { cpuFlags: ['avx512f'] })).vms[0]
  assert.deepEqual(
    ranking.refused.map(({ hostId, verdict }) => [hostId, verdict.lacking, verdict.shortBy]),
    [['host-0', 'cpu-flags', 1]],
  )
})

test('a question about a VM that exists, or like one that does not, is not answered', () => {
  const exists = findPlacements(aContext(CALM), { vms: [wanted('vm-3')] })
  assert.ok(exists.kind === 'invalid' && /vm-3 exists already/.test(exists.reason))
  const stranger = findPlacements(aContext(CALM), { vms: [wanted('new', { like: parseVmId('nobody') })] })
  assert.ok(stranger.kind === 'invalid' && /nobody, which new is said to be like/.test(stranger.reason))
})

const GROUPS = fc.array(
  fc.record({
    vcpus: fc.integer({ min: 1, max: 5 }),
    gib: fc.integer({ min: 1, max: 12 }),
    group: fc.constantFrom(undefined, 'a', 'b'),
  }),
  { minLength: 1, maxLength: 8 },
)

test('a group never gives a host more memory than it has, parts its mates, and leaves the sheet as it was', () => {
  checkProperty(
    fc.property(GROUPS, (sizes) => {
      const hosts = [0, 1, 2].map((h) => aHost(h))
      const context = aContext({ hosts, hostOf: [0, 1], demand: [0.3, 1], vms: [aVm(0), aVm(1)] })
      const before = JSON.stringify([
        [...context.memoryBytes],
        context.members,
        [...context.hostOf],
        [...context.loads.mean],
      ])
      const question = sizes.map(({ vcpus, gib, group }, i) =>
        wanted(`n-${i}`, {
          vcpus,
          memoryBytes: gib * GiB,
          ...(group === undefined ? {} : { antiAffinityGroup: group }),
        }),
      )
      const answer = findPlacements(context, { vms: question })
      assert.ok(answer.kind === 'placements')
      for (const { id } of hosts) {
        const there: readonly PlacedVm[] = answer.vms.filter(({ hostId }) => hostId === id)
        assert.ok(there.reduce((sum, { vm }) => sum + vm.memoryBytes, 0) <= 16 * GiB)
        const groups = there.flatMap(({ vm }) => vm.antiAffinityGroup ?? [])
        assert.equal(new Set(groups).size, groups.length)
      }
      for (const { hostId, remediation } of answer.vms) assert.equal(hostId === undefined, remediation.length > 0)
      assert.deepEqual(findPlacements(context, { vms: question }), answer)
      const after = JSON.stringify([
        [...context.memoryBytes],
        context.members,
        [...context.hostOf],
        [...context.loads.mean],
      ])
      assert.equal(after, before)
    }),
    { runs: 60 },
  )
})
