import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { lookAt, lookTwice } from './looking.ts'
import { NetworkSampler } from './network.ts'

const line = (name: string, bytes: number): string =>
  `${name.padStart(6)}: ${bytes} ${bytes / 10} ${bytes / 100} ${bytes / 50} 0 0 0 0 ${2 * bytes} ${bytes / 5} 0 0 0 0 0 0\n`
const deviceText = (bytes: number, names = ['lo', 'eth0', 'veth1', 'docker0']): string =>
  `Inter-| Receive | Transmit\n face |bytes packets|bytes packets\n${names.map((name) => line(name, bytes)).join('')}`
const counts = (retransmits: number): string =>
  `Ip: Forwarding DefaultTTL\nIp: 2 64\nTcp: RtoAlgorithm RtoMin RtoMax MaxConn RetransSegs InErrs\nTcp: 1 200 120000 -1 ${retransmits} 0\n`

test('network is what leaves the guest: no loopback, no bridge, no end of a container', () => {
  const sys = { '/sys/class/net/eth0/mtu': '', '/sys/class/net/veth1/mtu': '', '/sys/class/net/lo/mtu': '' }
  for (const beside of [sys, {}]) {
    const guest = new FakeMachine({ '/proc/net/dev': deviceText(1000), '/proc/net/snmp': counts(7), ...beside })
    guest.links['/sys/class/net/eth0/device'] = '../../../virtio2'
    const { measured, details } = lookTwice(new NetworkSampler(guest), guest.texts, {
      '/proc/net/dev': deviceText(6000),
      '/proc/net/snmp': counts(17),
    })
    // 5 000 bytes in, 10 000 out, 500 packets in, 1 000 out, 10 segments sent again, in 5 s.
    assert.deepEqual(measured, {
      netReceiveBytesPerSec: 1000,
      netSendBytesPerSec: 2000,
      netReceivePacketsPerSec: 100,
      netSendPacketsPerSec: 200,
      netRetransmitsPerSec: 2,
    })
    assert.equal(details['drops, receiving'], 20)
    assert.equal(details['errors'], 10)
  }
})

test('a virtual function below its paravirtual twin is counted by the twin; one below a bond counts itself', () => {
  const guest = new FakeMachine({ '/proc/net/dev': deviceText(1000, ['eth0', 'enP1', 'ens5']) })
  for (const name of ['eth0', 'enP1', 'ens5']) {
    guest.links[`/sys/class/net/${name}/device`] = '../../../virtio2'
  }
  guest.links['/sys/class/net/enP1/master'] = '../../eth0'
  guest.links['/sys/class/net/ens5/master'] = '../../virtual/net/bond0'
  assert.equal(new NetworkSampler(guest).findings()[0].because, '/proc/net/dev: ens5, eth0')
})

test('in a namespace where no interface has a device all but the loopback are counted, and it is said', () => {
  const texts = { '/sys/class/net/lo/mtu': '', '/sys/class/net/veth7/mtu': '' }
  const guest = new FakeMachine({ '/proc/net/dev': deviceText(1000, ['lo', 'veth7']), ...texts })
  const sampler = new NetworkSampler(guest)
  assert.equal(sampler.findings()[0].state, 'partly')
  const changed = { '/proc/net/dev': deviceText(2000, ['lo', 'veth7']) }
  assert.equal(lookTwice(sampler, guest.texts, changed).measured.netReceiveBytesPerSec, 200)
})

test('an interface of which nothing is counted here is not said to be seen', () => {
  const guest = new FakeMachine({ '/proc/net/dev': deviceText(1000, ['lo']) })
  guest.links['/sys/class/net/eth0/device'] = '../../../virtio2'
  const [traffic] = new NetworkSampler(guest).findings()
  assert.equal(traffic.state, 'absent')
  assert.match(traffic.because, /does not count eth0/)
})

test('an interface made anew makes that look absent, and not the one after', () => {
  const guest = new FakeMachine({ '/proc/net/dev': deviceText(5000) })
  const sampler = new NetworkSampler(guest)
  assert.deepEqual(lookTwice(sampler, guest.texts, { '/proc/net/dev': deviceText(1000) }).measured, {})
  guest.texts['/proc/net/dev'] = deviceText(2000)
  assert.equal(lookAt(sampler, 10_000).measured.netReceiveBytesPerSec, 200)
})

const text = (n: number): string => `Tcp: OutSegs RetransSegs\nTcp: ${9 * n} ${n}\n`

test('retransmits are found by their name, wherever the kernel lists them', () => {
  const guest = new FakeMachine({ '/proc/net/snmp': text(0) })
  const { measured, details } = lookTwice(new NetworkSampler(guest), guest.texts, { '/proc/net/snmp': text(50) })
  assert.equal(measured.netRetransmitsPerSec, 10)
  // 50 of 450 + 50.
  assert.equal(details['TCP segments sent again'], 0.1)
})
