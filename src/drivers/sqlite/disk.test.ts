/** The store on disks that are full, read-only, broken or slow, and beside another process. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fillDisk, noStrace, run, SmallDisk } from '../../../tools/failing-disk.ts'
import { countSteps, letLoadIn, writeStep } from '../../../tools/server/store-load.ts'
import type { AdmissionRule, SiteStore } from '../../world/site-store.ts'
import { isStoreError } from '../../world/site-store-parts.contract.ts'
import { checkSqliteSite } from './check.ts'
import { openSqliteSite } from './site-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-disk-'))
const small = new SmallDisk(join(folder, 'disk'), '4m')
const disk = small.path
const VICTIM = join(import.meta.dirname, '../../../tools/server/store-victim.ts')

after(() => {
  small.unmount()
  rmSync(folder, { recursive: true, force: true })
})

test('on a full disk nothing is acknowledged, what was is read on, and it goes on once there is room', {
  skip: small.noDisk,
}, async () => {
  const path = join(disk, 'full.sqlite')
  const store = await opened(path)
  for (let step = 0; step < 5; step++) await writeStep(store, step)
  fillDisk(join(disk, 'filler'))
  const step = await writeUntilRefused(store, 5)
  assert.equal(await countSteps(store), step)
  await assert.rejects(writeStep(store, step), isStoreError('full'))
  rmSync(join(disk, 'filler'))
  await writeStep(store, step)
  assert.equal(await countSteps(store), step + 1)
  await store.close()
  assert.deepEqual(await checkSqliteSite(path), [])
  rmSync(path)
})

test('on a disk that may only be read a store does not open, and says why; afterwards it is as it was', {
  skip: small.noDisk,
}, async () => {
  const path = join(disk, 'read-only.sqlite')
  const store = await opened(path)
  await writeStep(store, 0)
  await store.close()
  small.remount('ro')
  try {
    assert.throws(
      () => openSqliteSite(path, { admit }),
      (error) => isStoreError('io')(error) && /writ/.test(String(error)),
    )
  } finally {
    small.remount('rw')
  }
  const again = openSqliteSite(path, { admit })
  await writeStep(again, 1)
  assert.equal(await countSteps(again), 2)
  await again.close()
})

for (const [call, code, when] of [
  ['pwrite64', 'EIO', '40+'],
  ['pwrite64', 'ENOSPC', '30+'],
  ['pwrite64', 'EROFS', '60+'],
  ['fsync,fdatasync', 'EIO', '6+'],
  ['fsync,fdatasync', 'EIO', '3'],
] as const) {
  test(`where the kernel answers ${code} to ${call} (${when}), what was acknowledged is there and nothing is damaged`, {
    skip: noStrace,
  }, async () => {
    const path = join(folder, `${call}-${code}-${when}.sqlite`)
    await (await opened(path)).close()
    const told = victim(path, [`--inject=${call}:error=${code}:when=${when}`], 40)
    assert.match(told, /^(full|io): /m)
    const acknowledged = [...told.matchAll(/^\d+$/gm)].length
    const store = openSqliteSite(path, { admit })
    const held = await countSteps(store)
    assert.ok(held >= acknowledged && held <= acknowledged + 1, `${held} of ${acknowledged}`)
    await writeStep(store, held)
    await store.close()
    assert.deepEqual(await checkSqliteSite(path), [])
  })
}

test('a sync that takes five seconds is waited for, and nothing is acknowledged before it', {
  skip: noStrace,
}, async () => {
  const path = join(folder, 'slow.sqlite')
  await (await opened(path)).close()
  const told = victim(path, ['--inject=fdatasync,fsync:delay_enter=5000000:when=3'], 4)
  assert.deepEqual(told.trim().split('\n'), ['0', '1', '2', '3'])
  const store = openSqliteSite(path, { admit })
  assert.equal(await countSteps(store), 4)
  await store.close()
})

test('a second process is refused by the lock, until the first is gone however it went', async (t) => {
  const path = join(folder, 'locked.sqlite')
  const lockPath = join(folder, 'server.lock')
  // The lock is not let go of when nobody refers to the store any more.
  const code = `import { openSqliteSite } from ${JSON.stringify(new URL('site-store.ts', import.meta.url).href)}
    openSqliteSite(${JSON.stringify(path)}, { admit: () => 0, lockPath: ${JSON.stringify(lockPath)} })
    setTimeout(() => { gc(); console.log('open') }, 10); setInterval(() => 0, 1000)`
  const words = ['--expose-gc', '--input-type=module', '-e', code]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  assert.throws(() => openSqliteSite(path, { admit, lockPath }), isStoreError('locked'))
  // Commands beside a server need no lock.
  await openSqliteSite(path, { admit }).close()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const store = openSqliteSite(path, { admit, lockPath })
  for (const end of ['', '-wal', '-shm']) assert.equal(statSync(`${path}${end}`).mode & 0o777, 0o600)
  assert.throws(() => openSqliteSite(path, { admit, lockPath }), isStoreError('locked'))
  await store.close()
  await openSqliteSite(path, { admit, lockPath }).close()
})

test('a file that is no store is said to be damaged, and one that can not be opened is an error that names it', () => {
  const path = join(folder, 'text.sqlite')
  const file = openSync(path, 'w')
  writeSync(file, 'no database at all, but long enough to look like one. '.repeat(100))
  closeSync(file)
  assert.throws(() => openSqliteSite(path, { admit }), isStoreError('corrupt'))
  const missing = join(folder, 'no', 'such', 'folder.sqlite')
  assert.throws(
    () => openSqliteSite(missing, { admit }),
    (error) => isStoreError('io')(error) && String(error).includes(missing),
  )
})

/** A store with VMs that may write. */
async function opened(path: string): Promise<SiteStore> {
  const store = openSqliteSite(path, { admit })
  await letLoadIn(store)
  return store
}

/** Returns the step that was refused. */
async function writeUntilRefused(store: SiteStore, first: number): Promise<number> {
  for (let step = first; step < 10_000; step++) {
    try {
      await writeStep(store, step)
    } catch (error) {
      assert.ok(isStoreError('full')(error), String(error))
      return step
    }
  }
  return assert.fail('The disk is never full.')
}

/** What a process says that writes so many steps while its calls fail. */
function victim(path: string, inject: readonly string[], steps: number): string {
  const names = ['', '-wal', '-shm'].flatMap((end) => ['-P', `${path}${end}`])
  const words = [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    ...names,
    ...inject,
    process.execPath,
    VICTIM,
    path,
    '0',
    String(steps),
  ]
  const { stdout, stderr } = run('strace', ...words)
  assert.equal(stderr, '')
  return stdout
}

function admit(...[known, { sender, sequence }]: Parameters<AdmissionRule>): ReturnType<AdmissionRule> {
  return { kind: 'taken', next: { ...known, senders: [{ sender, sequence }] } }
}
