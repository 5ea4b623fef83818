import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { findVm, linesOf } from '../server/builders.ts'
import { aSite, type Guest, type Site } from '../../../tools/agent-site.ts'
import { type Machine, MachineError } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { Luck } from '../../terms/luck.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'

let site: Site
const proxies: { server: Server; sockets: Set<Socket> }[] = []

before(async () => {
  site = await aSite({ limits: { requests: { everyMs: 1, burst: 1e6 }, slowMs: 0 } })
})

after(async () => {
  for (const { server, sockets } of proxies) {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  await site.close()
})

/** What a proxy does with a part that passes: `cut` ends the connection before it, `half` after half of it. */
type Fate = 'pass' | 'cut' | 'half' | 'late'

/** A proxy in front of the server. Returns its address. @param fate asked for each part, in both directions */
async function aProxy(fate: (length: number) => Fate): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(site.server.port, '127.0.0.1')
    const end = (): void => {
      near.destroy()
      far.destroy()
    }
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', end)
      from.on('close', end)
      from.on('data', (part) => {
        const what = fate(part.length)
        if (what === 'cut') return end()
        if (what === 'half') return void to.write(part.subarray(0, part.length >> 1), end)
        if (what === 'late') return void setTimeout(() => to.destroyed || to.write(part), 20)
        to.write(part)
      })
    }
  })
  proxies.push({ server, sockets })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Offers a hundred vectors in ten parts while the network does its worst, then lets it be well. */
async function deliver(guest: Guest): Promise<void> {
  const lines: string[] = []
  for (let part = 0; part < 10; part++) {
    guest.machine.network.dropConnections()
    lines.push(...guest.offer('run', 1 + part * 10, 11 + part * 10))
    await guest.drive(5 * MINUTE_MS)
  }
  for (let hour = 0; hour < 10 && guest.courier.state.waiting > 0; hour++) await guest.drive(HOUR_MS)
  assert.deepEqual((await linesOf(site.server.store, guest.vm)).slice(1), lines)
  assert.deepEqual([guest.courier.state.waiting, guest.courier.state.lost, guest.courier.state.refused], [0, 0, 0])
}

/** A guest that has joined without a proxy, and speaks through one from then on. */
async function aGuestBehind(url: string): Promise<Guest> {
  const guest = site.aGuest()
  guest.offer('run', 0, 1)
  await guest.drive(MINUTE_MS)
  guest.restart({ url })
  return guest
}

for (const k of [6007, 7001, 9001, 15_013]) {
  test(`through a proxy that cuts whichever connection is open after every ${k} bytes each vector is kept exactly once`, async () => {
    let bytes = 0
    let cuts = 0
    const url = await aProxy((length) => {
      const before = Math.floor(bytes / k)
      bytes += length
      if (Math.floor(bytes / k) === before) return 'pass'
      return cuts++ % 2 === 0 ? 'cut' : 'half'
    })
    await deliver(await aGuestBehind(url))
    assert.ok(cuts >= 3, String(cuts))
  })
}

test('through a proxy that drops connections at random, in both directions, each vector is kept exactly once', async () => {
  const luck = new Luck(11)
  let cuts = 0
  const url = await aProxy(() => {
    const draw = luck.fraction()
    if (draw < 0.2) cuts++
    return draw < 0.1 ? 'cut' : draw < 0.2 ? 'half' : draw < 0.3 ? 'late' : 'pass'
  })
  await deliver(await aGuestBehind(url))
  assert.ok(cuts >= 5, String(cuts))
})

test('where every request is made twice, and old ones again at random, each vector is kept exactly once and in order', async () => {
  const real = nodeMachine()
  const luck = new Luck(12)
  const old: Parameters<Machine['network']['request']>[0][] = []
  let replays = 0
  const request: Machine['network']['request'] = async (wanted) => {
    if (!wanted.url.endsWith('/vectors')) return real.network.request(wanted)
    old.push(wanted)
    await real.network.request(wanted)
    for (let i = 0; i < 3; i++) {
      const answer = await real.network.request(old[luck.below(old.length)])
      assert.equal(answer.status, 200)
      replays++
    }
    const answer = await real.network.request(wanted)
    if (luck.fraction() < 0.3) throw new MachineError('ECONNRESET', 'socket hang up')
    return answer
  }
  const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
  guest.offer('run', 0, 1)
  await guest.drive(10 * MINUTE_MS)
  await deliver(guest)
  assert.ok(replays >= 30)
  assert.equal((await findVm(site.server.store, guest.vm))?.quarantine, undefined)
})
