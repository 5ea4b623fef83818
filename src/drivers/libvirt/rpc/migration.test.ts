import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { aFake } from './builders.ts'
import { LIBVIRT_ERROR, LibvirtError } from './errors.ts'
import { FakeCut, FakeRefusal, silence } from './fake-server.ts'
import { type MigrationOptions, performRequest } from './migration.ts'
import { MIGRATION_PROCEDURES } from './procedures-migration.ts'

const VM = { name: 'test', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 }
const THERE = 'qemu+tls://host-2/system'
const LIVE_PEER_TO_PEER = 1 + 2

function isArgument(hint: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof LibvirtError &&
    error.code === 'argument' &&
    error.fate === 'never-sent' &&
    hint.test(error.message)
}

for (const [what, options, flags, parameters] of [
  ['that keeps no definition', { definition: 'transient' }, LIVE_PEER_TO_PEER, []],
  ['that copies the definition', { definition: 'copy' }, LIVE_PEER_TO_PEER + 8, []],
  ['that moves the definition', { definition: 'move' }, LIVE_PEER_TO_PEER + 8 + 16, []],
  [
    'with everything',
    {
      definition: 'transient',
      dataUri: 'tcp://10.0.0.2',
      bandwidthMibPerSec: 100,
      autoConverge: { initialPercent: 20, incrementPercent: 10 },
      isPostCopyPrepared: true,
      postCopyBandwidthMibPerSec: 50,
      parallelConnections: 2,
      isEncrypted: true,
      tlsName: 'host-2.example',
      copiedDisks: ['vda', 'vdb'],
      isAbortedOnError: true,
      isUnsafeStorageAccepted: true,
    },
    LIVE_PEER_TO_PEER + (1 << 6) + (1 << 9) + (1 << 12) + (1 << 13) + (1 << 15) + (1 << 16) + (1 << 17),
    [
      { field: 'migrate_uri', type: 'string', value: 'tcp://10.0.0.2' },
      { field: 'bandwidth', type: 'unsignedHyper', value: 100n },
      { field: 'bandwidth.postcopy', type: 'unsignedHyper', value: 50n },
      { field: 'auto_converge.initial', type: 'int', value: 20 },
      { field: 'auto_converge.increment', type: 'int', value: 10 },
      { field: 'parallel.connections', type: 'int', value: 2 },
      { field: 'tls.destination', type: 'string', value: 'host-2.example' },
      { field: 'migrate_disks', type: 'string', value: 'vda' },
      { field: 'migrate_disks', type: 'string', value: 'vdb' },
    ],
  ],
  ['that is tunnelled', { definition: 'transient', isTunnelled: true }, LIVE_PEER_TO_PEER + 4, []],
] as [string, MigrationOptions, number, unknown[]][]) {
  test(`a migration ${what} is one call with these flags and parameters`, async (context) => {
    const { server, open } = await aFake(context)
    server.on(MIGRATION_PROCEDURES.perform, () => new Uint8Array())
    const libvirt = await open()
    const { ended } = await libvirt.beginMigration(VM, THERE, options)
    assert.deepEqual(await ended, { kind: 'succeeded' })
    const call = server.calls.find(({ number }) => number === 305)
    assert.deepEqual(call?.args, { domain: VM, destinationUri: THERE, parameters, cookie: Buffer.alloc(0), flags })
  })
}

for (const uri of [
  'qemu:///system',
  'qemu+unix:///system',
  'qemu+tcp:///system',
  'qemu+tcp://localhost/system',
  'qemu+tls://127.0.0.1/system',
]) {
  test(`${uri} is nowhere to go: the source would connect to itself`, () => {
    assert.throws(() => performRequest(VM, uri, { definition: 'transient' }), isArgument(/no other host/))
  })
}

function request(options: Partial<MigrationOptions>): () => unknown {
  return () => performRequest(VM, THERE, { definition: 'copy', ...options })
}

test('numbers that mean something else to libvirt are refused', () => {
  // 0 is "no limit" there.
  assert.throws(request({ bandwidthMibPerSec: 0 }), isArgument(/bandwidth/))
  assert.throws(request({ bandwidthMibPerSec: 0.5 }), isArgument(/bandwidth/))
  assert.throws(request({ autoConverge: { initialPercent: 100 } }), isArgument(/auto_converge/))
  assert.throws(request({ parallelConnections: 0 }), isArgument(/parallel/))
  assert.throws(request({ isTunnelled: true, parallelConnections: 2 }), isArgument(/tunnelled/))
})

test('a migration has a connection of its own, which ends with it; calls go on beside it', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const { promise, resolve: finish } = Promise.withResolvers<Uint8Array>()
  server.on(MIGRATION_PROCEDURES.perform, () => promise)
  const { ended } = await libvirt.beginMigration(VM, THERE, { definition: 'transient' })
  assert.equal(server.openConnections, 2)
  assert.equal((await Promise.all(Array.from({ length: 10 }, () => libvirt.hostname()))).length, 10)
  while (!server.calls.some(({ number }) => number === 305)) await pause(1)
  const own = server.calls.find(({ number }) => number === 305)?.connection
  assert.deepEqual(
    [...new Set(server.calls.filter(({ procedure }) => procedure.includes('HOSTNAME')).map((call) => call.connection))],
    [1],
  )
  assert.equal(own, 2)
  finish(new Uint8Array())
  assert.deepEqual(await ended, { kind: 'succeeded' })
  while (server.openConnections > 1) await pause(1)
})

test('how it ends is a value: the daemon says no, no answer comes, or it was never ordered', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const order = (): ReturnType<typeof libvirt.beginMigration> =>
    libvirt.beginMigration(VM, THERE, { definition: 'transient' })
  const kind = async (): Promise<string> => (await (await order()).ended).kind
  server.on(MIGRATION_PROCEDURES.perform, () => {
    throw new FakeRefusal(LIBVIRT_ERROR.operationAborted, 'operation aborted: migration out: canceled by client')
  })
  assert.equal(await kind(), 'failed')
  server.on(MIGRATION_PROCEDURES.perform, () => {
    throw new FakeCut()
  })
  assert.equal(await kind(), 'unknown')
  server.on(MIGRATION_PROCEDURES.perform, silence)
  const forgotten = await order()
  forgotten.forget()
  assert.equal((await forgotten.ended).kind, 'unknown')
  await server.close()
  await assert.rejects(order(), (error) => error instanceof LibvirtError && error.fate === 'never-sent')
})

test('from a connection that was opened read-only nothing moves', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open({ isReadOnly: true })
  await assert.rejects(libvirt.beginMigration(VM, THERE, { definition: 'copy' }), isArgument(/read-only/))
  assert.equal(server.openConnections, 1)
})

test('the dirty rate is measured by sampling pages, for a time that libvirt takes', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  server.on(MIGRATION_PROCEDURES.startDirtyRate, () => undefined)
  await libvirt.startDirtyRate(VM, 1)
  assert.deepEqual(server.calls.at(-1)?.args, { domain: VM, seconds: 1, flags: 0 })
  for (const seconds of [0, 61, 1.5])
    await assert.rejects(libvirt.startDirtyRate(VM, seconds), isArgument(/dirty rate/))
})
