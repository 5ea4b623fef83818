import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { lookAt } from './looking.ts'
import { SOCKETS_MAX } from './peers.ts'
import { SocketsSampler } from './sockets.ts'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const LISTEN = '0A'
const CONNECTED = '01'

/** Addresses as a little-endian kernel writes them: 10.0.0.11 is 0B00000A; ports 1538 is 5432, 9C40 is 40000. */
const socket = (local: string, remote: string, state: string, inode = 1): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`

const table = (...lines: readonly string[]): string => HEAD + lines.join('')
const samplerOf = (guest: FakeMachine): SocketsSampler => new SocketsSampler(guest, () => 'peer x')
const peersOf = (texts: Record<string, string>): number | undefined =>
  lookAt(samplerOf(new FakeMachine(texts)), 0).measured.socketPeers

test('peers are distinct addresses of connected sockets: not listeners, not closing ones, nothing within the machine', () => {
  const tcp = table(
    socket('00000000:1538', '00000000:0000', LISTEN),
    socket('0A00000A:1538', '0B00000A:9C40', CONNECTED),
    socket('0A00000A:1538', '0B00000A:9C41', CONNECTED),
    socket('0A00000A:1538', '0C00000A:9C41', '06'),
    socket('0100007F:1538', '0100007F:9C41', CONNECTED),
    socket('0A00000A:9C42', '0A00000A:1538', CONNECTED),
    // Between two addresses of this machine.
    socket('0E00000A:9C42', '0A00000A:1538', CONNECTED),
    socket('0A00000A:1538', '0E00000A:9C42', CONNECTED),
  )
  assert.equal(peersOf({ '/proc/net/tcp': tcp }), 1)
})

test('one address over IPv4, over IPv6 as a mapped one, and over UDP is one peer', () => {
  const mapped = '0000000000000000FFFF0000'
  const texts = {
    '/proc/net/tcp': table(socket('0A00000A:1538', '0B00000A:9C40', CONNECTED)),
    '/proc/net/tcp6': table(
      socket(`${mapped}0A00000A:1538`, `${mapped}0B00000A:9C40`, CONNECTED),
      socket(`${mapped}0100007F:1538`, `${mapped}0100007F:9C40`, CONNECTED),
      socket('00000000000000000000000001000000:1538', '00000000000000000000000001000000:9C40', CONNECTED),
      socket('B80D0120000000000000000001000000:1538', 'B80D0120000000000000000002000000:9C40', CONNECTED),
    ),
    '/proc/net/udp': table(
      socket('0A00000A:0035', '0B00000A:0035', CONNECTED),
      socket('0A00000A:0035', '00000000:0000', '07'),
    ),
  }
  assert.equal(peersOf(texts), 2)
})

test('a table in which the kernel counts no socket is not read: that costs milliseconds', () => {
  const tcp = table(socket('0A00000A:1538', '0B00000A:9C40', CONNECTED))
  assert.equal(peersOf({ '/proc/net/tcp': tcp, '/proc/net/sockstat': 'sockets: used 9\nTCP: inuse 1 orphan 0\n' }), 1)
  assert.equal(peersOf({ '/proc/net/tcp': tcp, '/proc/net/sockstat': 'sockets: used 9\nTCP: inuse 0 orphan 0\n' }), 0)
})

test('tables are read seldom, and the more seldom the more they cost', () => {
  for (const [tickMs, every] of [
    [0, 4],
    // 8 ms at 0.4 ms a look: one look of twenty.
    [8, 20],
    [5000, 60],
  ]) {
    const guest = new FakeMachine({ '/proc/net/tcp': table() })
    guest.tickMs = tickMs
    let reads = 0
    const read = guest.readText.bind(guest)
    guest.readText = (path, maxBytes) => {
      if (path === '/proc/net/tcp') reads++
      return read(path, maxBytes)
    }
    const sampler = samplerOf(guest)
    for (let look = 0; look < 120; look++) {
      sampler.sample(
        { at: 0, monotonicMs: look * 5000, wantsDetails: false },
        { put: () => undefined, detail: () => undefined },
      )
    }
    assert.equal(reads, 120 / every, `${tickMs} ms`)
  }
})

test('more sockets than are looked at are said to be there', () => {
  const many = Array.from({ length: SOCKETS_MAX + 1 }, () => socket('0A00000A:1538', '0B00000A:9C40', CONNECTED))
  const guest = new FakeMachine({ '/proc/net/tcp': table(...many) })
  const [finding] = samplerOf(guest).findings()
  assert.equal(finding.state, 'partly')
  assert.match(finding.because, /floor/)
  assert.equal(samplerOf(new FakeMachine({})).findings()[0].state, 'absent')
})

test('who talks to whom is told as classes; a connection within the machine once, from the end that called', () => {
  const guest = new FakeMachine({
    '/proc/net/tcp': table(
      socket('00000000:1538', '00000000:0000', LISTEN, 10),
      socket('0100007F:1538', '0100007F:9C41', CONNECTED, 11),
      socket('0100007F:9C41', '0100007F:1538', CONNECTED, 12),
      socket('0A00000A:1538', '0B00000A:9C40', CONNECTED, 13),
      socket('0A00000A:9C42', '0C00000A:18EB', CONNECTED, 14),
      socket('0A00000A:9C43', '0D00000A:01BB', CONNECTED, 15),
    ),
    '/proc/7/comm': 'postgres\n',
    '/proc/8/comm': 'java\n',
  })
  const files = { '/proc/7/fd/3': 11, '/proc/7/fd/4': 13, '/proc/8/fd/5': 12, '/proc/8/fd/6': 14 }
  for (const [path, inode] of Object.entries(files)) guest.links[path] = `socket:[${inode}]`
  const sampler = new SocketsSampler(guest, (address) => `peer ${address.slice(0, 2)}`)
  const { details } = lookAt(sampler, 0)
  assert.equal(details['runtime -> database here'], 1)
  assert.equal(details['peer 0B -> database'], 1)
  // 18EB is 6379, 01BB is 443; nobody may see who holds the last one.
  assert.equal(details['runtime -> cache at peer 0C'], 1)
  assert.equal(details['unseen -> web server at peer 0D'], 1)
  assert.equal(details['connections of processes that may not be seen'], 1)
  assert.equal(details['services by port'], 'database')
})

test('lines that are cut or make no sense are passed over', () => {
  const lines = ['garbage\n', '   0: \n', ': : : :\n', socket('0A00000A:1538', '0B00000A:9C40', CONNECTED).slice(0, 30)]
  assert.equal(peersOf({ '/proc/net/tcp': table(...lines) }), 0)
})
