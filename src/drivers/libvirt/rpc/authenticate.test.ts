import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aFake } from './builders.ts'
import { LIBVIRT_ERROR, LibvirtError } from './errors.ts'
import { FakeRefusal } from './fake-server.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'

function isUnauthorised(hint: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof LibvirtError && error.code === 'unauthorised' && hint.test(error.message)
}

for (const [what, types, asked] of [
  ['nothing', [], []],
  ['none', [0], []],
  ['polkit', [2], ['AUTH_POLKIT']],
  ['polkit or a password', [1, 2], ['AUTH_POLKIT']],
  ['a password or none', [1, 0], []],
] as const) {
  test(`a daemon that wants ${what} is opened`, async (context) => {
    const { server, open } = await aFake(context)
    server.on(HOST_PROCEDURES.authList, () => ({ types }))
    server.on(HOST_PROCEDURES.authPolkit, () => ({ isComplete: true }))
    await open()
    const order = ['AUTH_LIST', ...asked, 'CONNECT_SUPPORTS_FEATURE', 'CONNECT_OPEN']
    assert.deepEqual(
      server.calls.map(({ procedure }) => procedure),
      order,
    )
  })
}

test('a daemon that wants a password is refused, with what can be done', async (context) => {
  const { server, open } = await aFake(context)
  server.on(HOST_PROCEDURES.authList, () => ({ types: [1] }))
  await assert.rejects(open(), isUnauthorised(/SASL.*Maybe: qemu\+tls/))
  assert.equal(server.calls.length, 1)
})

test('a no of polkit names the group and the rule', async (context) => {
  const { server, open } = await aFake(context)
  server.on(HOST_PROCEDURES.authList, () => ({ types: [2] }))
  server.on(HOST_PROCEDURES.authPolkit, () => {
    throw new FakeRefusal(LIBVIRT_ERROR.authenticationUnavailable, 'no polkit agent available')
  })
  await assert.rejects(open(), isUnauthorised(/no polkit agent.*org\.libvirt\.unix\.manage/))
})

test('a daemon of before there was a list wants nothing', async (context) => {
  const { server, open } = await aFake(context)
  server.on(HOST_PROCEDURES.authList, () => {
    throw new FakeRefusal(LIBVIRT_ERROR.notSupported, 'unknown procedure: 66')
  })
  assert.equal(await (await open()).hostname(), 'fake-1')
})

test('read-only is told to the daemon, and a URI that it refuses is told to us', async (context) => {
  const { server, open } = await aFake(context)
  await open({ isReadOnly: true })
  assert.deepEqual(server.calls.at(-1)?.args, { name: 'test:///default', flags: 1 })
  server.on(HOST_PROCEDURES.open, () => {
    throw new FakeRefusal(LIBVIRT_ERROR.operationFailed, 'no such driver')
  })
  await assert.rejects(open(), (error) => error instanceof LibvirtError && error.code === 'refused')
})
