import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId } from '../../../terms/ids.ts'
import { LIBVIRT_ERROR, LibvirtError, openLibvirt } from '../rpc/libvirt.ts'
import { HOST_PROCEDURES } from '../rpc/procedures-host.ts'
import { FakeRefusal, silence } from '../rpc/fake-server.ts'
import { aFake } from '../rpc/builders.ts'
import { HostLink, hypervisorError, type LinkOptions } from './host-link.ts'

const NOWHERE = { id: parseHostId('host-1'), uri: 'qemu+tls://host-1.invalid/system' }
const HOUR_SEC = 3600

/** A link whose host is dialled on paper, with a clock that the test moves. */
function aLink(options: LinkOptions = {}): { link: HostLink; dialled: number[]; setNow: (ms: number) => void } {
  let now = 0
  const dialled: number[] = []
  const open = (): Promise<never> => {
    dialled.push(now)
    return Promise.reject(new LibvirtError('unreachable', 'host-1 can not be reached: no route. Is the host up?'))
  }
  const clock = { now: () => now, monotonicMs: () => now, luck: () => 0 }
  const link = new HostLink(NOWHERE, { open, ...clock, ...options })
  return { link, dialled, setNow: (ms) => (now = ms) }
}

function ask(link: HostLink): Promise<unknown> {
  return link.use((libvirt) => libvirt.hostname()).catch((error: unknown) => error)
}

test('a host that is down for an hour and asked every second is dialled every 30 s, after four tries sooner than that', async () => {
  const { link, dialled, setNow } = aLink()
  for (let sec = 0; sec < HOUR_SEC; sec++) {
    setNow(sec * 1000)
    const error = await ask(link)
    assert.ok(error instanceof LibvirtError && error.code === 'unreachable', String(error))
  }
  // At 0 and 1 s (the second at once), then after 0.5 and 1 s at least (half of them by luck), then every 30 s.
  assert.deepEqual(dialled.slice(0, 6), [0, 1000, 2000, 3000, 33_000, 63_000])
  assert.equal(dialled.length, 4 + Math.floor((HOUR_SEC - 1 - 3) / 30))
})

test('no two waits are alike: luck spreads them by up to a fifth', async () => {
  for (const [luck, again] of [
    [0, 33_000],
    [0.9999, 39_000],
  ] as const) {
    const { link, dialled, setNow } = aLink({ luck: () => luck })
    for (let sec = 0; sec < 45; sec++) {
      setNow(sec * 1000)
      await ask(link)
    }
    assert.equal(dialled[4], again)
  }
})

test('meanwhile it says what happened, when it is asked again, and when it last answered', async () => {
  const { link, setNow } = aLink()
  for (let sec = 0; sec < 5; sec++) {
    setNow(sec * 1000)
    await ask(link)
  }
  assert.equal(
    link.describe(await ask(link)),
    'host-1: host-1 can not be reached: no route. Is the host up? It is asked again in 29 s. It has never answered.',
  )
})

test('once it answers it is asked as ever', async (context) => {
  const { uri } = await aFake(context)
  let isUp = false
  let now = 0
  const open: typeof openLibvirt = (_uri, options) =>
    isUp ? openLibvirt(uri, options) : Promise.reject(new LibvirtError('unreachable', 'down'))
  const link = new HostLink(NOWHERE, { open, monotonicMs: () => now, now: () => now, luck: () => 0 })
  context.after(() => link.close())
  for (let i = 0; i < 10; i++) {
    now += 1000
    await ask(link)
  }
  assert.ok(link.isBroken)
  isUp = true
  assert.ok((await ask(link)) instanceof LibvirtError)
  now += 30_000
  assert.equal(await ask(link), 'fake-1')
  assert.ok(!link.isBroken)
  now += 2000
  assert.match(link.describe(new Error('gone.')), /It last answered 2 s ago/)
})

test('many that ask at once wait for one connection', async (context) => {
  const { server, uri } = await aFake(context)
  const link = new HostLink({ id: NOWHERE.id, uri })
  context.after(() => link.close())
  const names = await Promise.all(Array.from({ length: 50 }, () => link.use((libvirt) => libvirt.hostname())))
  assert.equal(new Set(names).size, 1)
  assert.equal(server.openConnections, 1)
})

test('a connection that broke is opened again when it is next needed', async (context) => {
  const { server, uri } = await aFake(context)
  const link = new HostLink({ id: NOWHERE.id, uri })
  context.after(() => link.close())
  for (let i = 0; i < 5; i++) {
    assert.equal(await link.use((libvirt) => libvirt.hostname()), 'fake-1')
    const ended = await link.use((libvirt) => Promise.resolve({ when: libvirt.ended }))
    server.cut()
    await ended.when
  }
})

test('a call that is not answered costs the connection, for its place there stays taken', async (context) => {
  const { server, uri } = await aFake(context)
  const link = new HostLink({ id: NOWHERE.id, uri }, { callTimeoutMs: 1500 })
  context.after(() => link.close())
  server.on(HOST_PROCEDURES.hostname, silence)
  const error = await ask(link)
  assert.ok(error instanceof LibvirtError && error.code === 'timeout')
  assert.equal(hypervisorError(link, error).code, 'unreachable')
  server.on(HOST_PROCEDURES.hostname, (_args, call) => `connection ${call.connection}`)
  assert.equal(await ask(link), 'connection 2')
})

test('a refusal says nothing against a host', async (context) => {
  const { server, uri } = await aFake(context)
  const link = new HostLink({ id: NOWHERE.id, uri })
  context.after(() => link.close())
  server.on(HOST_PROCEDURES.hostname, () => {
    throw new FakeRefusal(LIBVIRT_ERROR.accessDenied, 'access denied')
  })
  for (let i = 0; i < 10; i++) {
    const error = hypervisorError(link, await ask(link))
    assert.deepEqual([error.code, error.retryable], ['unauthorised', false])
  }
  assert.ok(!link.isBroken)
  assert.equal(server.openConnections, 1)
})
