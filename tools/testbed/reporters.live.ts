import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { whyNoTestbed } from './testbed.ts'
import { HOSTS, type Listed, QUIET_VM, watchHosts, type WatchedHosts } from './watch-hosts.ts'

const skip = whyNoTestbed()
const say = (text: string): void => void process.stderr.write(`${text}\n`)
const watched: WatchedHosts | undefined = skip === false ? await watchHosts(say) : undefined
after(() => watched?.end())

test('real hosts and their VMs are listed with the sizes that libvirt tells', { skip }, () => {
  assert.ok(watched)
  assert.deepEqual(watched.names, [...HOSTS])
  for (const [vm, kib] of Object.entries(watched.memoryKib)) {
    const listed: Listed | undefined = watched.listed.find((one) => one.vm === vm)
    assert.deepEqual([listed?.vcpus, listed?.memoryBytes, listed?.runs], [1, kib * 1024, 'running'], vm)
  }
})

test('what a guest says over virtio-serial is relayed by its host, and goes on through the next host after a live migration', {
  skip,
}, () => {
  assert.ok(watched)
  const { identities, vectors, vectorsBeforeMove, vm } = watched.moved
  assert.deepEqual(
    identities.map((identity) => identity?.via),
    [{ host: 'host1' }, { host: 'host2' }],
  )
  assert.ok(
    identities.every((identity) => identity !== undefined && identity.quarantine === undefined),
    vm,
  )
  assert.ok(vectors.length > vectorsBeforeMove)
  // One run of the agent numbers its vectors from 0: none is lost, none is there twice.
  assert.equal(new Set(vectors.map(({ sender }) => sender)).size, 1)
  assert.deepEqual(
    vectors.map(({ sequence }) => sequence),
    vectors.map((_, i) => i),
  )
})

test('a live migration is seen arriving, and never for longer than a report does a VM run in two places', {
  skip,
}, () => {
  assert.ok(watched)
  const { samples, looks, toldHost } = watched.moved
  const at = (end: 'atSource' | 'atTarget'): string =>
    looks
      .map((look) => look[end] ?? 'away')
      .filter((state, i, all) => state !== all[i - 1])
      .join(' ')
  assert.match(at('atTarget'), /^(away )?incoming running$/)
  assert.match(at('atSource'), /^running (paused )?away$/)
  const doubled = samples.filter(({ running }) => running.length > 1)
  assert.ok(new Set(doubled.map(({ ofSource }) => ofSource)).size <= 1)
  assert.equal(toldHost, 'host2')
})

test('on its way a VM is never lost: whoever asks for its ranking gets one', { skip }, () => {
  assert.ok(watched)
  assert.deepEqual([...new Set(watched.moved.samples.map(({ rank }) => rank))], [0])
})

test('every host is ranked or refused for a VM, once each', { skip }, () => {
  assert.ok(watched)
  const { ranking } = watched.moved
  assert.ok(ranking)
  const hosts = [...ranking.ranked, ...ranking.refused].map(({ host }) => host)
  assert.deepEqual(hosts.toSorted(), [...HOSTS])
})

test('a host whose reporter was killed is unreachable, its VMs stay, nothing moves there, and an alert says so', {
  skip,
}, () => {
  assert.ok(watched)
  const { during, rankingDuring, alertsDuring, othersDuring } = watched.silence
  assert.ok(typeof during === 'object' && rankingDuring)
  assert.equal(during.hosts.find(({ host }) => host === 'host3')?.state, 'unreachable')
  assert.ok(rankingDuring.ranked.length === 0 || rankingDuring.gate !== undefined, `${QUIET_VM} is frozen`)
  const alert = alertsDuring.alerts.find(({ about, kind }) => about === 'host3' && kind === 'host-stale')
  assert.match(alert?.what ?? '', /host3 is not counted on: .*min old/)
  const refusal = othersDuring?.refused.find(({ host }) => host === 'host3')
  assert.equal(refusal?.verdict.lacking, 'host-state')
})

test('when the reporter is back, by the identity that it kept, the alert ends by itself', { skip }, () => {
  assert.ok(watched)
  const { alertsAfter, heard } = watched.silence
  assert.deepEqual(
    alertsAfter.alerts.filter(({ about }) => about === 'host3'),
    [],
  )
  assert.doesNotMatch(heard, /no identity|token/)
})

test('a reporter that is asked to end does so, with 0', { skip }, () => {
  assert.ok(watched)
  assert.equal(watched.endedWith, 0)
})
