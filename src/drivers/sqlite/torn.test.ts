/** Writes that a loss of power cut off, wherever: what opens is what was acknowledged up to there. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PROPERTY_SEED } from '../../../tools/property.ts'
import { countSteps, letLoadIn, writeStep } from '../../../tools/server/store-load.ts'
import { Luck } from '../../terms/luck.ts'
import type { AdmissionRule } from '../../world/site-store.ts'
import { checkSqliteSite } from './check.ts'
import { openSqliteSite } from './site-store.ts'

const STEPS = 8
const PAGE_BYTES = 4096
/** SQLite's write-ahead log: a head, then frames of a head and a page each. */
const LOG_HEAD_BYTES = 32
const FRAME_BYTES = 24 + PAGE_BYTES
const SAMPLES = 40

const folder = mkdtempSync(join(tmpdir(), 'ethos-torn-'))
const path = join(folder, 'whole.sqlite')
const luck = new Luck(PROPERTY_SEED)
/** The file before the steps, the log with all of them, and how long that was when each was acknowledged. */
let file: Buffer
let log: Buffer
const acknowledgedAt: number[] = []
/** The file once the log was taken into it. */
let fileAfter: Buffer

before(async () => {
  const first = openSqliteSite(path, { admit })
  await letLoadIn(first)
  await first.close()
  const store = openSqliteSite(path, { admit })
  file = readFileSync(path)
  for (let step = 0; step < STEPS; step++) {
    await writeStep(store, step)
    acknowledgedAt.push(statSync(`${path}-wal`).size)
  }
  assert.deepEqual(readFileSync(path), file, 'the log was taken into the file too early for this test')
  log = readFileSync(`${path}-wal`)
  await store.close()
  fileAfter = readFileSync(path)
})

after(() => rmSync(folder, { recursive: true }))

describe('torn writes', () => {
  test('wherever the log ends, what was acknowledged up to there is there, and no half of what followed', async () => {
    const frames = (log.length - LOG_HEAD_BYTES) / FRAME_BYTES
    assert.ok(Number.isInteger(frames) && frames > STEPS)
    const lengths = Array.from({ length: frames + 1 }, (_, i) => LOG_HEAD_BYTES + i * FRAME_BYTES)
    for (let i = 0; i < SAMPLES; i++) lengths.push(luck.below(log.length))
    for (const length of lengths) assert.equal(await stepsOf(file, log.subarray(0, length)), acknowledgedWithin(length))
  })

  test('whichever frame did not reach the disk, what was acknowledged before it is there, and nothing of what followed', async () => {
    for (let i = 0; i < SAMPLES; i++) {
      const frame = luck.below((log.length - LOG_HEAD_BYTES) / FRAME_BYTES)
      const at = LOG_HEAD_BYTES + frame * FRAME_BYTES
      const torn = Buffer.from(log)
      // Nothing of it, or a sector of 512 bytes of it less.
      if (i % 2 === 0) torn.fill(0, at, at + FRAME_BYTES)
      else torn.fill(0, at + 24 + 512 * luck.below(8), at + FRAME_BYTES)
      const isSame = torn.equals(log)
      assert.equal(await stepsOf(file, torn), isSame ? STEPS : acknowledgedWithin(at))
    }
  })

  test('whichever pages of the file were written when taking the log into it was cut off, everything is there', async () => {
    for (let i = 0; i < SAMPLES; i++) {
      const mixed = Buffer.alloc(fileAfter.length)
      file.copy(mixed)
      for (let at = 0; at < mixed.length; at += PAGE_BYTES)
        if (luck.below(2) === 0) fileAfter.copy(mixed, at, at, at + PAGE_BYTES)
      assert.equal(await stepsOf(mixed, log), STEPS)
    }
  })

  test('where the log was deleted, what had been taken into the file is there and whole', async () => {
    assert.equal(await stepsOf(file, undefined), 0)
    assert.equal(await stepsOf(fileAfter, undefined), STEPS)
  })

  test('a log of another file is not taken for its own', async () => {
    const other = join(folder, 'other.sqlite')
    copyFileSync(path, other)
    writeFileSync(`${other}-wal`, Buffer.concat([log.subarray(0, LOG_HEAD_BYTES), Buffer.alloc(FRAME_BYTES * 3, 7)]))
    const store = openSqliteSite(other, { admit })
    assert.equal(await countSteps(store), STEPS)
    await store.close()
  })
})

/** How many steps were acknowledged while the log was at most so long. */
function acknowledgedWithin(length: number): number {
  return acknowledgedAt.filter((size) => size <= length).length
}

async function stepsOf(content: Buffer, logContent: Buffer | undefined): Promise<number> {
  const torn = join(folder, 'torn.sqlite')
  for (const end of ['-wal', '-shm']) rmSync(`${torn}${end}`, { force: true })
  writeFileSync(torn, content)
  if (logContent !== undefined) writeFileSync(`${torn}-wal`, logContent)
  const store = openSqliteSite(torn, { admit })
  try {
    const steps = await countSteps(store)
    assert.deepEqual(await checkSqliteSite(torn), [])
    return steps
  } finally {
    await store.close()
  }
}

function admit(...[known, { sender, sequence }]: Parameters<AdmissionRule>): ReturnType<AdmissionRule> {
  return { kind: 'taken', next: { ...known, senders: [{ sender, sequence }] } }
}
