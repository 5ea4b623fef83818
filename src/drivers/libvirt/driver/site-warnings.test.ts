import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId } from '../../../terms/ids.ts'
import type { ToldHost } from './inventory.ts'
import { siteWarnings } from './site-warnings.ts'
import type { LibvirtSite } from './sites.ts'
import { parsePool, type StoragePool } from './storage.ts'

const HOSTS = ['a', 'b'].map((id) => ({ id: parseHostId(id), uri: `qemu+tls://${id}/system`, networks: ['br0'] }))
/** Nothing to say of it. */
const GOOD: LibvirtSite = { hosts: HOSTS, lockManager: 'lockd', isEncrypted: true }

function aHost(id: string, changes: Partial<ToldHost> = {}): ToldHost {
  return { kind: 'told', hostId: parseHostId(id), at: 0, hostname: id, untold: [], ...changes }
}

function aPool(changes: Partial<StoragePool> = {}): StoragePool {
  return { name: 'vms', type: 'netfs', source: 'nfs-1:/export', path: '/srv/vms', ...changes }
}

test('a site in order has no warnings, whether or not its hosts tell of storage', () => {
  assert.deepEqual(siteWarnings(GOOD, []), [])
  const site = { ...GOOD, sharedPools: ['vms'], sharedPaths: ['/srv/vms'] }
  assert.deepEqual(siteWarnings(site, [aHost('a', { pools: [aPool()] }), aHost('b', { pools: [aPool()] })]), [])
  assert.deepEqual(siteWarnings(site, [aHost('a'), aHost('b')]), [])
})

const EACH: readonly (readonly [string, Partial<LibvirtSite>, readonly ToldHost[], RegExp])[] = [
  ['a lock manager of none', { lockManager: 'none' }, [], /^There is no lock manager: .*lock_manager = "lockd"/],
  ['memory in the clear', { isEncrypted: false }, [], /^Memory of VMs travels in the clear\./],
  [
    'plain TCP',
    { hosts: HOSTS.map((host, i) => (i === 1 ? { ...host, peerUri: 'qemu+tcp://b/system' } : host)) },
    [],
    /^b: plain TCP, .*qemu\+tls/,
  ],
  [
    'a socket without a way for peers',
    { hosts: HOSTS.map((host, i) => (i === 0 ? { ...host, uri: 'qemu:///system' } : host)) },
    [],
    /^a: reached by a socket .*Add peerUri/,
  ],
  [
    'networks that nobody declared',
    { hosts: HOSTS.map(({ id, uri }) => ({ id, uri })) },
    [],
    /^a, b: bridges and networks are not declared/,
  ],
  [
    'QEMUs of two versions',
    {},
    [aHost('a', { hypervisorVersion: '7.2.0' }), aHost('b', { hypervisorVersion: '8.0.0' })],
    /^QEMU is not the same everywhere: 7\.2\.0 \(a\), 8\.0\.0 \(b\)\./,
  ],
  [
    'a pool that is declared and not there',
    { sharedPools: ['vms'] },
    [aHost('a', { pools: [aPool()] }), aHost('b', { pools: [] })],
    /^Pool vms is declared shared and not active on b\. There: virsh pool-start vms$/,
  ],
  [
    "a declared folder that is one host's own",
    { sharedPaths: ['/srv/vms'] },
    [aHost('a', { pools: [aPool()] }), aHost('b', { pools: [{ name: 'own', type: 'dir', path: '/srv/vms' }] })],
    /^Folder \/srv\/vms is declared shared and is not the same everywhere: nfs-1:\/export \(a\); a dir of the host's own \(b\)/,
  ],
  [
    'a pool of one server that is not declared',
    {},
    [aHost('a', { pools: [aPool()] }), aHost('b', { pools: [aPool()] })],
    /^Pool vms comes from the same server everywhere .* add it to sharedPools\.$/,
  ],
]

for (const [what, site, told, text] of EACH) {
  test(`${what} is told once, with what to do`, () => {
    const warnings = siteWarnings({ ...GOOD, ...site }, told)
    assert.equal(warnings.length, 1, warnings.join('\n'))
    assert.match(warnings[0] ?? '', text)
  })
}

test('pools are told by where they come from; those of a host alone have no source', () => {
  const rbd = `<pool type='rbd'><source><host name='m2'/><host name='m1'/><name>vms</name></source></pool>`
  assert.equal(parsePool('x', rbd).source, 'm1,m2:vms')
  const iscsi = `<pool type='iscsi'><source><host name='s'/><device path='iqn.2026:a'/></source></pool>`
  assert.equal(parsePool('x', iscsi).source, 's:iqn.2026:a')
  const logical = `<pool type='logical'><source><device path='/dev/sda'/><name>vg</name></source></pool>`
  assert.deepEqual(parsePool('x', logical), { name: 'x', type: 'logical' })
})
