import assert from 'node:assert/strict'
import { createServer as createTlsServer } from 'node:https'
import { connect } from 'node:tls'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { aVector } from '../../../tools/builders.ts'
import { type HttpAnswer, MachineError, type TlsIdentity } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { type Identity, joinServer, renewIdentity, sendVectors } from '../../drivers/guest/uplink-https.ts'
import { parseVmId } from '../../terms/ids.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { DAY_MS, MINUTE_MS } from '../../terms/units.ts'
import { createToken } from './join-token.ts'
import { type RunningServer, startServer } from './server.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-server-'))
const machine = nodeMachine()
let now = Date.now()
let server: RunningServer
let url = ''
let vms = 0

before(async () => {
  const options = { dataFolder: join(folder, 'data'), host: '127.0.0.1', port: 0, names: ['127.0.0.1', 'localhost'] }
  server = await startServer({ ...options, clock: { now: () => now } })
  url = `https://127.0.0.1:${server.port}`
})

after(async () => {
  machine.network.dropConnections()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A VM of its own, joined. */
async function aMember(): Promise<{ readonly vm: string; readonly identity: Identity }> {
  const vm = `vm-${vms++}`
  now += MINUTE_MS
  return { vm, identity: await joinServer(machine, { server: url, vm, token: tokenFor(vm) }) }
}

function tokenFor(vm: string, forMs?: number): string {
  const made = { vm: parseVmId(vm), pin: server.authority.pin, at: now }
  return createToken(server.store, forMs === undefined ? made : { ...made, forMs })
}

function line(vm: string, sequence: number, sender = 'run-1', windowMs = 300_000): string {
  return encodePersonality(aVector({ vmId: parseVmId(vm), sender, sequence, windowMs }))
}

const send = (identity: Identity, lines: readonly string[]) => sendVectors(machine, { server: url, identity, lines })

test('a VM joins, reports, and each vector is kept once, in order', async () => {
  const { vm, identity } = await aMember()
  const all = Array.from({ length: 20 }, (_, i) => line(vm, i))
  assert.deepEqual(await send(identity, all.slice(0, 12)), { kind: 'acknowledged', refused: 0 })
  assert.deepEqual(await send(identity, all.slice(5)), { kind: 'acknowledged', refused: 0 })
  assert.deepEqual(server.store.lines(vm), all)
})

test('a line that can never be taken is refused and does not hold up the others', async () => {
  const { vm, identity } = await aMember()
  assert.deepEqual(await send(identity, [line(vm, 0), 'rubbish', line('somebody-else', 1), line(vm, 1)]), {
    kind: 'acknowledged',
    refused: 2,
  })
  assert.deepEqual(server.store.lines(vm), [line(vm, 0), line(vm, 1)])
})

test('a certificate is renewed with a new key, and the new one reports', async () => {
  const { vm, identity } = await aMember()
  const renewed = await renewIdentity(machine, url, identity)
  assert.notEqual(renewed.privateKey, identity.privateKey)
  assert.deepEqual(await send(renewed, [line(vm, 0)]), { kind: 'acknowledged', refused: 0 })
  const { notBefore, notAfter } = machine.secrets.readCertificate(renewed.certificate)
  assert.ok(notAfter - notBefore <= DAY_MS + 60 * MINUTE_MS)
})

/** Refusals of the server look alike from outside. */
const isRefused = (error: unknown): boolean => error instanceof MachineError && error.message.includes('(401)')

test('a token is used once, within its time, for its VM, and whole', async () => {
  const { vm } = await aMember()
  const used = tokenFor(vm)
  await joinServer(machine, { server: url, vm, token: used })
  await assert.rejects(joinServer(machine, { server: url, vm, token: used }), isRefused)
  const late = tokenFor(vm, 1000)
  now += 1000
  await assert.rejects(joinServer(machine, { server: url, vm, token: late }), isRefused)
  await assert.rejects(joinServer(machine, { server: url, vm: 'another', token: tokenFor(vm) }), isRefused)
  await assert.rejects(joinServer(machine, { server: url, vm, token: tokenFor(vm).slice(0, -1) }), /not whole/)
  const [name, id, , pin] = tokenFor(vm).split('.')
  await assert.rejects(
    joinServer(machine, { server: url, vm, token: [name, id, 'x'.repeat(43), pin].join('.') }),
    isRefused,
  )
})

test('guessing is slowed down, and what is refused says nothing', async () => {
  now += MINUTE_MS
  const statuses = new Map<number, number>()
  for (let i = 0; i < 60; i++) {
    const { status, body } = await guess()
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status === 401) assert.equal(body, '{"error":"refused"}')
  }
  // A burst of twenty, and none afterwards while the clock stands.
  assert.deepEqual(
    [...statuses],
    [
      [401, 20],
      [429, 40],
    ],
  )
  now += MINUTE_MS
})

test('a server with another authority than the token names is not joined', async () => {
  const other = await startServer({
    dataFolder: join(folder, 'other'),
    host: '127.0.0.1',
    port: 0,
    names: ['127.0.0.1'],
    clock: { now: () => now },
  })
  await assert.rejects(
    joinServer(machine, { server: `https://127.0.0.1:${other.port}`, vm: 'vm-x', token: tokenFor('vm-x') }),
    /not the server that made the token/,
  )
  await other.close()
})

test('two copies of one identity that both live are quarantined, and nothing of either is taken any more', async () => {
  const { vm, identity } = await aMember()
  await send(identity, [line(vm, 7, 'first')])
  await send(identity, [line(vm, 0, 'copy')])
  assert.match(JSON.stringify(await send(identity, [line(vm, 8, 'first')])), /quarantined/)
  assert.equal((await send(identity, [line(vm, 1, 'copy')])).kind, 'shut out')
  assert.equal(server.store.lines(vm).length, 2)
  server.store.quarantine(vm, null)
  assert.equal((await send(identity, [line(vm, 1, 'copy')])).kind, 'acknowledged')
})

test('a banned identity is shut out, and is not renewed', async () => {
  const { vm, identity } = await aMember()
  server.store.ban(vm)
  assert.equal((await send(identity, [line(vm, 0)])).kind, 'shut out')
  await assert.rejects(renewIdentity(machine, url, identity), /\(403\)/)
})

test('too many requests are told to come later, and when', async () => {
  const { vm, identity } = await aMember()
  const results = []
  for (let i = 0; i < 12; i++) results.push(await send(identity, [line(vm, i)]))
  const later = results.filter(({ kind }) => kind === 'later')
  assert.equal(later.length, 2)
  assert.ok(later.every((result) => result.kind === 'later' && (result.afterMs ?? 0) >= 10_000))
})

test('without a certificate nothing is taken, and a body beyond its bound is refused', async () => {
  assert.equal((await report('', { authorities: server.authority.pem })).status, 401)
  const { identity } = await aMember()
  assert.equal((await report('x'.repeat(70_000), identity)).status, 413)
})

test('TLS 1.2 is not spoken, and an agent does not speak to a server that it can not verify', async () => {
  await assert.rejects(
    new Promise((resolve, reject) => {
      const socket = connect(
        { host: '127.0.0.1', port: server.port, maxVersion: 'TLSv1.2', rejectUnauthorized: false },
        () => resolve(socket.end()),
      )
      socket.on('error', reject)
    }),
  )
  const { vm, identity } = await aMember()
  // An agent's certificate does not make a server: it has neither the name nor the purpose.
  const impostor = createTlsServer({ key: identity.privateKey, cert: identity.certificate }, (_request, response) =>
    response.end('{"refused":[]}'),
  )
  await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
  const address = impostor.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const result = await sendVectors(machine, { server: `https://127.0.0.1:${port}`, identity, lines: [line(vm, 0)] })
  assert.equal(result.kind, 'later')
  impostor.closeAllConnections()
  impostor.close()
})

test('keys are readable by their owner alone, and no secret of a token is kept', () => {
  assert.equal(statSync(join(folder, 'data', 'ca.key')).mode & 0o777, 0o600)
  assert.equal(statSync(join(folder, 'data')).mode & 0o777, 0o700)
  const secret = tokenFor('vm-secret').split('.')[2]
  const kept = ['agents.sqlite', 'agents.sqlite-wal']
    .map((name) => readFileSync(join(folder, 'data', name), 'latin1'))
    .join('')
  assert.ok(!kept.includes(secret))
})

function guess(): Promise<HttpAnswer> {
  return post('/v1/join', '{"vm":"vm-0","token":"0.0"}', { authorities: server.authority.pem })
}

function report(body: string, tls: TlsIdentity): Promise<HttpAnswer> {
  return post('/v1/vectors', body, tls)
}

function post(path: string, body: string, tls: TlsIdentity): Promise<HttpAnswer> {
  const headers = { 'content-type': path === '/v1/join' ? 'application/json' : 'application/x-ndjson' }
  const bounds = { timeoutMs: 5000, answerBytesMax: 1000 }
  return machine.network.request({ method: 'POST', url: url + path, body, headers, tls, ...bounds })
}
