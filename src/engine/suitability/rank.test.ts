import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, finiteNumber } from '../../../tools/property.ts'
import { HOST_STATES } from '../../terms/cluster.ts'
import { LACKS } from '../../terms/ranking.ts'
import { GiB } from '../../terms/units.ts'
import { aContext, aHost, aPolicy, aVm, type SmallCluster } from '../builders.ts'
import { getSuitableHosts, remediate, selectBestHost } from './rank.ts'

/** Up to eight hosts in any state, with up to ten VMs on them of which some are large and some bound to groups. */
const CLUSTERS: fc.Arbitrary<SmallCluster> = fc
  .record({
    states: fc.array(fc.constantFrom(...HOST_STATES), { minLength: 2, maxLength: 8 }),
    vms: fc.array(
      fc.record({
        host: fc.nat(7),
        demand: finiteNumber({ min: 0, max: 2 }),
        gib: fc.integer({ min: 1, max: 8 }),
        group: fc.constantFrom(undefined, 'a', 'b'),
      }),
      { minLength: 1, maxLength: 10 },
    ),
  })
  .map(({ states, vms }) => ({
    hosts: states.map((_, h) => aHost(h)),
    hostStates: states,
    vms: vms.map(({ gib, group }, v) =>
      aVm(v, { memoryBytes: gib * GiB, ...(group === undefined ? {} : { antiAffinityGroup: group }) }),
    ),
    hostOf: vms.map(({ host }) => host % states.length),
    demand: vms.map(({ demand }) => demand),
  }))

test('every host is ranked or refused, and none is both', () => {
  checkProperty(
    fc.property(CLUSTERS, (cluster) => {
      const { ranked, refused } = getSuitableHosts(aContext(cluster), 0)
      const ids = [...ranked, ...refused].map(({ hostId }) => hostId)
      assert.deepEqual(ids.toSorted(), cluster.hosts?.map(({ id }) => id).toSorted())
      for (const { verdict } of refused) {
        assert.ok(LACKS.includes(verdict.lacking) && verdict.shortBy > 0 && verdict.reason.length > 10)
      }
    }),
  )
})

test('better hosts come first', () => {
  checkProperty(
    fc.property(CLUSTERS, (cluster) => {
      const { ranked } = getSuitableHosts(aContext(cluster), 0)
      ranked.forEach(({ score }, i) => assert.ok(i === 0 || score.total <= ranked[i - 1].score.total))
    }),
  )
})

test('the order in which hosts are listed makes no difference', () => {
  checkProperty(
    fc.property(CLUSTERS, fc.infiniteStream(fc.nat()), (cluster, luck) => {
      const { hosts = [], hostStates = [] } = cluster
      const order = hosts
        .map((_, h) => ({ h, key: luck.next().value ?? 0 }))
        .toSorted((a, b) => a.key - b.key || a.h - b.h)
      const shuffled = {
        ...cluster,
        hosts: order.map(({ h }) => hosts[h]),
        hostStates: order.map(({ h }) => hostStates[h]),
        hostOf: cluster.hostOf.map((host) => order.findIndex(({ h }) => h === host)),
      }
      const one = getSuitableHosts(aContext(cluster), 0)
      const other = getSuitableHosts(aContext(shuffled), 0)
      assert.deepEqual(other.ranked, one.ranked)
      assert.deepEqual(byId(other.refused), byId(one.refused))
    }),
  )
})

function byId<T extends { readonly hostId: string }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1))
}

test('hosts that are equally good come by their ids', () => {
  const hosts = [aHost(0), aHost(3), aHost(1), aHost(2)]
  const { ranked } = getSuitableHosts(aContext({ hosts, hostOf: [0], demand: [1] }), 0)
  assert.deepEqual(
    ranked.map(({ hostId }) => hostId),
    ['host-1', 'host-2', 'host-3'],
  )
})

test('the best host is the first of the ranking; where all are refused there is none', () => {
  const context = aContext({ hostOf: [0, 1, 2], demand: [0.5, 0.2, 1] })
  // Filling the fuller host pays: host 2 carries a core, host 1 a fifth of one.
  assert.equal(selectBestHost(getSuitableHosts(context, 0))?.hostId, 'host-2')
  assert.equal(selectBestHost(getSuitableHosts(aContext({ hostOf: [0], demand: [1] }), 0)), undefined)
})

test('the operator can always be asked', () => {
  const context = aContext({ hostOf: [0, 1], demand: [1, 1] })
  const [only, ...others] = remediate(context, 0, { memory: 1, 'same-host': 1 })
  assert.deepEqual(others, [])
  assert.equal(only.remedy, 'ask-operator')
  assert.match(only.reason, /All 2 hosts were refused/)
})

test('remediation is never empty, whatever was refused', () => {
  const refusals = fc.dictionary(fc.constantFrom(...LACKS), fc.integer({ min: 1, max: 9 }))
  checkProperty(
    fc.property(CLUSTERS, refusals, (cluster, counts) => {
      const remedies = remediate(aContext(cluster), 0, counts)
      assert.equal(remedies.at(-1)?.remedy, 'ask-operator')
    }),
  )
})

test('a host at rest could be brought back', () => {
  const context = aContext({ hostOf: [0, 1], demand: [1, 1], hostStates: ['on', 'maintenance'] })
  const [first] = remediate(context, 0, { 'host-state': 1 })
  assert.deepEqual([first.remedy, first.hostId], ['power-host-on', 'host-1'])
  assert.match(first.reason, /adds 4\.0 cores/)
})

test('a VM larger than any host may be filled to should be scaled', () => {
  // 85 % of 4 cores are 3.4.
  const vms = [aVm(0, { vcpus: 4 }), aVm(1)]
  const large = remediate(aContext({ vms, hostOf: [0, 1], demand: [1, 1] }), 0, { cpu: 1 })
  assert.deepEqual(
    large.map(({ remedy }) => remedy),
    ['scale-vm', 'ask-operator'],
  )
  const small = remediate(aContext({ hostOf: [0, 1], demand: [1, 1] }), 0, { cpu: 1 })
  assert.deepEqual(
    small.map(({ remedy }) => remedy),
    ['ask-operator'],
  )
})

test('rules that stand in the way could be relaxed, and it is said how many hosts that opens', () => {
  const context = aContext({ hostOf: [0, 1], demand: [1, 1], policy: aPolicy() })
  const [first] = remediate(context, 0, { 'anti-affinity': 2, 'no-return': 1, concurrency: 4 })
  assert.equal(first.remedy, 'relax-rule')
  assert.match(first.reason, /^7 hosts/)
})
