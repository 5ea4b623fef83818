/** libvirt's own client against the fake daemon: the fake speaks as libvirtd does, and we order a move as virsh orders it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { withoutLibvirt } from '../../../../tools/libvirt-daemon.ts'
import { aFake, type Fake } from './builders.ts'
import { aFakeDomain, serveHost } from './fake-host.ts'
import { type MigrationOptions, performRequest } from './migration.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'
import { MIGRATION_PROCEDURES } from './procedures-migration.ts'

const skip = withoutLibvirt
const VM = { name: 'vm1', uuid: 'e7405001-0000-4000-8000-000000000001', id: 2 }
const THERE = 'qemu+tcp://host-2/system'
/** VIR_DRV_FEATURE_REMOTE_CLOSE_CALLBACK: virsh would register for what the fake does not do. */
const CLOSE_CALLBACK = 15

async function virsh({ uri }: Fake, ...words: readonly string[]): Promise<string> {
  const qemu = uri.replace('test+unix:///default', 'qemu+unix:///system')
  return (await promisify(execFile)('virsh', ['-q', '-c', qemu, ...words], { timeout: 60_000 })).stdout
}

function byField(a: { readonly field: string }, b: { readonly field: string }): number {
  return a.field.localeCompare(b.field)
}

async function aFakeForVirsh(context: TestContext): Promise<Fake> {
  const fake = await aFake(context)
  serveHost(fake.server, [aFakeDomain({ domain: VM })])
  fake.server.on(HOST_PROCEDURES.supportsFeature, (feature) => feature !== CLOSE_CALLBACK)
  fake.server.on(MIGRATION_PROCEDURES.perform, () => new Uint8Array())
  return fake
}

test('virsh reads from the fake what it would read from libvirtd', { skip }, async (context) => {
  const fake = await aFakeForVirsh(context)
  assert.match(await virsh(fake, 'list', '--all'), /^ 2 +vm1 +running/)
  assert.equal((await virsh(fake, 'domstats')).trim(), "Domain: 'vm1'\n  state.state=1\n  state.reason=1")
  assert.match(await virsh(fake, 'dominfo', 'vm1'), /^CPU time: +1795813493\.2s$/m)
  assert.match(await virsh(fake, 'nodeinfo'), /^Memory size: +3145728 KiB$/m)
  assert.match(await virsh(fake, 'nodecpustats'), /^idle: +3000000000$/m)
  await assert.rejects(virsh(fake, 'dominfo', 'vm2'), /failed to get domain 'vm2'/)
})

for (const [words, options] of [
  ['--live --p2p', { definition: 'transient' }],
  ['--live --p2p --persistent', { definition: 'copy' }],
  [
    '--live --p2p --persistent --undefinesource --tls --parallel',
    { definition: 'move', isEncrypted: true, parallelConnections: 3 },
  ],
  [
    '--live --p2p --bandwidth 70 --postcopy --postcopy-bandwidth 9',
    { definition: 'transient', bandwidthMibPerSec: 70, isPostCopyPrepared: true, postCopyBandwidthMibPerSec: 9 },
  ],
  [
    '--live --p2p --auto-converge --auto-converge-initial 30 --auto-converge-increment 5 --migrateuri tcp://10.0.0.2',
    { definition: 'transient', autoConverge: { initialPercent: 30, incrementPercent: 5 }, dataUri: 'tcp://10.0.0.2' },
  ],
  [
    '--live --p2p --copy-storage-all --migrate-disks vda,vdb --unsafe --abort-on-error --tunnelled',
    {
      definition: 'transient',
      copiedDisks: ['vda', 'vdb'],
      isUnsafeStorageAccepted: true,
      isAbortedOnError: true,
      isTunnelled: true,
    },
  ],
] as [string, MigrationOptions][]) {
  test(`a move is ordered as virsh migrate ${words} orders it`, { skip }, async (context) => {
    const fake = await aFakeForVirsh(context)
    const connections =
      options.parallelConnections === undefined ? [] : ['--parallel-connections', `${options.parallelConnections}`]
    await virsh(fake, 'migrate', ...words.split(' '), ...connections, 'vm1', THERE)
    const sent = fake.server.calls.find(({ number }) => number === 305)?.args as ReturnType<typeof performRequest>
    const ours = performRequest(VM, THERE, options)
    assert.deepEqual(sent.parameters.toSorted(byField), ours.parameters.toSorted(byField))
    assert.deepEqual([sent.domain, sent.destinationUri, sent.flags, sent.cookie.length], [VM, THERE, ours.flags, 0])
  })
}
