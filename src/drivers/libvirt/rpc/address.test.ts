import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AddressOptions, parseAddress } from './address.ts'
import { LibvirtError } from './errors.ts'

const ROOT: AddressOptions = { isRoot: true, exists: () => false, environment: {} }
const USER: AddressOptions = { isRoot: false, exists: () => false, environment: { XDG_RUNTIME_DIR: '/run/user/7' } }
const SSH = { transport: 'ssh', host: 'h', command: 'ssh', isVerified: true, netcat: 'nc' } as const

for (const [uri, name, target, options] of [
  ['qemu:///system', 'qemu:///system', { transport: 'unix', path: '/var/run/libvirt/libvirt-sock' }, ROOT],
  ['qemu:///session', 'qemu:///session', { transport: 'unix', path: '/run/user/7/libvirt/libvirt-sock' }, USER],
  ['qemu:///session', 'qemu:///session', { transport: 'unix', path: '/var/run/libvirt/libvirt-sock' }, ROOT],
  [
    'qemu:///system?mode=direct',
    'qemu:///system',
    { transport: 'unix', path: '/var/run/libvirt/virtqemud-sock' },
    ROOT,
  ],
  [
    'qemu+unix:///system?socket=/tmp/a%20b/libvirt-sock',
    'qemu:///system',
    { transport: 'unix', path: '/tmp/a b/libvirt-sock' },
    ROOT,
  ],
  ['qemu+tcp://h/system', 'qemu:///system', { transport: 'tcp', host: 'h', port: 16509 }, ROOT],
  ['test+tcp://[::1]:5000/default', 'test:///default', { transport: 'tcp', host: '::1', port: 5000 }, ROOT],
  ['qemu://h/system', 'qemu:///system', { transport: 'tls', host: 'h', port: 16514, isVerified: true }, ROOT],
  [
    'qemu+tls://h/system?pkipath=/etc/pki/me&no_verify=1',
    'qemu:///system',
    { transport: 'tls', host: 'h', port: 16514, isVerified: false, pkiPath: '/etc/pki/me' },
    ROOT,
  ],
  [
    'qemu+tls://h/system?no_verify=0',
    'qemu:///system',
    { transport: 'tls', host: 'h', port: 16514, isVerified: true },
    ROOT,
  ],
  [
    'qemu+ssh://root@h:22/system',
    'qemu:///system',
    { ...SSH, user: 'root', port: 22, proxy: 'auto', socketPath: '/var/run/libvirt/libvirt-sock' },
    ROOT,
  ],
  [
    'qemu+ssh://h/system?socket=/run/x.sock&keyfile=/k&command=/bin/ssh2',
    'qemu:///system',
    { ...SSH, command: '/bin/ssh2', keyFile: '/k', proxy: 'netcat', socketPath: '/run/x.sock' },
    ROOT,
  ],
  [
    'qemu+ssh://h/session',
    'qemu:///session',
    { ...SSH, proxy: 'native', socketPath: '/var/run/libvirt/libvirt-sock' },
    ROOT,
  ],
  ['remote+tcp://h/', '', { transport: 'tcp', host: 'h', port: 16509 }, ROOT],
  ['qemu+tcp://h/x?name=lxc:///', 'lxc:///', { transport: 'tcp', host: 'h', port: 16509 }, ROOT],
  ['esx+tcp://h/?vcenter=a%26b&no_tty=1', 'esx:///?vcenter=a%26b', { transport: 'tcp', host: 'h', port: 16509 }, ROOT],
] as const) {
  test(`${uri} is what libvirt makes of it${options === USER ? ', as a user' : ''}`, () => {
    assert.deepEqual(parseAddress(uri, options), { uri, name, target })
  })
}

function exists(path: string): boolean {
  return path === '/var/run/libvirt/virtqemud-sock'
}

function targetWhere(uri: string): unknown {
  return parseAddress(uri, { isRoot: true, exists }).target
}

test("a driver's own daemon is preferred where its socket is there", () => {
  assert.deepEqual(targetWhere('qemu:///system'), { transport: 'unix', path: '/var/run/libvirt/virtqemud-sock' })
  assert.deepEqual(targetWhere('qemu:///system?mode=legacy'), {
    transport: 'unix',
    path: '/var/run/libvirt/libvirt-sock',
  })
})

test('read-only means the socket that can do no more', () => {
  const { target } = parseAddress('qemu:///system', { ...ROOT, isReadOnly: true })
  assert.deepEqual(target, { transport: 'unix', path: '/var/run/libvirt/libvirt-sock-ro' })
})

for (const [uri, hint] of [
  ['', /is no URI/],
  ['/system', /is no URI/],
  ['qemu+unix://h/system', /unix socket/],
  ['qemu+carrier-pigeon://h/system', /is no URI|transport/],
  ['qemu+libssh2://h/system', /Maybe: ssh/],
  ['qemu+ssh:///system', /no host/],
  ['qemu+ssh://h/system?proxy=native&netcat=nc', /native/],
  ['qemu+ssh://h/system?proxy=socks', /socks/],
  ['qemu+tcp://h/system?auth=sasl', /sasl/],
  ['qemu+tls://h/system?tls_priority=NONE', /tls_priority/],
  ['qemu:///system?mode=sideways', /sideways/],
  ['qemu+unix:///system?socket=%zz', /%/],
  ['qemu+unix:///system?socket=/a%00b', /%/],
  ['qemu:///system#top', /fragment/],
] as const) {
  test(`${uri === '' ? 'nothing' : uri} is refused`, () => {
    assert.throws(
      () => parseAddress(uri, ROOT),
      (error) => error instanceof LibvirtError && error.code === 'address' && hint.test(error.message),
    )
  })
}

test('a password in a URI is refused, and not repeated', () => {
  assert.throws(
    () => parseAddress('qemu+tcp://root:hunter2@h/system', ROOT),
    (error) => error instanceof LibvirtError && /password/.test(error.message) && !error.message.includes('hunter2'),
  )
})
