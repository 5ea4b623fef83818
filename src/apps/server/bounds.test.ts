/** Callers that say too little, too much or too often: each is cut off within its bound, and nobody else waits for it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { aLine, Bench, type Identity, linesOf } from './builders.ts'
import { addressOf } from './connections.ts'

const bench = new Bench()
/** A twentieth of what they are in earnest. */
const SHORT = { headerMs: 500, bodyMs: 750, idleMs: 1000 }
/** Cut off by then: the longest bound, and the second in which connections are looked at. */
const CUT_MS = 3000

before(() => bench.start({ limits: SHORT }))
after(() => Bench.removeAll())

function open(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { pem: ca } = bench.server.authority
    const socket = connect({ host: '127.0.0.1', port: bench.server.port, ca }, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** All that came until the other end closed; `still open` if it did not within the bound. */
function untilCut(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const timer = setTimeout(() => {
      socket.destroy()
      resolve('still open')
    }, CUT_MS)
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
  })
}

async function drip(socket: Socket, piece: string, everyMs: number): Promise<void> {
  while (!socket.destroyed) {
    socket.write(piece)
    await sleep(everyMs)
  }
}

const HEAD = 'POST /v1/join HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n'

test('a connection on which nothing is said is cut off, before TLS and after it', async () => {
  const plain = connectTcp(bench.server.port, '127.0.0.1')
  const [before, afterwards] = await Promise.all([untilCut(plain), open().then(untilCut)])
  assert.deepEqual([before, afterwards.replace(/^HTTP\/1.1 408.*/s, '')], ['', ''])
})

test('headers and bodies that come a byte at a time are cut off', async () => {
  const [headers, body] = await Promise.all([open(), open()])
  headers.write('GET /v1/ca HTTP/1.1\r\n')
  body.write(`${HEAD}content-length: 1000\r\n\r\n`)
  void drip(headers, 'a', 50)
  void drip(body, 'a', 50)
  for (const text of await Promise.all([untilCut(headers), untilCut(body)])) assert.match(text, /^HTTP\/1.1 408 |^$/)
})

test('a body of a gigabyte is refused before it is read', async () => {
  const socket = await open()
  socket.write(`${HEAD}content-length: 1073741824\r\n\r\n`)
  const flood = setInterval(() => void socket.write('x'.repeat(65_536)), 5)
  const text = await untilCut(socket)
  clearInterval(flood)
  assert.match(text, /^HTTP\/1.1 413 |^$/)
})

