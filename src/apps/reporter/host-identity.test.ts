import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseHostId } from '../../terms/ids.ts'
import { Authority } from '../server/authority.ts'
import { Bench } from '../server/builders.ts'
import { createToken } from '../server/join-token.ts'
import { HostIdentity, type HostIdentityOptions } from './host-identity.ts'
import { ReporterError } from './reporter-error.ts'

const HOST = parseHostId('kvm-1')
const bench = new Bench({ daysAgo: 0 })
const said: string[] = []
let folders = 0

before(async () => {
  await bench.start()
  await bench.server.store.hosts.put({ hostId: HOST, changedAt: bench.now })
})
after(() => Bench.removeAll())

function clockOf(at: () => number): HostIdentityOptions['clock'] {
  return { now: at }
}

/** A folder and a token file of its own. */
async function aHost(rest: Partial<HostIdentityOptions> = {}): Promise<HostIdentityOptions> {
  const { authority, store, port } = bench.server
  const folder = join(bench.folder, `host-${folders++}`)
  const tokenFile = `${folder}.token`
  writeFileSync(tokenFile, await createToken(store, { for: { host: HOST }, pin: authority.pin, at: bench.now }))
  const server = `https://127.0.0.1:${port}`
  return {
    server,
    host: HOST,
    folder,
    tokenFile,
    clock: clockOf(() => bench.now),
    note: (text) => void said.push(text),
    ...rest,
  }
}

test('whoever asks at the same time gets one identity by one token', async () => {
  const identity = new HostIdentity(await aHost())
  const [first, second] = await Promise.all([identity.ready(), identity.ready()])
  assert.equal(first, second)
  assert.equal(await identity.ready(), first)
})

test('a token is not spent where its identity could not be kept', async () => {
  const options = await aHost()
  // A file where the folder should be: what root may not write either.
  writeFileSync(options.folder, '')
  await assert.rejects(new HostIdentity(options).ready(), /can not be written \(\w+\).*Nothing is joined/s)
  assert.ok(existsSync(options.tokenFile))
  rmSync(options.folder)
  assert.equal((await new HostIdentity(options).ready()).host, HOST)
})

test('an identity whose disk went away since goes on in memory, and that is said', async () => {
  let now = bench.now
  const options = await aHost({ clock: clockOf(() => now) })
  const identity = new HostIdentity(options)
  const first = await identity.ready()
  rmSync(options.folder, { recursive: true })
  writeFileSync(options.folder, '')
  now += 20 * 3_600_000
  const second = await identity.ready()
  assert.notEqual(second.certificate, first.certificate)
  assert.match(said.join(), /can not be kept in .*this process goes on with it/)
})

test('an identity that is damaged is none; a file that can not be read is no reason to join anew', async () => {
  for (const text of ['', '{', '{}', 'null', JSON.stringify({ certificate: 'x', privateKey: 'y', authorities: 'z' })]) {
    const options = await aHost()
    mkdirSync(options.folder)
    writeFileSync(join(options.folder, 'identity.json'), text)
    assert.equal((await new HostIdentity(options).ready()).host, HOST, text)
  }
  const options = await aHost()
  mkdirSync(join(options.folder, 'identity.json'), { recursive: true })
  await assert.rejects(new HostIdentity(options).ready(), /identity\.json can not be read \(EISDIR\)/)
  assert.ok(existsSync(options.tokenFile))
})

test('somebody on the way who adds an authority of his own to the right one is not believed, and learns no token', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-evil-'))
  const heard: string[] = []
  chmodSync(folder, 0o700)
  const evil = await Authority.open(
    folder,
    clockOf(() => Date.now()),
  )
  const { certificate, privateKey } = await evil.forServer(['127.0.0.1'])
  const server = createServer({ cert: certificate, key: privateKey }, (request, reply) => {
    request.on('data', (part: Buffer) => heard.push(part.toString()))
    request.on('end', () => reply.end(`${bench.server.authority.pem}\n${evil.pem}`))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  try {
    const options = await aHost({
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    })
    const token = readFileSync(options.tokenFile, 'utf8')
    await assert.rejects(new HostIdentity(options).ready(), ReporterError)
    assert.ok(existsSync(options.tokenFile))
    assert.ok(!heard.join().includes(token.split('.')[2]))
  } finally {
    server.close()
    rmSync(folder, { recursive: true })
  }
})
