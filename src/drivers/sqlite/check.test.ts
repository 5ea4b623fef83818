import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { RETENTION, type SiteStore } from '../../world/site-store.ts'
import { aVector, arrivalsOf, isStoreError, letIn, NOON, WEB } from '../../world/site-store-parts.contract.ts'
import { tendAll } from '../../world/site-store-vectors.contract.ts'
import { backupSqliteSite } from './backup.ts'
import { checkSqliteSite } from './check.ts'
import { openSqliteSite } from './site-store.ts'

const LINES = 6

test('a store with something of everything is whole', async () => {
  await withStoreFile(async (path) => assert.deepEqual(await checkSqliteSite(path), []))
})

const DAMAGE: readonly (readonly [string, string, RegExp])[] = [
  ['a vector that was cut off', 'UPDATE fullVectors SET data = substr(data, 1, 40)', /full vectors is damaged/],
  [
    'a vector that is gone',
    'DELETE FROM fullVectors WHERE id = (SELECT max(id) FROM fullVectors)',
    /newest vector of web-1/,
  ],
  ['counts that contradict', 'UPDATE identities SET kept = kept + 1', /should have 3 vectors, and 2 are there/],
  ['a day of usage that does not unpack', `UPDATE usageDays SET data = x'010203'`, /days of usage is damaged/],
  [
    'hourly vectors that do not unpack',
    `UPDATE hourlyVectors SET data = x'0102030405060708'`,
    /hourly vectors is damaged/,
  ],
  ['a slot that is no record', `UPDATE usageSlabs SET data = x'00'`, /slots is damaged/],
]

for (const [what, sql, expected] of DAMAGE) {
  test(`a check finds ${what}`, async () => {
    await withStoreFile(async (path) => {
      change(path, sql)
      const findings = await checkSqliteSite(path)
      assert.ok(
        findings.some((finding) => finding.severity === 'damage' && expected.test(finding.what)),
        JSON.stringify(findings),
      )
    })
  })
}

test('bytes that were overwritten in the file are found', async () => {
  await withStoreFile(async (path) => {
    const bytes = readFileSync(path)
    for (let page = 4; page * 4096 < bytes.length; page += 3) bytes.fill(0xaa, page * 4096, page * 4096 + 64)
    writeFileSync(path, bytes)
    assert.ok((await checkSqliteSite(path)).some(({ severity }) => severity === 'damage'))
  })
})

const EDITS: readonly (readonly [string, string, number])[] = [
  ['edited', `UPDATE journal SET line = 'other' WHERE number = 3`, 3],
  ['deleted in the middle', 'DELETE FROM journal WHERE number = 3', 3],
  ['deleted at the begin', 'DELETE FROM journal WHERE number = 1', 1],
  ['deleted at the end', `DELETE FROM journal WHERE number = ${LINES}`, LINES],
  ['given another instant', 'UPDATE journal SET at = at + 1 WHERE number = 2', 2],
  ['swapped', `UPDATE journal SET line = CASE number WHEN 2 THEN 'line 4' ELSE 'line 2' END WHERE number IN (2, 4)`, 2],
  ['appended', `INSERT INTO journal VALUES (${LINES + 1}, 0, 'mine', zeroblob(32))`, LINES + 1],
]

for (const [what, sql, number] of EDITS) {
  test(`a journal line that was ${what} is named`, async () => {
    await withStoreFile(async (path) => {
      change(path, sql)
      const store = openSqliteSite(path, { admit })
      assert.deepEqual(await store.journal.verify(), { kind: 'broken', number })
      await store.close()
      assert.match((await checkSqliteSite(path))[0].what, new RegExp(`line ${number} is not what was written`))
    })
  })
}

test('a copy is whole and its owner’s alone while others write, and has nothing that came after it began', async () => {
  await withStoreFile(async (path, folder) => {
    const store = openSqliteSite(path, { admit })
    for (let i = 0; i < 50; i++) await store.journal.append('x'.repeat(300_000), NOON)
    const to = join(folder, 'copy.sqlite')
    const shares: number[] = []
    const copying = new AbortController()
    const writing = (async () => {
      while (!copying.signal.aborted) await store.journal.append('while it is copied', NOON)
    })()
    await store.upkeep.backup(to, (share) => shares.push(share))
    copying.abort()
    await writing
    await store.close()
    assert.equal(statSync(to).mode & 0o777, 0o600)
    assert.equal(shares.at(-1), 1)
    assert.ok(shares.every((share, i) => i === 0 || share >= shares[i - 1]))
    assert.deepEqual(await checkSqliteSite(to), [])
    const copy = openSqliteSite(to, { admit })
    const { lines } = (await copy.journal.verify()) as { lines: number }
    assert.ok(lines >= LINES + 50)
    await copy.close()
  })
})

test('a copy is made over nothing that is there', async () => {
  await withStoreFile(async (path, folder) => {
    await assert.rejects(backupSqliteSite(path, path), isStoreError('invalid'))
    await assert.rejects(backupSqliteSite(path, join(folder, 'no', 'such')), /ENOENT/)
    assert.deepEqual(await checkSqliteSite(path), [])
  })
})

function admit(): never {
  throw new Error('nothing arrives')
}

function change(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

/** Two full vectors, one in its hour, a day of usage, a slot, and a journal. */
async function fill(store: SiteStore): Promise<void> {
  await letIn(store, WEB)
  for (const at of [NOON - 4 * DAY_MS, NOON, NOON + MINUTE_MS])
    await store.vectors.take([arrivalsOf([aVector({ sequence: at / 1000 - 1_700_000_000, windowEnd: at })])])
  for (let i = 1; i <= LINES; i++) await store.journal.append(`line ${i}`, NOON)
  await tendAll(store, NOON + HOUR_MS)
  // The hour's row is packed once its day is past growing.
  await store.upkeep.tend(NOON + HOUR_MS, RETENTION)
}

async function withStoreFile(act: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-check-'))
  const path = join(folder, 'agents.sqlite')
  try {
    const store = openSqliteSite(path, {
      admit: (known, { sender, sequence }) => ({ kind: 'taken', next: { ...known, senders: [{ sender, sequence }] } }),
    })
    await fill(store)
    await store.close()
    await act(path, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
