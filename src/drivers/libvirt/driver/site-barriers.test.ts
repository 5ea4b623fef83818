import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import type { ToldHost } from './inventory.ts'
import { barriersOf, type DescribedVm } from './site-barriers.ts'
import { parseXml } from './xml.ts'

const KINDS = 8

/** Of eight kinds of CPU, each of which lacks three features; every other has the network lan, the rest have dmz. */
function aToldHost(h: number): ToldHost {
  const features = Array.from({ length: 120 }, (_, i) => i).filter((i) => i % 40 !== h % KINDS)
  return {
    kind: 'told',
    hostId: parseHostId(`kvm-${h}`),
    at: 1000,
    hostname: `kvm-${h}`,
    hostFeatures: features.map((i) => `feature-${i}`),
    networks: [h % 2 === 0 ? 'lan' : 'dmz'],
    untold: [],
  }
}

function aDescribedVm(v: number, hosts: number): DescribedVm {
  const network = (v % hosts) % 2 === 0 ? 'lan' : 'dmz'
  const card = `<interface type='network'><source network='${network}'/></interface>`
  const text = `<domain><cpu mode='host-passthrough'/><devices>${card}</devices></domain>`
  const description = parseXml(text, 'a test')
  return { vmId: parseVmId(`vm-${v}`), hostId: parseHostId(`kvm-${v % hosts}`), description }
}

test('what bars VMs is looked for once for all that want the same: a large site does not hold up the turns', () => {
  const [hosts, vms] = [200, 2000]
  const told = Array.from({ length: hosts }, (_, h) => aToldHost(h))
  const site = { hosts: told.map(({ hostId }) => ({ id: hostId, uri: `qemu+tls://${hostId}/system` })) }
  const described = Array.from({ length: vms }, (_, v) => aDescribedVm(v, hosts))
  const before = process.cpuUsage()
  const barriers = barriersOf(site, told, described)
  const { user } = process.cpuUsage(before)
  assert.ok(user < 1e6, `${user / 1e6} s`)
  // One reason for each other kind, and the network, which half of the hosts have not.
  const ofVm = barriers.vms.get(parseVmId('vm-0')) ?? []
  assert.deepEqual(
    ofVm.map(({ lacking, hosts: barred }) => [lacking, barred?.size]),
    [['network', 100], ...Array.from({ length: KINDS - 1 }, () => ['cpu-flags', 25])],
  )
  assert.ok(ofVm.every(({ hosts: barred }) => barred?.has(parseHostId('kvm-0')) === false))
})
