import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { aVector } from '../../../tools/builders.ts'
import { readIdentity } from '../../drivers/guest/identity.ts'
import type { Machine } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { parseVmId } from '../../terms/ids.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { createToken } from '../server/join-token.ts'
import { type RunningServer, startServer } from '../server/server.ts'
import { parseConfig } from './config.ts'
import { parseConfigFile } from './config-file.ts'
import { Courier } from './courier.ts'
import { Log } from './log.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-courier-'))
/** TLS looks at the machine's own clock: what is told here begins in its past, and comes up to it. */
let now = Date.now() - 17 * 3_600_000
let server: RunningServer
let vms = 0
const machine: Machine = { ...nodeMachine(), now: () => now }
const said: string[] = []

before(async () => {
  const options = { dataFolder: join(folder, 'server'), host: '127.0.0.1', port: 0, names: ['127.0.0.1'] }
  server = await startServer({ ...options, clock: { now: () => now } })
})

after(async () => {
  machine.network.dropConnections()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Guest {
  readonly vm: string
  readonly courier: Courier
  readonly state: string
  readonly restart: (on?: Machine) => Courier
}

/** A guest with a token of its own. */
function aGuest(port = server.port): Guest {
  const vm = `vm-${vms++}`
  const home = join(folder, vm)
  mkdirSync(home)
  const token = createToken(server.store, { vm: parseVmId(vm), pin: server.authority.pin, at: now })
  writeFileSync(join(home, 'token'), `${token}\n`)
  const settings = `vm = ${vm}\nserver = https://127.0.0.1:${port}\ntoken-file = ${home}/token\nstate = ${home}/state`
  const config = parseConfig(machine, parseConfigFile(settings, 'agent.conf'))
  const quiet = { ...machine, self: { ...machine.self, complain: (text: string) => void said.push(text) } }
  const restart = (on: Machine = quiet): Courier =>
    new Courier({ machine: on, config, log: new Log(quiet, { hasLevels: false }), vm })
  return { vm, courier: restart(), state: `${home}/state`, restart }
}

function line(vm: string, sequence: number, sender = 'run-1'): string {
  return encodePersonality(aVector({ vmId: parseVmId(vm), sender, sequence }))
}

test('a guest joins with its token, and what it offers arrives', async () => {
  const { vm, courier, state } = aGuest()
  courier.offer(line(vm, 0))
  await courier.turn()
  assert.deepEqual(courier.state, { waiting: 0, lost: 0 })
  assert.deepEqual(server.store.lines(vm), [line(vm, 0)])
  assert.equal(statSync(`${state}/identity.json`).mode & 0o777, 0o600)
})

test('a day without the server: all of it arrives in order once it is back, over a restart of the agent, and nothing twice', async () => {
  const guest = aGuest(1)
  const { vm } = guest
  const day = Array.from({ length: 288 }, (_, i) => line(vm, i))
  for (const text of day.slice(0, 150)) guest.courier.offer(text)
  await guest.courier.turn()
  assert.match(guest.courier.state.held ?? '', /ECONNREFUSED|EADDRNOTAVAIL|ETIMEDOUT/)
  for (const text of day.slice(150)) guest.courier.offer(text)
  assert.equal(guest.courier.state.waiting, 288)
  const settings = `vm = ${vm}\nserver = https://127.0.0.1:${server.port}\ntoken-file = ${folder}/${vm}/token\nstate = ${guest.state}`
  const config = parseConfig(machine, parseConfigFile(settings, 'agent.conf'))
  const back = new Courier({ machine, config, log: new Log(machine, { hasLevels: false }), vm })
  const own = line(vm, 0, 'run-2')
  back.offer(own)
  for (let turn = 0; turn < 3; turn++) await back.turn()
  assert.deepEqual(server.store.lines(vm), [...day, own])
  assert.equal(back.state.waiting, 0)
})

test('where every other connection is cut in the middle, each vector is kept once', async () => {
  let count = 0
  const sockets = new Set<Socket>()
  const proxy = createServer((socket) => {
    const other = connect(server.port, '127.0.0.1')
    sockets.add(socket).add(other)
    for (const end of [socket, other]) end.on('error', () => undefined)
    const cutAfter = count++ % 2 === 0 ? 3000 + 400 * count : Infinity
    let bytes = 0
    socket.on('data', (part) => {
      bytes += part.length
      other.write(part)
      if (bytes > cutAfter) socket.destroy()
    })
    other.pipe(socket)
    socket.on('close', () => other.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const guest = aGuest(typeof address === 'object' && address !== null ? address.port : 0)
  const all = Array.from({ length: 40 }, (_, i) => line(guest.vm, i))
  for (const text of all) guest.courier.offer(text)
  for (let turn = 0; turn < 20 && guest.courier.state.waiting > 0; turn++) await guest.courier.turn()
  assert.deepEqual(server.store.lines(guest.vm), all)
  for (const socket of sockets) socket.destroy()
  proxy.close()
})

test('a certificate is renewed at two thirds of its life, and kept', async () => {
  const { vm, courier, state, restart } = aGuest()
  courier.offer(line(vm, 0))
  await courier.turn()
  const before = readIdentity(machine, state)
  now += 17 * 3_600_000
  courier.offer(line(vm, 1))
  await courier.turn()
  const afterwards = readIdentity(machine, state)
  assert.ok(before.kind === 'found' && afterwards.kind === 'found')
  assert.notEqual(before.identity.certificate, afterwards.identity.certificate)
  const again = restart()
  again.offer(line(vm, 0, 'run-2'))
  await again.turn()
  assert.equal(server.store.lines(vm).length, 3)
})

test('a state folder found on another machine is not used, and it is said what to do', async () => {
  const original = aGuest()
  original.courier.offer(line(original.vm, 0))
  await original.courier.turn()
  const clone: Machine = {
    ...machine,
    readText: (path, bytes) => (path === '/etc/machine-id' ? `${'f'.repeat(32)}\n` : machine.readText(path, bytes)),
  }
  const found = readIdentity(clone, original.state)
  assert.ok(found.kind === 'unusable' && /another machine.*token of its own/.test(found.reason))
})

test('a clone with the same machine id is found out within two vectors of each, and both are kept apart', async () => {
  const original = aGuest()
  original.courier.offer(line(original.vm, 0, 'original'))
  await original.courier.turn()
  cpSync(original.state, join(folder, 'clone'), { recursive: true })
  const settings = `vm = ${original.vm}\nserver = https://127.0.0.1:${server.port}\nstate = ${folder}/clone`
  const config = parseConfig(machine, parseConfigFile(settings, 'agent.conf'))
  const clone = new Courier({ machine, config, log: new Log(machine, { hasLevels: false }), vm: original.vm })
  clone.offer(line(original.vm, 0, 'clone'))
  await clone.turn()
  original.courier.offer(line(original.vm, 1, 'original'))
  await original.courier.turn()
  assert.match(original.courier.state.held ?? '', /quarantined/)
  assert.match(server.store.agent(original.vm)?.quarantine ?? '', /used by two machines/)
  assert.equal(original.courier.state.waiting, 1)
})

test('no token and no key ever stands in what the agent says', async () => {
  const { vm, courier, state } = aGuest()
  courier.offer(line(vm, 0))
  await courier.turn()
  const found = readIdentity(machine, state)
  assert.ok(found.kind === 'found')
  const spoken = said.join('')
  assert.ok(!spoken.includes('ethos1.') && !spoken.includes('PRIVATE KEY'))
})
