import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { AdmissionRule } from '../../world/site-store.ts'
import { aVector, arrivalsOf, DB, isStoreError, NEVER, NOON, WEB } from '../../world/site-store-parts.contract.ts'
import { lockFile } from './folder-lock.ts'
import { SCHEMA_0 } from './schema-0.ts'
import { migrateSqliteSite } from './site-schema.ts'
import { openSqliteSite } from './site-store.ts'

const ALL = { from: 0, to: NEVER, most: 9999 }
const VECTORS = 5
const admit: AdmissionRule = (known, { sender, sequence, kept }) => {
  if (kept === 'same') return { kind: 'duplicate' }
  return { kind: 'taken', next: { ...known, senders: [{ sender, sequence }] } }
}

test('what the server that only listened has kept is there under the new schema', async () => {
  await inFolder(async (path) => {
    writeOldStore(path, VECTORS)
    const store = openSqliteSite(path, { admit })
    assert.equal(await store.upkeep.schemaVersion(), 1)
    assert.deepEqual(await store.identities.list(), [
      {
        vm: DB,
        joinedAt: NOON,
        via: 'channel',
        isBanned: true,
        isReleased: false,
        isClockOff: false,
        vectorsKept: 0,
        vectorsKeptApart: 0,
        counts: {},
      },
      {
        vm: WEB,
        joinedAt: NOON,
        heardAt: NOON + 9,
        certificateEndsAt: NEVER,
        via: 'https',
        isBanned: false,
        quarantine: { at: NOON + 8, reason: 'twice' },
        isReleased: false,
        isClockOff: true,
        vectorsKept: VECTORS,
        vectorsKeptApart: 1,
        counts: { accepted: 7, 'refused: schema': 3 },
      },
    ])
    const history = await store.vectors.history(WEB, ALL)
    // The last is kept apart.
    assert.deepEqual(
      history.map(({ vector }) => vector),
      Array.from({ length: VECTORS - 1 }, (_, i) => oldVector(i)),
    )
    const usage = await store.usage.series(WEB, { from: NOON, to: NOON + 4 * 5 * MINUTE_MS })
    assert.deepEqual([...(usage.mean.cpu ?? [])], [1, 2, 3, 4])
    assert.deepEqual(
      (await store.joinTokens.list()).map(({ id }) => id),
      ['token'],
    )
    assert.equal((await store.audit.last(9))[0]?.reason, 'because')
    assert.equal((await store.phases.current())?.version, 2)
    await store.identities.release(WEB)
    const [again] = await store.vectors.take([arrivalsOf([oldVector(2)])])
    assert.deepEqual(again, { kind: 'heard', outcomes: ['duplicate'] })
    await store.close()
  })
})

test('going back gives what was there, byte for byte; what only the new schema has is there after going forward again', async () => {
  await inFolder(async (path) => {
    writeOldStore(path, VECTORS)
    const before = dump(path)
    const store = openSqliteSite(path, { admit })
    await store.journal.append('line', NOON)
    await store.hosts.put({ hostId: 'host-1' as never, changedAt: NOON })
    await store.joinTokens.add({
      id: 'of a host',
      secretDigest: '0',
      for: { host: 'host-1' as never },
      expiresAt: NEVER,
    })
    await store.close()
    assert.equal(migrateSqliteSite(path, { to: 0 }), 1)
    assert.deepEqual(dump(path), before)
    const again = openSqliteSite(path, { admit })
    assert.deepEqual(await again.journal.verify(), { kind: 'whole', lines: 1 })
    assert.equal((await again.hosts.list()).length, 1)
    assert.deepEqual((await again.joinTokens.list()).map(({ id }) => id).toSorted(), ['of a host', 'token'])
    assert.equal((await again.vectors.history(WEB, ALL)).length, VECTORS - 1)
    await again.close()
  })
})

test('a schema of a later version is refused with a sentence', async () => {
  await inFolder(async (path) => {
    await openSqliteSite(path, { admit }).close()
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 2')
    database.close()
    assert.throws(() => openSqliteSite(path, { admit }), isStoreError('newer'))
    assert.throws(() => openSqliteSite(path, { admit }), /its schema is 2, and this version of Ethos knows 1/)
  })
})

