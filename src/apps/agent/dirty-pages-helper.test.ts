import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FakeMachine } from '../../drivers/guest/fake-machine.ts'
import type { Machine } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { DirtyPagesSampler } from '../../drivers/guest/samplers/dirty-pages.ts'
import { type DirtyResults, encodeDirtyResults, parseDirtyResults } from '../../drivers/guest/samplers/dirty-results.ts'
import { lookAt, lookTwice } from '../../drivers/guest/samplers/looking.ts'
import { ParseError } from '../../terms/parse.ts'
import { runDirtyPagesHelper } from './dirty-pages-helper.ts'

const PATH = '/run/ethos/dirty-pages.json'
const VMSTAT = { '/proc/vmstat': 'nr_dirtied 0\npgalloc_normal 0\n' }

function results(changes: Partial<DirtyResults> = {}): DirtyResults {
  const spans = { shortMs: 1000, shortBytes: 12_000_000, longMs: 10_000, longBytes: 64_000_000 }
  return { at: 0, everyMs: 300_000, ...spans, processes: 3, ...changes }
}

test('what the helper left is the rate of the short span, and the writable working set of the long one', () => {
  const guest = new FakeMachine({ ...VMSTAT, [PATH]: encodeDirtyResults(results({ shortMs: 1200 })) })
  const { measured, details } = lookTwice(new DirtyPagesSampler(guest, 4096), guest.texts, {})
  // 12 MB in 1.2 s.
  assert.equal(measured.memoryDirtiedBytesPerSec, 10_000_000)
  assert.equal(details['writable working set, each page once'], 64_000_000)
})

test('results of a helper that runs no more are absent after two rounds, and it is said', () => {
  const guest = new FakeMachine({ ...VMSTAT, [PATH]: encodeDirtyResults(results()) })
  const sampler = new DirtyPagesSampler(guest, 4096)
  lookAt(sampler, 0)
  assert.equal(lookAt(sampler, 600_000).measured.memoryDirtiedBytesPerSec, 12_000_000)
  assert.equal(lookAt(sampler, 600_001).measured.memoryDirtiedBytesPerSec, 0)
})

test('what no helper writes is refused', () => {
  const good = encodeDirtyResults(results())
  assert.deepEqual(parseDirtyResults(good), results())
  const bad = ['', '[]', '{}', good.replace('"version":1', '"version":2'), good.replace('12000000', '-1')]
  for (const text of [
    ...bad,
    good.replace('12000000', '1e99'),
    good.replace('1000,', '0,'),
    `${good}${' '.repeat(2000)}`,
  ])
    assert.throws(() => parseDirtyResults(text), ParseError, text)
})

function isOfProc(path: string): boolean {
  return path.startsWith('/proc/')
}

/** A machine of which one process may be looked into, whose pages `dirty` are written; its helper writes files for real. */
function aMachine(dirty: readonly number[], said: string[], denied?: string, readMs = 0): Machine {
  const maps = '00010000-00014000 rw-p 00000000 00:00 0\n'
  const texts = { '/proc/1/maps': maps, '/proc/7/statm': '4000 2000 0 0 0 0 0\n' }
  const guest = new FakeMachine(texts)
  for (const pid of ['7', 'self']) {
    guest.texts[`/proc/${pid}/maps`] = maps
    guest.texts[`/proc/${pid}/clear_refs`] = ''
  }
  if (denied !== undefined) guest.denied.add(denied)
  guest.bytesAt = (_path, offset, length) => {
    const bytes = new Uint8Array(length)
    // Entry n is page n: address 0x10000 is page 16. Bit 55 (dirty) is the highest of byte 6, bit 63 (present) of byte 7.
    for (const page of dirty) bytes.set([0x80, 0x80], (16 + page) * 8 + 6 - offset)
    return bytes
  }
  const real = nodeMachine()
  let nowMs = 0
  return {
    ...real,
    readText: (path, bytes) => (isOfProc(path) ? guest.readText(path, bytes) : real.readText(path, bytes)),
    readAt: (...words) => {
      nowMs += readMs
      return guest.readAt(...words)
    },
    list: (path) => guest.list(path),
    files: { ...real.files, openAppend: (path, mode) => guest.files.openAppend(path, mode) },
    self: { ...real.self, complain: (text) => void said.push(text), onSignal: () => undefined },
    now: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: (ms) => {
      nowMs += ms
      return Promise.resolve()
    },
  }
}

test('a helper without the right to look into others leaves nothing, and says why', async () => {
  const said: string[] = []
  assert.equal(await runDirtyPagesHelper(aMachine([0], said, '/proc/1'), ['once'], '/nowhere/at/all'), 1)
  assert.match(said.join(''), /memory written is not counted: no right to look into other processes/)
})

test('a round clears once, reads after a second and after ten, and leaves both for the group alone', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-dirty-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ethos', 'dirty-pages.json')
  const machine = aMachine([0, 2, 3], [])
  assert.equal(await runDirtyPagesHelper(machine, ['once'], path), 0)
  const bytes = 3 * 4096
  const spans = { shortMs: 1000, shortBytes: bytes, longMs: 10_000, longBytes: bytes }
  assert.deepEqual(parseDirtyResults(readFileSync(path, 'utf8')), {
    at: 10_000,
    everyMs: 300_000,
    ...spans,
    processes: 1,
  })
  assert.equal(statSync(path).mode & 0o777, 0o640)
  writeFileSync(path, 'rubbish')
  assert.equal(await runDirtyPagesHelper(machine, ['once'], path), 0, 'what others left there is written over')
  assert.equal(parseDirtyResults(readFileSync(path, 'utf8')).at, 20_000)
})

test('a reading that takes its time is of its middle', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-dirty-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ethos', 'dirty-pages.json')
  await runDirtyPagesHelper(aMachine([0], [], undefined, 600), ['once'], path)
  const { shortMs, longMs } = parseDirtyResults(readFileSync(path, 'utf8'))
  assert.deepEqual({ shortMs, longMs }, { shortMs: 1300, longMs: 10_300 })
})

test('words that the helper does not know are refused', async () => {
  await assert.rejects(runDirtyPagesHelper(aMachine([0], []), ['twice']), ParseError)
})
