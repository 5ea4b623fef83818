import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { after, before, test } from 'node:test'
import { parseVmId } from '../../terms/ids.ts'
import { linesOf } from '../server/builders.ts'
import { aSite, type Guest, type Site } from '../../../tools/agent-site.ts'
import { readIdentity } from '../../drivers/guest/identity.ts'
import { MachineError } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { forOperator, forServer, makeRoot, readSigner } from '../server/certificates.ts'
import { joinNow } from './courier-identity.ts'
import { parseConfig } from './config.ts'

let site: Site

before(async () => {
  // TLS looks at the machine's clock: all of what passes here has to be in its past.
  site = await aSite({ startMs: Date.now() - 40 * DAY_MS })
})

after(() => site.close())

const count = async (guest: Guest): Promise<number> => (await linesOf(site.server.store, guest.vm)).length

/** A guest that has joined and sent its first vector. */
async function aMember(options: Parameters<Site['aGuest']>[0] = {}): Promise<Guest> {
  const guest = site.aGuest(options)
  guest.offer('run', 0, 1)
  await guest.drive(MINUTE_MS)
  assert.equal(await count(guest), 1)
  return guest
}

function certificateOf(guest: Guest): string {
  const found = readIdentity(guest.machine, guest.state)
  assert.ok(found.kind === 'found')
  return found.identity.certificate
}

test('a certificate is renewed around two thirds of its life with a new key, and both are kept together', async () => {
  const guest = await aMember()
  const before = readFileSync(`${guest.state}/identity.json`, 'utf8')
  for (let hour = 1; hour <= 14; hour++) {
    site.pass(HOUR_MS)
    guest.offer('run', hour, hour + 1)
    await guest.drive(MINUTE_MS)
  }
  assert.equal(readFileSync(`${guest.state}/identity.json`, 'utf8'), before)
  for (let hour = 15; hour <= 18; hour++) {
    site.pass(HOUR_MS)
    guest.offer('run', hour, hour + 1)
    await guest.drive(MINUTE_MS)
  }
  const renewed = JSON.parse(readFileSync(`${guest.state}/identity.json`, 'utf8')) as Record<string, string>
  const old = JSON.parse(before) as Record<string, string>
  assert.notEqual(renewed['certificate'], old['certificate'])
  assert.notEqual(renewed['privateKey'], old['privateKey'])
  guest.restart()
  guest.offer('run-2', 0, 1)
  await guest.drive(MINUTE_MS)
  assert.equal(await count(guest), 20)
})

test('while renewal fails vectors go on leaving by the old certificate, and renewal is tried a few times an hour', async () => {
  const real = nodeMachine()
  let asked = 0
  const request: typeof real.network.request = (wanted) => {
    if (!wanted.url.endsWith('/v1/renew')) return real.network.request(wanted)
    asked++
    return Promise.reject(new MachineError('ECONNRESET', 'reset'))
  }
  const guest = await aMember({ machine: { network: { ...real.network, request } } })
  site.pass(18 * HOUR_MS)
  for (let minute = 0; minute < 60; minute++) {
    guest.offer('run', 1 + minute, 2 + minute)
    await guest.drive(MINUTE_MS)
  }
  assert.equal(await count(guest), 61)
  assert.ok(asked >= 3 && asked <= 6, String(asked))
})

test('an agent that was off for six days renews by its old key and needs nobody; after nine it needs a token, and takes it', async () => {
  const guest = await aMember()
  site.pass(6 * DAY_MS)
  guest.restart()
  guest.offer('run-2', 0, 1)
  await guest.drive(MINUTE_MS)
  assert.equal(await count(guest), 2)
  site.pass(9 * DAY_MS)
  guest.restart()
  guest.offer('run-3', 0, 1)
  await guest.drive(HOUR_MS)
  assert.match(guest.courier.state.held ?? '', /needs a new token.*ethos token create --vm/)
  await guest.giveToken()
  await guest.drive(6 * MINUTE_MS)
  assert.equal(await count(guest), 3)
  assert.equal(guest.courier.state.waiting, 0)
})