test('chunks without end are refused at the bound', async () => {
  const socket = await open()
  socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`)
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  const flood = setInterval(() => void socket.write(chunk), 5)
  const text = await untilCut(socket)
  clearInterval(flood)
  assert.match(text, /^HTTP\/1.1 413 |^$/)
})

test('a hundred thousand headers are refused at the bound', async () => {
  const socket = await open()
  socket.on('error', () => undefined)
  socket.write('GET /v1/ca HTTP/1.1\r\n')
  for (let i = 0; i < 100_000 && !socket.destroyed; i += 1000)
    socket.write(Array.from({ length: 1000 }, (_, k) => `h${i + k}: x\r\n`).join(''))
  assert.match(await untilCut(socket), /^HTTP\/1.1 431 |^$/)
})

test('whoever does not wait for answers is cut off', async () => {
  const socket = await open()
  const done = untilCut(socket)
  socket.write('GET /v1/ca HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(200))
  const answers = (await done).split('HTTP/1.1 200').length - 1
  assert.ok(answers < 200, `${answers} were answered`)
})

test('connections are bounded for each address, and those of others are let in', async () => {
  const other = new Bench()
  await other.start({ limits: { perAddressMax: 5, slowMs: 0 } })
  const { port } = other.server
  const connectFrom = (localAddress: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connectTcp({ host: '127.0.0.1', port, localAddress }, () =>
        setTimeout(() => resolve(!socket.destroyed), 100),
      )
      socket.resume()
      socket.on('error', () => resolve(false))
      socket.on('close', () => resolve(false))
    })
  const crowd = await Promise.all(Array.from({ length: 12 }, () => connectFrom('127.0.0.2')))
  assert.equal(crowd.filter(Boolean).length, 5)
  assert.equal(await connectFrom('127.0.0.3'), true)
  await other.remove()
})

test('where there is no room for anybody, the oldest connection on which nothing was asked makes room', async () => {
  const other = new Bench()
  await other.start({ limits: { inAllMax: 6, perAddressMax: 6, slowMs: 0 } })
  const guest = await other.member()
  const silent: { readonly socket: Socket; isOpen: boolean }[] = []
  for (let i = 2; i < 20; i++) {
    const socket = connectTcp({ host: '127.0.0.1', port: other.server.port, localAddress: `127.0.0.${i}` })
    const one = { socket, isOpen: true }
    socket.on('error', () => undefined)
    socket.on('close', () => (one.isOpen = false))
    socket.resume()
    silent.push(one)
    await sleep(10)
  }
  assert.equal((await other.send(guest, [aLine(guest.vm, 0)])).status, 200)
  assert.equal((await other.send({ ...guest }, [aLine(guest.vm, 1)])).status, 200)
  assert.ok(silent.filter(({ isOpen }) => isOpen).length <= 6)
  assert.equal(silent[0].isOpen, false)
  for (const { socket } of silent) socket.destroy()
  await other.remove()
})

test('guests behind one address share what it may have: who waits for nothing makes room, and who is in the middle does not', async () => {
  const other = new Bench()
  await other.start({ limits: { perAddressMax: 5, slowMs: 0 } })
  const guests: Identity[] = []
  for (let i = 0; i < 12; i++) guests.push(await other.member())
  for (const guest of guests) assert.equal((await other.send(guest, [aLine(guest.vm, 0)])).status, 200)
  // The first was cut off in between, and comes back.
  assert.equal((await other.send({ ...guests[0] }, [aLine(guests[0].vm, 1)])).status, 200)
  const { port, authority } = other.server
  const half = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const socket = connect({ host: '127.0.0.1', port, ca: authority.pem })
      socket.on('error', () => undefined)
      await once(socket, 'secureConnect')
      socket.write('GET /v1/ca HTTP/1.1\r\n')
      return socket
    }),
  )
  await assert.rejects(other.send({ ...guests[1] }, [aLine(guests[1].vm, 1)]))
  assert.ok(half.every((socket) => !socket.destroyed))
  for (const socket of half) socket.destroy()
  await other.remove()
})

test('new connections from one address are bounded in time too: each costs a handshake', async () => {
  const other = new Bench()
  await other.start({ limits: { newPerAddress: { everyMs: 1000, burst: 3 } } })
  const ask = () => other.ask({ method: 'GET', path: '/v1/ca', tls: { ca: other.server.authority.pem } })
  for (let i = 0; i < 3; i++) assert.equal((await ask()).status, 200)
  await assert.rejects(ask())
  other.now += 1000
  assert.equal((await ask()).status, 200)
  await other.remove()
})

test('one who floods is told to come later and gets no more than its bucket; others do not notice', async () => {
  const flooder = await bench.member()
  const others = []
  for (let i = 0; i < 20; i++) others.push(await bench.member())
  const idle = await Promise.all(Array.from({ length: 100 }, () => open()))
  for (const socket of idle) socket.on('error', () => undefined)
  const flood = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      bench.send({ ...flooder, ca: flooder.ca }, [aLine(flooder.vm, i)]).then(
        ({ status }) => status,
        () => 0,
      ),
    ).concat(others.map((member) => bench.send(member, [aLine(member.vm, 0)]).then(({ status }) => status))),
  )
  const [mine, theirs] = [flood.slice(0, 300), flood.slice(300)]
  // Ten at once: its burst. The order in which they arrive is the network's, so that some are duplicates.
  assert.equal(mine.filter((status) => status === 200).length, 10)
  assert.ok(mine.every((status) => [0, 200, 429].includes(status)))
  assert.ok(theirs.every((status) => status === 200))
  assert.ok((await linesOf(bench.server.store, flooder.vm)).length <= 10)
  for (const socket of idle) socket.destroy()
})

test('one customer of the network is one address of IPv4, or the first half of one of IPv6', () => {
  const seen = ['10.0.0.7', '::ffff:10.0.0.7', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', '::1', 'fe80::1'].map(
    (remoteAddress) => addressOf({ remoteAddress }),
  )
  assert.deepEqual(seen, [
    '10.0.0.7',
    '10.0.0.7',
    '2001:db8:1:2::/64',
    '2001:db8:1:2::/64',
    '0:0:0:0::/64',
    'fe80:0:0:0::/64',
  ])
})
