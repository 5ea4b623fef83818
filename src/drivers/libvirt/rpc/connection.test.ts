import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { aFake } from './builders.ts'
import { LIBVIRT_ERROR, LibvirtError, LibvirtRemoteError, type CallFate, type LibvirtErrorCode } from './errors.ts'
import { FakeCut, FakeRefusal, silence } from './fake-server.ts'
import { DOMAIN_PROCEDURES } from './procedures-domain.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f'

/** A gate that calls wait at until the test opens it. */
function aGate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

function fails(code: LibvirtErrorCode, fate: CallFate): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LibvirtError, String(error))
    assert.deepEqual({ code: error.code, fate: error.fate }, { code, fate }, error.message)
    return true
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    assert.ok(i < 2000, 'never came to it')
    await pause(5)
  }
}

test('answers find their calls, in whatever order they come', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const first = aGate()
  server.on(DOMAIN_PROCEDURES.lookupByName, async (name) => {
    if (name === 'first') await first.opened
    else setImmediate(first.open)
    return { name, uuid: UUID, id: 1 }
  })
  const order: string[] = []
  const ask = async (name: string): Promise<string> => {
    const found = await libvirt.domainByName(name)
    order.push(found.name)
    return found.name
  }
  assert.deepEqual(await Promise.all([ask('first'), ask('second')]), ['first', 'second'])
  assert.deepEqual(order, ['second', 'first'])
})

test('four calls are in work at most, and the others wait their turn, pings being read meanwhile', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ keepalive: { intervalMs: 20, count: 50 } })
  const gate = aGate()
  server.on(HOST_PROCEDURES.hostname, async () => {
    await gate.opened
    return 'h'
  })
  const before = server.calls.length
  const asked = Array.from({ length: 20 }, () => libvirt.hostname())
  const pings = server.pings
  await until(() => server.pings > pings + 10)
  assert.equal(server.calls.length - before, 4)
  gate.open()
  assert.equal((await Promise.all(asked)).length, 20)
  assert.equal(server.callsInWorkHighest, 4)
  assert.ok(libvirt.isOpen)
})

test("the daemon's own no has its numbers and its words", async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  server.on(HOST_PROCEDURES.hostname, () => {
    throw new FakeRefusal(LIBVIRT_ERROR.operationInvalid, 'not now', 20)
  })
  await assert.rejects(libvirt.hostname(), (error) => {
    assert.ok(error instanceof LibvirtRemoteError)
    const { code, fate, number, domain, level, text, message } = error
    assert.deepEqual(
      { code, fate, number, domain, level, text },
      { code: 'refused', fate: 'refused', number: 55, domain: 20, level: 2, text: 'not now' },
    )
    return message.includes('CONNECT_GET_HOSTNAME')
  })
  assert.ok(libvirt.isOpen)
})

test('a call that is not answered in time has an unknown fate; its late answer hurts nobody', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const gate = aGate()
  server.on(HOST_PROCEDURES.hostname, async () => {
    await gate.opened
    return 'late'
  })
  const call = libvirt.call(HOST_PROCEDURES.hostname, undefined, { timeoutMs: 50 })
  await assert.rejects(call, fails('timeout', 'unknown'))
  gate.open()
  assert.equal(await libvirt.libraryVersion(), 9_000_000)
})

test('a call that waited for its turn in vain was never sent, and never will be', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ callsInWorkMax: 1 })
  const gate = aGate()
  server.on(HOST_PROCEDURES.hostname, async () => {
    await gate.opened
    return 'h'
  })
  const slow = libvirt.hostname()
  const waiting = libvirt.call(HOST_PROCEDURES.libraryVersion, undefined, { timeoutMs: 30 })
  await assert.rejects(waiting, fails('timeout', 'never-sent'))
  gate.open()
  await slow
  assert.equal(await libvirt.canonicalUri(), 'test:///default')
  assert.ok(!server.calls.some(({ procedure }) => procedure === 'CONNECT_GET_LIB_VERSION'))
})