test('one that expires while it is connected is renewed by the word of the server, though the clock of the guest says it is good', async () => {
  const guest = await aMember()
  const behind = site.aGuest({
    vm: guest.vm,
    hasToken: false,
    machine: { now: () => site.now() - 48 * HOUR_MS },
  })
  site.pass(30 * HOUR_MS)
  behind.offer('run-2', 0, 1)
  await behind.drive(MINUTE_MS)
  assert.equal(await count(guest), 2)
})

for (const hours of [48, -48]) {
  test(`a guest whose clock is ${hours} h off joins, sends and renews in time, once, and says what is wrong with its clock`, async () => {
    const real = nodeMachine()
    let renewals = 0
    const request: typeof real.network.request = (wanted) => {
      if (wanted.url.endsWith('/v1/renew')) renewals++
      return real.network.request(wanted)
    }
    const guest = await aMember({
      machine: { now: () => site.now() + hours * HOUR_MS, network: { ...real.network, request } },
    })
    assert.match(guest.courier.state.clock ?? '', hours > 0 ? /48 h ahead of/ : /48 h behind/)
    const first = certificateOf(guest)
    assert.equal(renewals, 0)
    for (let hour = 1; hour <= 20; hour++) {
      site.pass(HOUR_MS)
      guest.offer('run', hour, hour + 1)
      await guest.drive(MINUTE_MS)
    }
    assert.equal(await count(guest), 21)
    assert.equal(renewals, 1)
    assert.notEqual(certificateOf(guest), first)
  })
}

test('the authority is replaced with an overlap, and agents that renew meanwhile notice nothing', async () => {
  const own = await aSite({ startMs: Date.now() - 5 * DAY_MS })
  const guest = own.aGuest()
  guest.offer('run', 0, 1)
  await guest.drive(MINUTE_MS)
  await own.server.authority.rotate(2 * DAY_MS)
  await own.server.tend()
  for (let hour = 1; hour <= 72; hour += 6) {
    own.pass(6 * HOUR_MS)
    await own.server.tend()
    guest.offer('run', hour, hour + 1)
    await guest.drive(MINUTE_MS)
  }
  assert.deepEqual([(await linesOf(own.server.store, guest.vm)).length, guest.courier.state.waiting], [13, 0])
  await own.close()
})

test('a banned agent is not renewed, asks hourly, and keeps what it has', async () => {
  const guest = await aMember()
  await site.server.store.identities.ban(parseVmId(guest.vm), site.now())
  site.pass(18 * HOUR_MS)
  guest.offer('run', 1, 2)
  await guest.drive(3 * HOUR_MS)
  assert.match(guest.courier.state.held ?? '', /banned|403|needs a new token/)
  assert.deepEqual([await count(guest), guest.courier.state.waiting], [1, 1])
})

test('a state folder found on another machine is not used, and it is said what to do; a token of its own mends it', async () => {
  const guest = await aMember()
  const clone = site.aGuest({
    vm: guest.vm,
    hasToken: false,
    machine: {
      readText: (path, bytes) =>
        path === '/etc/machine-id' ? `${'f'.repeat(32)}\n` : nodeMachine().readText(path, bytes),
    },
  })
  clone.offer('run-2', 0, 1)
  await clone.drive(MINUTE_MS)
  assert.match(clone.courier.state.held ?? '', /another machine.*token of its own/)
  assert.equal(await count(guest), 1)
  await clone.giveToken()
  await clone.drive(6 * MINUTE_MS)
  assert.equal(await count(guest), 2)
})

