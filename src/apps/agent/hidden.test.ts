/** The agent where nearly everything is closed to it: nobody, no capability, other processes hidden, no /sys, no eBPF. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY } from '../../../tools/repository.ts'
import { PERSONALITY_SCHEMA } from '../../terms/personality.ts'

/** In a mount namespace of its own: /proc with hidepid=2, an empty /sys (so no tracefs and no bpf either), this repository and Node where
 *  everybody may read them. Then nobody, without capabilities and without a way to get any. */
const STAGE = `set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/repository /mnt/node
mount --bind "$1" /mnt/repository
mount --bind "$2" /mnt/node
mount -t tmpfs -o ro tmpfs /sys
if [ -n "$UNREADABLE" ]; then
  mount -t tmpfs tmpfs /etc/ethos 2>/dev/null || { mkdir /mnt/etc; cp -a /etc/. /mnt/etc; mount --bind /mnt/etc /etc; mkdir -p /etc/ethos; }
  echo 'vm = secret' > /etc/ethos/agent.conf
  chmod 600 /etc/ethos/agent.conf
fi
mount -t proc -o hidepid=2 proc /proc
cd /mnt/repository
shift 2
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"`

const stage = (words: readonly string[], environment: Record<string, string> = {}) =>
  spawnSync(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', '-c', STAGE, 'sh', REPOSITORY, dirname(process.execPath), ...words],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...environment },
      maxBuffer: 16 * 1024 * 1024,
    },
  )

const skip = whyNot()
const node = `/mnt/node/${basename(process.execPath)}`
const agent = (...words: readonly string[]) => stage([node, 'src/apps/agent/entry.ts', ...words])

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, to make a namespace'
  if (!existsSync('/usr/bin/unshare') || !existsSync('/usr/bin/setpriv')) return 'needs unshare and setpriv'
  const { status, stderr } = stage(['true'])
  return status !== 0 && `no such namespace can be made here: ${stderr.trim()}`
}

test('as nobody with hidden processes and no /sys it looks, says what is missing by name, and ends with 0', {
  skip,
}, () => {
  const { status, stdout, stderr } = agent('--once', '--for', '1s', '--print', 'json')
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '')
  const told = JSON.parse(stdout) as {
    readonly dimensions: Record<string, { readonly value: number }>
    readonly absent: Record<string, string>
    readonly findings: readonly { readonly what: string; readonly state: string; readonly because: string }[]
  }
  // Each dimension is there or absent, never both, never neither; what is there is a number.
  const names = [...Object.keys(told.dimensions), ...Object.keys(told.absent)].toSorted()
  assert.deepEqual(names, PERSONALITY_SCHEMA.map(({ name }) => name).toSorted())
  for (const [name, { value }] of Object.entries(told.dimensions)) assert.ok(Number.isFinite(value), name)
  // What needs no right is there.
  for (const name of ['cpuRefCoresMean', 'memoryUsedBytes', 'contextSwitchesPerSec', 'processBirthsPerSec'])
    assert.ok(name in told.dimensions, name)
  // What is hidden is absent and not zero, and the reason is the true one.
  assert.match(told.absent['processCount'] ?? '', /hidden \(hidepid/)
  assert.match(told.absent['topProcessCpuShare'] ?? '', /hidden \(hidepid/)
  assert.match(told.absent['systemCallsFilePerSec'] ?? '', /probe helper/)
  const notSeen = told.findings.filter(({ state }) => state !== 'seen').map(({ what }) => what)
  for (const what of ['processes: number, load, lifetimes', 'system and library calls', 'own control group (v2)'])
    assert.ok(notSeen.includes(what), `${what} is not among ${notSeen.join(', ')}`)
})

test('the doctor there names each feature that is missing and what would open it, and ends with 0', { skip }, () => {
  const { status, stdout, stderr } = agent('doctor')
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^ {2}no {6}processes: number, load, lifetimes\n.*hidepid[^]*?-> mount \/proc with hidepid=0/m)
  assert.match(stdout, /^ {2}partly {2}which program talks to whom$/m)
  assert.match(stdout, /\/sys can not be read|\/sys\/block can not be read/)
  assert.match(stdout, /good {4}user +number 65534/)
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
})

test('as a service there, with nowhere to write, it runs on and ends with 0 when it is told to', { skip }, () => {
  const words = ['timeout', '--preserve-status', '-s', 'TERM', '4', node, 'src/apps/agent/entry.ts']
  const { status, stderr } = stage(words)
  assert.equal(status, 0, stderr)
  assert.doesNotMatch(stderr, /\n {4}at /)
})

test('settings of the service that this user may not read are no obstacle to a look by hand, and it is said', {
  skip,
}, () => {
  const words = [node, 'src/apps/agent/entry.ts', 'doctor']
  const { status, stdout, stderr } = stage(words, { UNREADABLE: '1' })
  assert.equal(status, 0, stderr)
  assert.match(
    stderr,
    /^ethos agent: \/etc\/ethos\/agent\.conf may not be read by this user: these are the defaults\n$/,
  )
  assert.doesNotMatch(stdout, /secret/)
})