test('what a caller gave up still fills its place at the daemon', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ callsInWorkMax: 2 })
  server.on(HOST_PROCEDURES.hostname, silence)
  const given = [1, 2].map(() => libvirt.call(HOST_PROCEDURES.hostname, undefined, { timeoutMs: 20 }))
  for (const call of given) await assert.rejects(call, fails('timeout', 'unknown'))
  const next = libvirt.call(HOST_PROCEDURES.libraryVersion, undefined, { timeoutMs: 20 })
  await assert.rejects(next, fails('timeout', 'never-sent'))
})

test('more waiting calls than may wait are refused', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ callsInWorkMax: 1, callsWaitingMax: 2 })
  server.on(HOST_PROCEDURES.hostname, silence)
  const calls = [1, 2, 3].map(() => libvirt.hostname())
  await assert.rejects(libvirt.hostname(), fails('busy', 'never-sent'))
  await libvirt.close()
  for (const call of await Promise.allSettled(calls)) assert.equal(call.status, 'rejected')
})

test('a connection that is cut tells sent calls from those that never were', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ callsInWorkMax: 1 })
  server.on(HOST_PROCEDURES.hostname, () => {
    throw new FakeCut()
  })
  const sent = libvirt.hostname()
  const waiting = libvirt.libraryVersion()
  await assert.rejects(sent, fails('lost', 'unknown'))
  await assert.rejects(waiting, fails('lost', 'never-sent'))
  await assert.rejects(libvirt.canonicalUri(), fails('lost', 'never-sent'))
  assert.equal((await libvirt.ended).code, 'lost')
  assert.ok(!libvirt.isOpen)
})

test('closing rejects what is in work', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  server.on(HOST_PROCEDURES.hostname, silence)
  const call = libvirt.hostname()
  await once(setImmediateEmitter(), 'now')
  await Promise.all([libvirt.close(), assert.rejects(call, fails('closed', 'unknown'))])
  await until(() => server.openConnections === 0)
})

function setImmediateEmitter(): EventTarget {
  const target = new EventTarget()
  setImmediate(() => target.dispatchEvent(new Event('now')))
  return target
}

test('a daemon that answers no ping is dead after interval times count and one', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ keepalive: { intervalMs: 25, count: 3 } })
  server.on(HOST_PROCEDURES.hostname, silence)
  server.isAnsweringPings = false
  const pings = server.pings
  await assert.rejects(libvirt.hostname(), (error) => fails('lost', 'unknown')(error) && /silent/.test(String(error)))
  await until(() => server.pings - pings === 3)
})

test('a daemon that answers pings lives, however long a call takes', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ keepalive: { intervalMs: 10, count: 50 } })
  const gate = aGate()
  server.on(HOST_PROCEDURES.hostname, async () => {
    await gate.opened
    return 'patient'
  })
  const call = libvirt.hostname()
  await until(() => server.pings > 60)
  gate.open()
  assert.equal(await call, 'patient')
})

test('a daemon without pings is not asked for any', async (context) => {
  const { server, open } = await aFake(context)
  server.on(HOST_PROCEDURES.supportsFeature, () => false)
  const libvirt = await open({ keepalive: { intervalMs: 5, count: 0 } })
  await pause(50)
  assert.equal(server.pings, 0)
  assert.ok(libvirt.isOpen)
})

test('what can not be encoded is refused, and the connection lives', async (context) => {
  const { open } = await aFake(context)
  const libvirt = await open()
  await assert.rejects(libvirt.domainByUuid('x'), fails('argument', 'never-sent'))
  await assert.rejects(libvirt.domainByName('x'.repeat(5_000_000)), fails('argument', 'never-sent'))
  const tooMany = Array.from({ length: 9 }, () => 'x'.repeat(4_000_000))
  await assert.rejects(libvirt.baselineCpu(tooMany), fails('argument', 'never-sent'))
  assert.equal(await libvirt.hostname(), 'fake-1')
})

test('a thousand domains with their statistics come in one call', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const parameters = Array.from({ length: 60 }, (_, i) => ({
    field: `vcpu.${i}.delay`,
    value: BigInt(i) * 1_000_000_007n,
  }))
  const records = Array.from({ length: 1000 }, (_, i) => ({
    domain: { name: `vm-${i}`, uuid: UUID, id: i },
    parameters,
  }))
  server.on(DOMAIN_PROCEDURES.allStats, () => records)
  assert.deepEqual(await libvirt.domainStats(), records)
})
