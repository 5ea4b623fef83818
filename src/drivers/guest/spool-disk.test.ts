/** The spool on real disks that fail: a file system of a quarter MiB, and a kernel that refuses. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { vectorLines } from '../../../tools/agent-lines.ts'
import { fillDisk, noStrace, run, SmallDisk } from '../../../tools/failing-disk.ts'
import { nodeMachine } from './node-machine.ts'
import { HELD_MAX, Spool } from './spool.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-spool-'))
const small = new SmallDisk(join(folder, 'disk'), '256k')
const disk = small.path
const WRITER = join(import.meta.dirname, '../../../tools/agent-spool-writer.ts')

after(() => {
  small.unmount()
  rmSync(folder, { recursive: true, force: true })
})

const lines = (from: number, to: number): readonly string[] => vectorLines('vm-1', 'run-1', { from, to, endMs: 0 })
/** Numbers of the vectors that wait, in order. */
const all = (spool: Spool): readonly number[] =>
  spool.peek({ lines: 10_000, bytes: 1e9 }).map(({ line }) => (JSON.parse(line) as { seq: number }).seq)
const numbers = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i)

test('on a disk that is full the newest are held in memory, and written once there is room; what was dropped is counted', {
  skip: small.noDisk,
}, () => {
  const machine = nodeMachine()
  const spool = new Spool(machine, join(disk, 'full'), 1024 * 1024)
  for (const line of lines(0, 5)) spool.add(line)
  fillDisk(join(disk, 'fill'))
  for (const line of lines(5, 405)) spool.add(line)
  const { waiting, lost, degraded = '' } = spool.state
  assert.match(degraded, /ENOSPC/)
  assert.equal(waiting + lost, 405)
  assert.ok(waiting >= HELD_MAX && lost > 0, `${waiting} ${lost}`)
  rmSync(join(disk, 'fill'))
  for (const line of lines(405, 406)) spool.add(line)
  assert.equal(spool.state.degraded, undefined)
  spool.close()
  const after = new Spool(machine, join(disk, 'full'), 1024 * 1024)
  assert.deepEqual([after.state.waiting + after.state.lost, all(after).at(-1)], [406, 405])
  assert.deepEqual(all(after).slice(-HELD_MAX), numbers(406 - HELD_MAX, 406))
  after.close()
  rmSync(join(disk, 'full'), { recursive: true })
})

test('on a disk that was made read-only it goes on in memory, and on disk again when it may', {
  skip: small.noDisk,
}, () => {
  const machine = nodeMachine()
  const spool = new Spool(machine, join(disk, 'read-only'), 1024 * 1024)
  for (const line of lines(0, 5)) spool.add(line)
  spool.close()
  small.remount('ro')
  for (const line of lines(5, 10)) spool.add(line)
  assert.match(spool.state.degraded ?? '', /EROFS/)
  assert.deepEqual(all(spool), numbers(0, 10))
  assert.equal(new Spool(machine, join(disk, 'read-only'), 1024 * 1024).state.waiting, 5)
  small.remount('rw')
  spool.settle()
  assert.equal(spool.state.degraded, undefined)
  spool.close()
  assert.deepEqual(all(new Spool(machine, join(disk, 'read-only'), 1024 * 1024)), numbers(0, 10))
})

for (const [call, code, when] of [
  ['fsync', 'EIO', '6..9'],
  ['write', 'ENOSPC', '8..20'],
  ['fsync', 'EIO', '2+3'],
  ['rename', 'EROFS', '2+2'],
] as const) {
  test(`where the kernel answers ${code} to ${call} (${when}), nothing that was offered is missing`, {
    skip: noStrace,
  }, () => {
    const path = join(folder, `${call}-${when}`)
    const inject = ['-f', '-qq', '-o', '/dev/null', '-P', path, `--inject=${call}:error=${code}:when=${when}`]
    const names = [
      'cursor',
      'cursor.new',
      ...Array.from({ length: 60 }, (_, i) => `vectors-${String(i).padStart(10, '0')}`),
    ]
    const paths = names.flatMap((name) => ['-P', join(path, name), '-P', `${join(path, name)}.new`])
    const { stdout, stderr } = run('strace', ...inject, ...paths, process.execPath, WRITER, path, '50')
    const said = JSON.parse(stdout || '{}') as { waiting: number; lost: number; degraded: readonly string[] }
    assert.deepEqual([said.waiting, said.lost], [50, 0], stderr)
    assert.ok(said.degraded.includes(code), stdout)
    const machine = nodeMachine()
    const held = new Spool(machine, path, 1024 * 1024)
    // What was in memory when the process ended is gone; all before it is there, in order, and nothing twice.
    assert.deepEqual(all(held), numbers(0, held.state.waiting))
    held.close()
    assert.ok(existsSync(path) && statSync(path).isDirectory())
  })
}

test('the device that is always full is no spool, and no harm', () => {
  const machine = nodeMachine()
  const path = join(folder, 'is-a-file')
  writeFileSync(path, '')
  const spool = new Spool(machine, path, 1024 * 1024)
  for (const line of lines(0, 300)) spool.add(line)
  assert.ok(spool.state.degraded !== undefined)
  assert.deepEqual([spool.state.waiting, spool.state.lost], [HELD_MAX, 300 - HELD_MAX])
  assert.throws(() => {
    const file = machine.files.openAppend('/dev/full', 0o600)
    file.append(Buffer.from('x'))
  }, /ENOSPC/)
})