test('an identity that is damaged, unreadable or of another VM is told of and not used', async () => {
  const guest = await aMember()
  const path = `${guest.state}/identity.json`
  const whole = readFileSync(path, 'utf8')
  for (const text of ['', '{}', '[]', 'x', whole.slice(0, 200), whole.replace('BEGIN CERT', 'BEGIN CART')]) {
    writeFileSync(path, text)
    const found = readIdentity(guest.machine, guest.state, guest.vm)
    assert.ok(found.kind === 'unusable' && /damaged/.test(found.reason) && !found.reason.includes('PRIVATE'), text)
  }
  writeFileSync(path, whole)
  const other = readIdentity(guest.machine, guest.state, 'another')
  assert.ok(other.kind === 'unusable' && /is of .* and this VM is another/.test(other.reason))
  chmodSync(path, 0o600)
})

test('on a disk that takes nothing the identity lives in memory, vectors leave, and it is kept once the disk is well', async () => {
  const real = nodeMachine()
  let isFull = true
  const files: typeof real.files = {
    ...real.files,
    writeWhole: (path, bytes, mode) => {
      if (isFull) throw new MachineError('ENOSPC', 'no space left on device')
      real.files.writeWhole(path, bytes, mode)
    },
  }
  const guest = await aMember({ machine: { files } })
  assert.equal(readIdentity(guest.machine, guest.state).kind, 'none')
  isFull = false
  guest.offer('run', 1, 2)
  await guest.drive(MINUTE_MS)
  assert.equal(readIdentity(guest.machine, guest.state).kind, 'found')
})

test('a token that is refused, or is none, is told of and not tried again; another one is', async () => {
  const guest = site.aGuest()
  await guest.given
  for (const [token, what] of [
    ['ethos1.nonsense', /not whole/],
    [`ethos1.${'0'.repeat(16)}.${'A'.repeat(43)}.${site.server.authority.pin}`, /refused the token/],
    [`ethos1.${'0'.repeat(16)}.${'A'.repeat(43)}.${'B'.repeat(43)}`, /not the server that made the token/],
  ] as const) {
    writeFileSync(guest.tokenFile, token)
    guest.restart()
    guest.offer(`run for ${what.source.slice(0, 9)}`.replaceAll(' ', '-'), 0, 1)
    await guest.drive(25_000)
    assert.match(site.said.join(''), what)
    await guest.drive(6 * MINUTE_MS)
    assert.match(guest.courier.state.held ?? '', /was refused: a new one is needed/)
  }
  await guest.giveToken()
  await guest.drive(6 * MINUTE_MS)
  assert.equal(await count(guest), 3, guest.courier.state.held)
})

test('joined by hand, an agent needs no token file', async () => {
  const guest = site.aGuest()
  await guest.given
  const token = readFileSync(guest.tokenFile, 'utf8').trim()
  writeFileSync(guest.tokenFile, '')
  const config = { ...parseConfig(guest.machine, new Map()), stateFolder: guest.state }
  await joinNow(guest.machine, config, { vm: guest.vm, server: `https://127.0.0.1:${site.server.port}`, token })
  guest.offer('run', 0, 1)
  await guest.drive(MINUTE_MS)
  assert.equal(await count(guest), 1)
})

/** What a guest that has joined says of a server that stands where the real one was; the impostor must see no vector. */
async function meet(options: TlsOptions | 'plaintext'): Promise<string> {
  const guest = await aMember()
  let bodies = ''
  const listen =
    options === 'plaintext'
      ? createPlainServer()
      : createServer({ requestCert: true, rejectUnauthorized: false, ...options })
  listen.on('request', (request, response) => {
    request.on('data', (bytes: Buffer) => (bodies += bytes.toString()))
    response.end('{}')
  })
  listen.on('connection', (socket) => socket.on('data', (bytes: Buffer) => (bodies += bytes.toString('latin1'))))
  await new Promise<void>((resolve) => listen.listen(0, '127.0.0.1', resolve))
  guest.restart({ url: `https://127.0.0.1:${(listen.address() as AddressInfo).port}` })
  guest.offer('run', 1, 2)
  await guest.drive(HOUR_MS)
  listen.closeAllConnections()
  listen.close()
  assert.ok(!bodies.includes('"sender"') && !bodies.includes('POST '), 'the impostor was told something')
  assert.equal(guest.courier.state.waiting, 1)
  assert.equal(await count(guest), 1)
  return guest.courier.state.held ?? ''
}

