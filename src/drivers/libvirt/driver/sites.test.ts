import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId } from '../../../terms/ids.ts'
import { ParseError } from '../../../terms/parse.ts'
import { checkSite, isBelow, type LibvirtHost, type LibvirtSite, peerUriOf } from './sites.ts'

function aHost(changes: Partial<LibvirtHost> = {}): LibvirtHost {
  return { id: parseHostId('host-1'), uri: 'qemu+tls://host-1/system', ...changes }
}

function refuses(what: string, site: Partial<LibvirtSite> & Pick<LibvirtSite, 'hosts'>, pattern: RegExp): void {
  test(`${what} is refused`, () => {
    assert.throws(
      () => checkSite(site),
      (error) => error instanceof ParseError && pattern.test(error.message) && !/hunter2/.test(error.message),
    )
  })
}

refuses('a host twice', { hosts: [aHost(), aHost()] }, /host-1.*twice/)
refuses('an id that is none', { hosts: [aHost({ id: 'a b' as never })] }, /hosts\[\]\.id/)
refuses('what is no URI', { hosts: [aHost({ uri: 'host-1' })] }, /hosts host-1\.uri.*no URI/)
refuses('a password', { hosts: [aHost({ uri: 'qemu+ssh://root:hunter2@host-1/system' })] }, /holds a password/)
refuses('a password for peers', { hosts: [aHost({ peerUri: 'qemu+tls://a:hunter2@host-1/system' })] }, /password/)
refuses('a transport that is not ours', { hosts: [aHost({ uri: 'qemu+libssh://host-1/system' })] }, /transport/)
for (const uri of [
  'qemu+tcp://169.254.169.254/system',
  'qemu+tls://[fe80::1]/system',
  'qemu+tcp://[::ffff:169.254.169.254]/system',
])
  refuses(`${uri}, where clouds keep keys,`, { hosts: [aHost({ uri })] }, /clouds keep keys/)
for (const peerUri of [
  'qemu:///system',
  'qemu+tcp://127.0.0.1/system',
  'qemu+tls://localhost/system',
  'qemu+tls://[::1]/system',
])
  refuses(
    `${peerUri}, which other hosts would take for themselves,`,
    { hosts: [aHost({ peerUri })] },
    /have to reach it/,
  )
for (const dataUri of [
  '10.0.0.2',
  'http://10.0.0.2',
  'tcp://127.0.0.1',
  'tcp://169.254.169.254',
  'tcp://a b',
  'unix:///x',
])
  refuses(`${dataUri} for the memory`, { hosts: [aHost({ dataUri })] }, /Expected one like tcp:/)
for (const downtimeLimitMs of [0, 0.5, -1, Number.NaN, 3e6])
  refuses(`a downtime of ${downtimeLimitMs} ms`, { hosts: [], downtimeLimitMs }, /downtimeLimitMs/)

test('a site that can be is taken: sockets, TCP, TLS, ssh, and ways for memory', () => {
  const uris = ['qemu:///system', 'qemu+tcp://10.0.0.1/system', 'qemu+tls://a/system', 'qemu+ssh://root@b/system']
  const hosts = uris.map((uri, i) => ({ id: parseHostId(`h${i}`), uri, dataUri: `tcp://[fd00::${i}]:49152` }))
  assert.equal(checkSite({ hosts, downtimeLimitMs: 300 }).size, 4)
})

test('other hosts reach it as we do, unless we use a socket of this machine', () => {
  assert.equal(peerUriOf(aHost()), 'qemu+tls://host-1/system')
  assert.equal(peerUriOf(aHost({ uri: 'qemu:///system' })), undefined)
  assert.equal(peerUriOf(aHost({ uri: 'qemu+tcp://127.0.0.1/system' })), undefined)
  const peerUri = 'qemu+tcp://10.0.0.1/system'
  assert.equal(peerUriOf(aHost({ uri: 'qemu:///system', peerUri })), peerUri)
})

test('a path is below a folder by whole names, and never by way of ..', () => {
  const folders = ['/srv/shared', '/nfs/']
  assert.deepEqual(
    ['/srv/shared/a', '/srv/shared', '/nfs/b/c', '/srv/shared2/a', '/srv/shared/../a', '/a', 'srv/shared/a'].map(
      (path) => isBelow(path, folders),
    ),
    [true, true, true, false, false, false, false],
  )
})