test('while a server runs with it, nobody changes the schema under it', async () => {
  await inFolder(async (path, folder) => {
    writeOldStore(path, 1)
    const lock = lockFile(join(folder, 'server.lock'))
    assert.throws(() => openSqliteSite(path, { admit }), isStoreError('locked'))
    lock?.close()
    await openSqliteSite(path, { admit }).close()
  })
})

test('a kill in the middle of a migration leaves the schema before it, whole, whichever way it went', async () => {
  await inFolder(async (path) => {
    writeOldStore(path, 4000)
    for (const share of [0.3, 0.7]) {
      const before = dump(path)
      await killedMigration(path, 1, share)
      assert.deepEqual(dump(path), before)
    }
    migrateSqliteSite(path, {})
    for (const share of [0.3, 0.7]) await killedMigration(path, 0, share)
    const store = openSqliteSite(path, { admit })
    assert.equal((await store.vectors.history(WEB, ALL)).length, 3999)
    assert.deepEqual(await store.upkeep.check(), [])
    await store.close()
  })
})

/** Kills itself once so much is done. */
async function killedMigration(path: string, to: number, share: number): Promise<void> {
  const code = `import { migrateSqliteSite } from ${JSON.stringify(new URL('site-schema.ts', import.meta.url).href)}
    migrateSqliteSite(${JSON.stringify(path)}, { to: ${to}, onProgress: (done) => done > ${share} && process.kill(process.pid, 'SIGKILL') })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL')
}

function oldVector(i: number): ReturnType<typeof aVector> {
  return aVector({ sequence: i, windowEnd: NOON + (i + 1) * 5 * MINUTE_MS })
}

/** A store as the server that only listened left it. */
function writeOldStore(path: string, vectors: number): void {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; ${SCHEMA_0}`)
  const agent = database.prepare('INSERT INTO agents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  agent.run(WEB, NOON, NOON + 9, NEVER, 0, 0, 'twice', NOON + 8, 0, 1, vectors - 1, vectors)
  agent.run(DB, NOON, null, null, 1, 1, null, null, 0, 0, null, 0)
  const sender = database.prepare('INSERT INTO senders VALUES (?, ?, ?, ?, ?)')
  sender.run(WEB, 'agent-0', 1, 17, 0)
  sender.run(WEB, 'agent-1', 2, vectors - 1, vectors)
  const count = database.prepare('INSERT INTO counts VALUES (?, ?, ?)')
  count.run(WEB, 'accepted', 7)
  count.run(WEB, 'refused: schema', 3)
  database.prepare('INSERT INTO tokens VALUES (?, ?, ?, ?, ?)').run('token', 'digest', DB, NEVER, null)
  database.prepare('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)').run(1, NOON, 'joined', WEB, 'an address', 'because')
  database.prepare('INSERT INTO phases VALUES (?, ?, ?, ?, ?)').run(2, '{}', 'ab', NOON, 1)
  const add = database.prepare('INSERT INTO vectors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
  database.exec('BEGIN')
  for (let i = 0; i < vectors; i++) {
    const vector = oldVector(i)
    const { sender, sequence, windowEnd } = vector
    const isApart = i === vectors - 1 ? 1 : 0
    add.run(i + 1, WEB, sender, sequence, windowEnd + 5, windowEnd, 0, isApart, encodePersonality(vector))
  }
  database.exec('COMMIT')
  database.close()
}

/** All that schema 0 holds. */
function dump(path: string): Readonly<Record<string, unknown>> {
  const database = new DatabaseSync(path)
  const tables = ['agents', 'senders', 'counts', 'tokens', 'audit', 'vectors', 'phases']
  const found = tables.map((table) => [table, database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all()] as const)
  database.close()
  return Object.fromEntries(found)
}

async function inFolder(act: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-migrate-'))
  try {
    await act(join(folder, 'agents.sqlite'), folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
