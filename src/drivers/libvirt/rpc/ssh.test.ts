import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseAddress } from './address.ts'
import { aFake, aFolder } from './builders.ts'
import { LibvirtError } from './errors.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'
import { silence } from './fake-server.ts'
import { openLibvirt } from './libvirt.ts'
import { sshWords } from './ssh.ts'

/** Runs what ssh would run over there, here, under a shell as sshd does. */
const NEARBY_SSH = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nexec sh -c "$3"\n'
/** A netcat that knows -q, and wants an argument after it. */
const NETCAT = `#!${process.execPath}
const words = process.argv.slice(2)
if (words[0] === '-q' && words.length < 2) { console.error("nc: option requires an argument -- 'q'"); process.exit(1) }
const socket = require('node:net').connect(words.at(-1))
process.stdin.pipe(socket)
socket.pipe(process.stdout)
socket.on('close', () => process.exit())
`

interface Nearby {
  readonly uri: string
  readonly fake: Awaited<ReturnType<typeof aFake>>
}

async function nearby(context: TestContext, ssh = NEARBY_SSH): Promise<Nearby> {
  const fake = await aFake(context)
  const folder = aFolder(context)
  const program = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o755 })
    return encodeURIComponent(join(folder, name))
  }
  const socket = /socket=(.*)$/.exec(fake.uri)?.[1]
  // A name with a quote and a space has to come through two shells.
  const netcat = program("it's nc.cjs", NETCAT)
  return { fake, uri: `test+ssh://host/default?command=${program('ssh', ssh)}&netcat=${netcat}&socket=${socket}` }
}

function words(uri: string): readonly string[] {
  const { name, target } = parseAddress(uri)
  assert.ok(target.transport === 'ssh')
  return sshWords({ uri, name, target, timeoutMs: 9500 })
}

test('calls go through ssh and netcat, many at once, and closing ends the program', async (context) => {
  const { uri, fake } = await nearby(context)
  const libvirt = await openLibvirt(uri)
  const names = await Promise.all(Array.from({ length: 50 }, () => libvirt.hostname()))
  assert.deepEqual([...new Set(names)], ['fake-1'])
  await libvirt.close()
  while (fake.server.openConnections > 0) await new Promise(setImmediate)
})

test('what ssh says is told when it does not get through', async (context) => {
  const { uri } = await nearby(context, '#!/bin/sh\necho "root@host: Permission denied (publickey)." >&2\nexit 255\n')
  await assert.rejects(openLibvirt(uri), (error) => {
    assert.ok(error instanceof LibvirtError)
    return error.code === 'unreachable' && /ended with 255: root@host: Permission denied/.test(error.message)
  })
})

test('an ssh that ends is over, though a program it left behind holds its pipes', async (context) => {
  const { uri } = await nearby(context, '#!/bin/sh\nsleep 4 &\necho "gone" >&2\nexit 3\n')
  const open = openLibvirt(uri, { callTimeoutMs: 60_000 })
  await assert.rejects(open, (error) => error instanceof LibvirtError && /ended with 3: gone/.test(error.message))
})

test('an ssh that is not there is told', async () => {
  const open = openLibvirt('qemu+ssh://host/system?command=/nowhere/ssh')
  await assert.rejects(
    open,
    (error) => error instanceof LibvirtError && error.code === 'unreachable' && /ENOENT/.test(error.message),
  )
})

test('an ssh that dies leaves the fate of calls unknown', async (context) => {
  const { uri, fake } = await nearby(context)
  const libvirt = await openLibvirt(uri)
  fake.server.on(HOST_PROCEDURES.hostname, silence)
  const call = libvirt.hostname()
  const before = fake.server.calls.length
  while (fake.server.calls.length === before) await new Promise(setImmediate)
  fake.server.cut()
  await assert.rejects(
    call,
    (error) => error instanceof LibvirtError && error.code === 'lost' && error.fate === 'unknown',
  )
})

test('ssh is told where to, never asks for a password, and checks the key of the host', () => {
  const all = words('qemu+ssh://root@host:2222/system?keyfile=/root/.ssh/id&proxy=native')
  assert.equal(
    all.slice(0, -1).join(' '),
    '-p 2222 -l root -i /root/.ssh/id -T -e none -o BatchMode=yes -o ConnectTimeout=10 -- host',
  )
  assert.ok(words('qemu+ssh://host/system?no_verify=1').includes('StrictHostKeyChecking=no'))
})

/** What runs over there: the shell takes the quotes away, and printf shows it. */
function script(uri: string): string {
  const command =
    words(uri)
      .at(-1)
      ?.replace(/^sh -c/, 'printf %s') ?? ''
  return execFileSync('sh', ['-c', command], { encoding: 'utf8' })
}

test("over there libvirt's helper is preferred where it is, and netcat where it is not or a socket was named", () => {
  assert.equal(script('qemu+ssh://host/session'), "exec virt-ssh-helper 'qemu:///session'")
  assert.match(
    script('qemu+ssh://host/system'),
    /^if command -v virt-ssh-helper .*; then exec virt-ssh-helper 'qemu:\/\/\/system'; else .*nc/,
  )
  assert.match(script('qemu+ssh://host/system?socket=/run/a%27b'), /-U '\/run\/a'\\''b'; fi$/)
  assert.ok(!script('qemu+ssh://host/system?socket=/run/x').includes('virt-ssh-helper'))
})

test('nothing in a URI becomes a command over there, or an option of ssh', () => {
  const evil = encodeURIComponent(`'; touch /tmp/owned; echo '`)
  const [last, host] = words(`qemu+ssh://host/system?socket=${evil}&netcat=${evil}`).toReversed()
  assert.equal(host, 'host')
  const parsed = execFileSync('sh', ['-n', '-c', last], { encoding: 'utf8' })
  assert.equal(parsed, '')
  // Run for real, it finds no such netcat, and touches nothing.
  assert.throws(
    () => execFileSync('sh', ['-c', last.replaceAll('/tmp/owned', '/proc/self/owned')], { stdio: 'pipe' }),
    /not found/,
  )
  const all = words('qemu+ssh://-oProxyCommand=x/system')
  assert.equal(all[all.indexOf('--') + 1], '-oProxyCommand=x')
})