/** A server's certificate of our own authority, or of another. */
async function serverCertificate(
  names: readonly string[],
  { isOurs = true, at = Date.now() } = {},
): Promise<TlsOptions> {
  const signer = isOurs ? site.server.authority.newest : await readSigner(await makeRoot(Date.now()))
  const { certificate, privateKey } = await forServer(signer, names, at)
  return { cert: certificate, key: privateKey }
}

test('nothing is ever said in plaintext', async () => {
  assert.match(await meet('plaintext'), /does not speak TLS: nothing is sent in plaintext/)
})

test('a server of another authority is not spoken to', async () => {
  assert.match(await meet(await serverCertificate(['127.0.0.1'], { isOurs: false })), /of another authority.*new token/)
})

test('a server by another name is not spoken to', async () => {
  assert.match(await meet(await serverCertificate(['elsewhere.example'])), /for another name.*name/)
})

test('a server whose certificate has expired is not spoken to, nor one whose is not valid yet, and the clock is named', async () => {
  const year = 365 * DAY_MS
  assert.match(await meet(await serverCertificate(['127.0.0.1'], { at: Date.now() - year })), /expired.*clock/)
  assert.match(
    await meet(await serverCertificate(['127.0.0.1'], { at: Date.now() + 2 * DAY_MS })),
    /not valid yet.*clock/,
  )
})

test('a certificate of our authority that is for an agent or an operator is none of a server', async () => {
  const signer = site.server.authority.newest
  const { certificate, privateKey } = await forOperator(signer, 'mallory', { now: Date.now(), forMs: DAY_MS })
  assert.match(await meet({ cert: certificate, key: privateKey }), /another name|not for a server/)
})

test('a server that has no TLS 1.3 is not spoken to', async () => {
  const certificate = await serverCertificate(['127.0.0.1'])
  assert.match(await meet({ ...certificate, maxVersion: 'TLSv1.2' }), /does not speak TLS 1.3/)
})

test('a server without any certificate of a known kind fails, and is tried again', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.ok(privateKey.asymmetricKeyType === 'ec')
  assert.notEqual(await meet({}), '')
})

for (const [path, status] of [
  ['/v1/join', 429],
  ['/v1/join', 503],
  ['/v1/renew', 429],
] as const) {
  test(`a server that answers ${status} to ${path} is asked again when it said, and not before`, async () => {
    const real = nodeMachine()
    const asked: number[] = []
    let isBusy = true
    const request: typeof real.network.request = (wanted) => {
      if (!wanted.url.endsWith(path)) return real.network.request(wanted)
      asked.push(site.now())
      if (!isBusy) return real.network.request(wanted)
      return Promise.resolve({ status, headers: { 'retry-after': '900' }, body: '{"error":"too many requests"}' })
    }
    const guest = site.aGuest({ machine: { network: { ...real.network, request } } })
    if (path === '/v1/renew') {
      guest.offer('run-0', 0, 1)
      await guest.drive(MINUTE_MS)
      // Its certificate has ended: it has nothing to send with until it is renewed.
      site.pass(2 * DAY_MS)
    }
    guest.offer('run-1', 0, 1)
    await guest.drive(40 * MINUTE_MS)
    const gaps = asked.slice(1).map((at, i) => at - asked[i])
    assert.ok(asked.length >= 2 && asked.length <= 3, `${asked.length}`)
    assert.ok(
      gaps.every((gapMs) => gapMs >= 15 * MINUTE_MS && gapMs < 18 * MINUTE_MS),
      gaps.join(),
    )
    isBusy = false
    // The first token has expired meanwhile.
    if (path === '/v1/join') await guest.giveToken()
    await guest.drive(40 * MINUTE_MS)
    assert.equal(guest.courier.state.waiting, 0, guest.courier.state.held)
  })
}
