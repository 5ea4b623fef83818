import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, statSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { parseVmId } from '../../terms/ids.ts'
import { findVm, linesOf } from '../server/builders.ts'
import { aSite, type Site } from '../../../tools/agent-site.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { MachineError } from '../../drivers/guest/machine.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { chooseUplink } from './courier.ts'

let site: Site

before(async () => {
  site = await aSite()
})

after(() => site.close())

const kept = (vm: string): Promise<readonly string[]> => linesOf(site.server.store, vm)

test('a guest joins with its token, which is then gone, and what it offers arrives within a minute', async () => {
  const guest = site.aGuest()
  const lines = guest.offer('run-1', 0, 1)
  await guest.drive(MINUTE_MS)
  assert.deepEqual(guest.courier.state, { waiting: 0, lost: 0, refused: 0, uplink: 'https' })
  assert.deepEqual(await kept(guest.vm), lines)
  assert.equal(existsSync(guest.tokenFile), false)
  assert.equal(statSync(`${guest.state}/identity.json`).mode & 0o777, 0o600)
  assert.equal(statSync(guest.state).mode & 0o777, 0o700)
})

test('a guest joins before it has anything to say, and says at once what is in the way', async () => {
  const guest = site.aGuest()
  await guest.drive(30_000)
  assert.equal(existsSync(guest.tokenFile), false)
  assert.equal((await findVm(site.server.store, guest.vm))?.heardAt, undefined)
  const lines = guest.offer('run-1', 0, 1)
  await guest.drive(MINUTE_MS)
  assert.deepEqual(await kept(guest.vm), lines)
  const other = site.aGuest({ hasToken: false })
  await other.drive(30_000)
  assert.match(other.courier.state.held ?? '', /this VM has no identity yet\. `ethos token create --vm/)
  await other.giveToken()
  await other.drive(10 * MINUTE_MS)
  assert.equal(other.courier.state.held, undefined)
  assert.equal(existsSync(other.tokenFile), false)
})

test('a day without the server: all of it arrives in order within a minute of its return, over restarts of the agent, and nothing twice', async () => {
  const guest = site.aGuest()
  guest.offer('run-0', 0, 1)
  await guest.drive(MINUTE_MS)
  guest.restart({ url: 'https://127.0.0.1:1' })
  const first = guest.offer('run-1', 0, 150)
  await guest.drive(10 * MINUTE_MS)
  assert.match(guest.courier.state.held ?? '', /ECONNREFUSED|EADDRNOTAVAIL|ETIMEDOUT/)
  guest.restart({ url: 'https://127.0.0.1:1' })
  const second = guest.offer('run-2', 0, 137)
  await guest.drive(10 * MINUTE_MS)
  assert.equal(guest.courier.state.waiting, 287)
  guest.restart()
  const own = guest.offer('run-3', 0, 1)
  await guest.drive(MINUTE_MS)
  assert.deepEqual((await kept(guest.vm)).slice(1), [...first, ...second, ...own])
  assert.equal(guest.courier.state.waiting, 0)
})

test('a server that goes away and comes back is found by the agent that waited, without a restart', async () => {
  let isUp = true
  const real = nodeMachine()
  const request: typeof real.network.request = (wanted) =>
    isUp ? real.network.request(wanted) : Promise.reject(new MachineError('ECONNREFUSED', 'connect ECONNREFUSED'))
  const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
  guest.offer('run-0', 0, 1)
  await guest.drive(MINUTE_MS)
  isUp = false
  const lines = guest.offer('run-1', 0, 288)
  await guest.drive(HOUR_MS)
  assert.equal(guest.courier.state.waiting, 288)
  isUp = true
  // 288 lines are three batches: found within 18 s, through after 54.
  await guest.drive(55_000)
  assert.deepEqual((await kept(guest.vm)).slice(1), lines)
})

test('an answer that is lost makes the agent send again, and the server keeps it once', async () => {
  const real = nodeMachine()
  let answers = 0
  const request: typeof real.network.request = async (wanted) => {
    const answer = await real.network.request(wanted)
    if (wanted.url.endsWith('/vectors') && answers++ % 2 === 0) throw new MachineError('ECONNRESET', 'socket hang up')
    return answer
  }
  const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
  const lines = guest.offer('run-1', 0, 250)
  await guest.drive(2 * MINUTE_MS)
  assert.deepEqual(await kept(guest.vm), lines)
  assert.ok(answers >= 6)
})

test('what a server does not name as taken is kept and sent again', async () => {
  const real = nodeMachine()
  let isPartial = true
  const request: typeof real.network.request = async (wanted) => {
    if (!wanted.url.endsWith('/vectors') || !isPartial) return real.network.request(wanted)
    return { status: 200, headers: {}, body: '{"acks":[["run-1",3]],"accepted":4,"duplicates":0,"refused":[]}' }
  }
  const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
  guest.offer('run-1', 0, 10)
  await guest.drive(MINUTE_MS)
  assert.equal(guest.courier.state.waiting, 6)
  assert.match(guest.courier.state.held ?? '', /took nothing/)
  isPartial = false
  await guest.drive(MINUTE_MS)
  assert.equal((await kept(guest.vm)).length, 6)
})

test('garbage for an answer is no acknowledgement', async () => {
  const real = nodeMachine()
  const bodies = ['', '<html>', '[]', '{"acks":7}', '{"acks":[[1,2]],"refused":[]}', '{"acks":[["run-1",1e9]]}']
  const request: typeof real.network.request = async (wanted) =>
    wanted.url.endsWith('/vectors')
      ? { status: 200, headers: {}, body: bodies.shift() ?? '{"acks":null}' }
      : real.network.request(wanted)
  const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
  guest.offer('run-1', 0, 3)
  await guest.drive(10 * MINUTE_MS)
  assert.equal(guest.courier.state.waiting, 3)
  assert.equal(bodies.length, 0)
})

for (const [status, atLeast, atMost] of [
  [429, 2, 3],
  [503, 2, 3],
  [500, 100, 500],
  [403, 1, 2],
  [404, 12, 40],
  [302, 12, 40],
] as const) {
  test(`a server that answers ${status} is asked ${atLeast} to ${atMost} times an hour, and nothing is dropped`, async () => {
    const real = nodeMachine()
    let asked = 0
    const request: typeof real.network.request = async (wanted) => {
      if (!wanted.url.endsWith('/vectors')) return real.network.request(wanted)
      asked++
      // Asked to wait for half an hour: in one hour that is two tries, or three with the first.
      return { status, headers: status === 429 || status === 503 ? { 'retry-after': '1800' } : {}, body: '' }
    }
    const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
    guest.offer('run-1', 0, 3)
    await guest.drive(HOUR_MS)
    assert.ok(asked >= atLeast && asked <= atMost, String(asked))
    assert.deepEqual([guest.courier.state.waiting, guest.courier.state.refused], [3, 0])
    assert.match(guest.courier.state.held ?? '', new RegExp(String(status)))
  })
}

test('a line that the server can not take is found by halves, counted, and does not hold up the others', async () => {
  const real = nodeMachine()
  const request: typeof real.network.request = async (wanted) =>
    wanted.body?.includes('"seq":5,') === true ? { status: 400, headers: {}, body: 'no' } : real.network.request(wanted)
  const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
  const lines = guest.offer('run-1', 0, 8)
  await guest.drive(10 * MINUTE_MS)
  assert.deepEqual(
    await kept(guest.vm),
    lines.filter((_, i) => i !== 5),
  )
  assert.deepEqual([guest.courier.state.waiting, guest.courier.state.refused], [0, 1])
})

test('a vector that is refused for good is counted and never sent again', async () => {
  const guest = site.aGuest()
  const other = site.aGuest({ vm: 'another-vm', hasToken: false })
  for (const line of other.offer('run-9', 0, 1)) guest.courier.offer(line)
  const lines = guest.offer('run-1', 0, 2)
  await guest.drive(MINUTE_MS)
  assert.deepEqual(await kept(guest.vm), lines)
  assert.deepEqual([guest.courier.state.waiting, guest.courier.state.refused], [0, 1])
  assert.ok(site.said.some((text) => text.includes('refused 1 vectors for good')))
})

test('a clone is found out, both copies keep what they have, ask hourly, and go on once an operator releases them', async () => {
  const original = site.aGuest()
  original.offer('original', 0, 1)
  await original.drive(MINUTE_MS)
  cpSync(original.home, `${site.folder}/clone`, { recursive: true })
  const clone = site.aGuest({ vm: original.vm, home: 'clone', hasToken: false })
  clone.offer('clone', 0, 1)
  await clone.drive(MINUTE_MS)
  original.offer('original', 1, 2)
  await original.drive(MINUTE_MS)
  assert.match(original.courier.state.held ?? '', /quarantined.*Only an operator/)
  assert.equal(original.courier.state.waiting, 1)
  await site.server.store.identities.release(parseVmId(original.vm))
  await original.drive(1.2 * HOUR_MS)
  assert.equal(original.courier.state.waiting, 0)
})

test('without a server and a port vectors are kept and not sent; by itself the agent takes the port, then the network', () => {
  const guest = site.aGuest({ settings: 'uplink = none' })
  guest.offer('run-1', 0, 5)
  assert.deepEqual(guest.courier.state, { waiting: 5, lost: 0, refused: 0, uplink: 'none' })
  assert.ok(readdirSync(`${guest.state}/spool`).some((name) => name.startsWith('vectors-')))
  const choose = (access: 'readable' | 'denied' | 'missing', server: string | undefined) =>
    chooseUplink({ ...guest.machine, access: () => access }, {
      uplink: 'auto',
      virtioPort: '/port',
      ...(server && { server }),
    } as Parameters<typeof chooseUplink>[1])
  assert.deepEqual(
    [choose('readable', 'https://a'), choose('denied', 'https://a'), choose('missing', 'https://a')],
    ['virtio', 'https', 'https'],
  )
  assert.deepEqual([choose('denied', undefined), choose('missing', undefined)], ['virtio', 'none'])
})

test('the loop sends what it is offered, and ends when it is told to', async () => {
  const guest = site.aGuest({ machine: { sleep: (ms, signal) => nodeMachine().sleep(Math.min(ms, 1), signal) } })
  const control = new AbortController()
  const running = guest.courier.run(control.signal)
  const lines = guest.offer('run-1', 0, 3)
  for (let look = 0; look < 2000 && (await kept(guest.vm)).length < 3; look++) {
    site.pass(1000)
    await nodeMachine().sleep(5)
  }
  assert.deepEqual(await kept(guest.vm), lines)
  control.abort()
  await running
})

test('no token and no key ever stands in what the agent says', () => {
  const spoken = site.said.join('')
  assert.ok(spoken.length > 0)
  assert.ok(!spoken.includes('ethos1.') && !spoken.includes('PRIVATE KEY'))
})
