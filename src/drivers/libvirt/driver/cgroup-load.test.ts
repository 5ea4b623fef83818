import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { cgroupCores, type CgroupLook, lookAtCgroups } from './cgroup-load.ts'

const WEB = String.raw`machine-qemu\x2d1\x2dweb.scope`
const DB = String.raw`machine-qemu\x2d2\x2ddb.scope`

/** A folder with such files. */
function aRoot(context: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'ethos-cgroup-'))
  context.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}

test("version 2 under systemd: QEMU's own are counted, containers beside them are not", (context) => {
  const root = aRoot(context, {
    [`machine.slice/${WEB}/cpu.stat`]: 'usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n',
    'machine.slice/machine-nspawn.scope/cpu.stat': 'usage_usec 9000000\n',
  })
  const look = lookAtCgroups(5, root)
  assert.deepEqual([...(look?.usageUsec ?? [])], [[WEB, 1_500_000]])
  assert.equal(look?.folder, join(root, 'machine.slice'))
})

test('version 1, alone or beside version 2, and without systemd: nanoseconds, by the first hierarchy with an account', (context) => {
  const systemd = aRoot(context, {
    [`unified/machine.slice/${WEB}/cgroup.procs`]: '1\n',
    [`cpu,cpuacct/machine.slice/${WEB}/cpuacct.usage`]: '2000000000\n',
  })
  assert.equal(lookAtCgroups(0, systemd)?.usageUsec.get(WEB), 2_000_000)
  const plain = aRoot(context, { 'cpuacct/machine/qemu-1-web.libvirt-qemu/cpuacct.usage': '3000\n' })
  assert.equal(lookAtCgroups(0, plain)?.usageUsec.get('qemu-1-web.libvirt-qemu'), 3)
})

test('where no VM has an account, or it is none, there is no look', (context) => {
  assert.equal(lookAtCgroups(0, '/nonexistent'), undefined)
  const root = aRoot(context, { [`machine.slice/${WEB}/cpu.stat`]: 'usage_usec lots\n' })
  assert.equal(lookAtCgroups(0, root), undefined)
})

function look(atMs: number, usages: readonly (readonly [string, number])[]): CgroupLook {
  return { atMs, folder: '/machine.slice', usageUsec: new Map(usages) }
}

test('busy cores are the rise over the span; one that came in between began at zero', () => {
  // 0.5 s of the old one and 0.25 s of the new one in 0.5 s: 1.5 cores.
  const after = look(1500, [
    [WEB, 1_500_000],
    [DB, 250_000],
  ])
  assert.equal(cgroupCores(look(1000, [[WEB, 1_000_000]]), after), 1.5)
})

test('where one went, an account went back or no time passed, nothing is made up', () => {
  const both = look(1000, [
    [WEB, 1000],
    [DB, 1000],
  ])
  assert.equal(cgroupCores(both, look(2000, [[WEB, 2000]])), undefined)
  assert.equal(cgroupCores(look(1000, [[WEB, 1000]]), look(2000, [[WEB, 999]])), undefined)
  assert.equal(cgroupCores(both, both), undefined)
})
